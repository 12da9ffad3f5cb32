"""Where runs' jobs live, for each kind of work pool."""
