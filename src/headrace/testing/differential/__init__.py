"""Asks two servers the same and compares: Headrace, and the program its wire contract was taken from."""
