"""Public paths of the contract; the modules that implement them lie one level up."""
