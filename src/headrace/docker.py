"""The contract's place for `DockerImage`."""

from headrace.deployments.images import DeploymentImage, DockerImage

__all__ = ["DeploymentImage", "DockerImage"]
