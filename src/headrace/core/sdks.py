"""Which SDK a deployment was made with: its runs need that one's engine."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

SDK_HEADER: Final = "x-headrace-sdk"
"""The header in which a client says of which SDK a deployment's flow is, where that is not its own."""


class Sdk(StrEnum):
    """What can run a flow. The value is the package's name, in Python and in pull steps."""

    HEADRACE = "headrace"
    PREFECT = "prefect"


def tell_sdk(
    user_agent: str | None,
    pull_steps: Iterable[Mapping[str, object]] = (),
    said: str | None = None,
) -> Sdk:
    """The SDK that made a deployment.

    The SDKs name themselves. For others (a browser, Terraform, curl) the pull steps decide, which are
    functions of an SDK's package, or of its integrations (`prefect_aws.…`).

    Args:
        user_agent: How the client that sends it names itself.
        pull_steps: The deployment's.
        said: What the client says in so many words.
    """
    if said in set(Sdk):
        return Sdk(said)
    product = (user_agent or "").partition("/")[0]
    if product in set(Sdk):
        return Sdk(product)
    packages = {name.partition(".")[0] for step in pull_steps for name in step}
    if any(name == Sdk.PREFECT or name.startswith("prefect_") for name in packages):
        return Sdk.PREFECT
    return Sdk.HEADRACE
