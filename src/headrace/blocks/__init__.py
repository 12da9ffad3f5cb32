"""Blocks: configuration and credentials that are kept on the server, as classes."""
