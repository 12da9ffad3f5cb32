"""Warm processes: interpreters that are ready before a run needs them."""
