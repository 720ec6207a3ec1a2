"""`oversight train`: fine-tune a model on rows of training data."""
