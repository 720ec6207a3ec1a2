"""The roles: each a function from a view to an output, by way of a model."""
