"""Auditing a sample of what was released: drawing it for a run, estimating from it, thresholds, and how many auditors."""
