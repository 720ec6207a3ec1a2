"""Internalisation probes: what a model knows and does without its constitution in the prompt."""
