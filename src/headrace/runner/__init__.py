"""The contract's place for what serves deployments and for storages of code."""
