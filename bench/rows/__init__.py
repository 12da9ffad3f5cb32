"""The rows of the budget table, one module for those that share a set-up."""
