"""Containers of a Docker engine that the worker reaches."""
