"""The example pipeline, and the steps of `headrace demo` that run it from nothing."""
