"""The composition root: puts the parts of the server together."""
