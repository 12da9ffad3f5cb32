"""The contract's place for `RunnerDeployment`."""

from headrace.deployments.deployment import RunnerDeployment

__all__ = ["RunnerDeployment"]
