"""placeholder until generated."""
