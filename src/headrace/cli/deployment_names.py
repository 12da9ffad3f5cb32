"""How a person names a deployment."""

from uuid import UUID

import click

from headrace.client import Client, deployments
from headrace.wire.deployments import DeploymentResponse


def find(client: Client, name: str) -> DeploymentResponse:
    """The deployment of a name `flow/deployment`, or of an id.

    Raises:
        click.UsageError: It is neither.
        ObjectNotFound: There is none.
    """
    flow_name, slash, own = name.partition("/")
    if slash:
        return deployments.read_deployment_by_name(client, flow_name, own)
    try:
        return deployments.read_deployment(client, UUID(name))
    except ValueError as error:
        message = f"{name!r} is no deployment: write 'flow/deployment', or its id"
        raise click.UsageError(message) from error
