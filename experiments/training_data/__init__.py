"""Datasets of a run: what the builders read of it, and the commands that list, build and export."""
