"""`oversight topology`: what graphs there are, drawn, checked, and documented."""
