"""The command line: one module per command group; arguments, a client call, output. No logic."""

from headrace.cli.root import main

__all__ = ["main"]
