"""Infrastructure kinds: where a run's process lives, one folder per kind behind one contract."""
