"""A small world with ground truth: its language, oracle and prompts, and the recipe of the tiny models in it."""
