"""The revisions, numbered in order. Written once, never changed after a release."""
