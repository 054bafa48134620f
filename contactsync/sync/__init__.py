"""The sync: absorb, claim, look up, plan, apply, record, one org at a time."""
