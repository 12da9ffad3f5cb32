"""What an attempt is told: which run it is, where the API is, and what lets it in."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from headrace.core.sdks import Sdk
from headrace.settings import Settings
from headrace.worker.contract_control import ContractControl
from headrace.worker.holdings import Held

Credentials = Mapping[Sdk, Mapping[str, str]]


def credentials_of(settings: Settings) -> Credentials:
    """The environment, for each SDK, that shows the API what this worker shows it."""
    if settings.api_key:
        # The contract's SDK would send a key with requests and not over WebSockets; as a password it
        # sends it always.
        return {
            Sdk.HEADRACE: {"HEADRACE_API_KEY": settings.api_key},
            Sdk.PREFECT: {"PREFECT_API_AUTH_STRING": f"headrace:{settings.api_key}"},
        }
    if settings.api_auth_string:
        return {
            Sdk.HEADRACE: {"HEADRACE_API_AUTH_STRING": settings.api_auth_string},
            Sdk.PREFECT: {"PREFECT_API_AUTH_STRING": settings.api_auth_string},
        }
    return {}


@dataclass(frozen=True, slots=True)
class JobEnvironments:
    """Makes the environments of jobs.

    Args:
        url: Where the API is now.
        credentials: What lets runs into it.
        control: How runs of the contract's own SDK on this machine hear of a cancellation.
        is_local: Jobs are processes of this machine, under this worker's own environment.
    """

    url: Callable[[], str]
    credentials: Credentials
    control: ContractControl
    is_local: bool

    def identify(self, held: Held) -> dict[str, str]:
        """What differs from attempt to attempt."""
        if held.handle.sdk is Sdk.PREFECT:
            told = {"PREFECT__FLOW_RUN_ID": held.run_id}
            return told | (self.control.invite(held) if self.is_local else {})
        told = {"HEADRACE__FLOW_RUN_ID": held.run_id, "HEADRACE__FLOW_RUN_EPOCH": str(held.epoch)}
        return told | ({"HEADRACE_API_URL": self.url()} if self.is_local else {})

    def settings(self, sdk: Sdk) -> dict[str, str]:
        """What is the same for all attempts of an SDK; what a job's template says goes over it."""
        if sdk is Sdk.HEADRACE and self.is_local:
            return {}  # they inherit it
        return {f"{sdk.upper()}_API_URL": self.url(), **self.credentials.get(sdk, {})}
