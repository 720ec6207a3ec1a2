"""Training sets of a run: what builders read of it, what audits know of it, and `oversight dataset`."""
