"""A small world with ground truth: a language, an oracle, prompts, and the recipe of the tiny models that live in it."""
