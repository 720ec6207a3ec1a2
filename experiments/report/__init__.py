"""The report of a run as one self-contained page, and the drawings in it."""
