"""Checks of training sets (`training.checks`) in a run: what a run knows, the gate, and `oversight dataset audit`."""
