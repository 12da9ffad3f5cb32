"""Tasks: the steps of a flow."""
