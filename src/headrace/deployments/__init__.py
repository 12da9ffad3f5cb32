"""Deployments: flows with a place, a schedule and parameters, served here or run by a pool."""

from headrace.deployments.deploying import deploy
from headrace.deployments.deployment import RunnerDeployment
from headrace.deployments.serving import serve

__all__ = ["RunnerDeployment", "deploy", "serve"]
