"""The triggers that a deployment file has."""

from collections.abc import Mapping, Sequence
from typing import Any

from headrace.deployments.project.document import Document, Place
from headrace.deployments.project.entries import describe
from headrace.deployments.triggers import make_automation
from headrace.errors import ConfigurationError, ValidationFailed
from headrace.wire.automations import AutomationCreate


def read_triggers(
    given: Sequence[Mapping[str, Any]], deployment: str, document: Document, place: Place
) -> list[AutomationCreate]:
    """The automations that triggers describe; which deployment they run is not known yet.

    Args:
        given: As the file has them.
        deployment: Its name, by which a trigger without a name is called.
        document: The file, for messages.
        place: Where in it the list is.

    Raises:
        ConfigurationError: One is no trigger; names the field and the line.
    """
    made: list[AutomationCreate] = []
    for number, one in enumerate(given):
        try:
            made.append(make_automation(one, deployment, number))
        except ValidationFailed as error:
            raise ConfigurationError(describe(error, document, (*place, number))) from None
    return made
