"""The example pipeline, which `headrace demo` runs from nothing."""

VARIABLE = "champion"
"""The variable that says which model is in use."""
