"""Revisions of the schema: one chain for both databases."""
