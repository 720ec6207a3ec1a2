"""Self-study and cartridges as an experiment: what a model knows of its constitution afterwards, both ways round."""
