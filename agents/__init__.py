"""Who acts: the core records, the roles, the models behind one protocol, and the Ray actor that plays a role."""
