"""Headrace on a large database: a million flow runs, five million task runs, ten million log lines.

`uv run --group bench python -m bench.large --database FILE-or-ADDRESS` loads it (minutes, once; a
database that is there is used again) and asks the questions of the budget's last row through the server.
"""
