"""Speed and memory, as ratios and counts beside their budgets: `make bench`, or `python -m tests.bench`.

Real processes on free ports of this machine; the CRM is the stand-in. Absolute numbers say much of a machine and little of
the code, so what can be is measured against something plain that runs beside it.
"""
