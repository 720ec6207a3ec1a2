"""What is measured of an arm, as plain functions with formulas and sources; docs/metrics.md lists them.

agreement: raters with one another. calibration: stated probabilities with the truth. gaps: what is recovered of a gap,
and how far a judge favours the right side. control: safety and usefulness by audit budget. cost, latency: money and
time of a case. pareto: which arms no other arm beats in everything.
"""
