"""Thousands of short runs through one process worker: how fast, and what is left of them."""
