"""Kill and stop real processes at each step of a run, and judge from outside what became of it."""
