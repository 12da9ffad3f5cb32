"""Processes on the worker's own machine."""
