"""Chaos: real processes, a seeded stream of webhooks, and everything that can go wrong meanwhile (DESIGN §7).

`python -m tests.chaos` (see `__main__.py`) runs it; `stream.py` says what is sent, `schedule.py` what goes wrong and when,
`judge.py` what must be true at the end. These three are pure: the seed alone decides.
"""
