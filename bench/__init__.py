"""Headrace and its peer, measured side by side in one run on one machine.

`uv run --group bench python -m bench` installs the peer into an environment of its own, runs every
row of the budget table against both and writes `bench/RESULTS.md`.
"""
