"""The stages of a run: oversee every arm, fine-tune on what they settled, evaluate the bases alone."""
