"""Flows: the functions that are orchestrated."""
