"""Auditing a sample of what was released: drawing it, estimating from it, thresholds, and how many auditors."""
