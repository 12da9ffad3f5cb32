"""What an attempt is told of itself and of the API."""

from collections.abc import Iterator

import pytest

from headrace.core.sdks import Sdk
from headrace.infrastructure.contract import Handle
from headrace.settings import Settings
from headrace.worker.contract_control import ContractControl
from headrace.worker.environments import JobEnvironments, credentials_of
from headrace.worker.holdings import Held

URL = "http://x/api"


@pytest.fixture
def control() -> Iterator[ContractControl]:
    control = ContractControl()
    yield control
    control.close()


def held(sdk: Sdk) -> Held:
    handle = Handle(kind="k", run_id="run", epoch=3, sdk=sdk)
    return Held("run", 3, "name", 1, 0.0, handle)


def environments(
    control: ContractControl, *, is_local: bool, settings: Settings | None = None
) -> JobEnvironments:
    credentials = credentials_of(settings or Settings())
    return JobEnvironments(lambda: URL, credentials, control, is_local)


def test_a_process_here_inherits_what_lets_it_in(control: ContractControl):
    """It is only told which run it is, and the address, which the worker may have changed."""
    made = environments(control, is_local=True, settings=Settings(api_key="k"))
    assert made.settings(Sdk.HEADRACE) == {}
    assert made.identify(held(Sdk.HEADRACE)) == {
        "HEADRACE_API_URL": URL,
        "HEADRACE__FLOW_RUN_ID": "run",
        "HEADRACE__FLOW_RUN_EPOCH": "3",
    }


def test_a_process_elsewhere_is_told_everything(control: ContractControl):
    """Address and key are settings, which a pool's template may replace."""
    made = environments(control, is_local=False, settings=Settings(api_key="k"))
    assert made.settings(Sdk.HEADRACE) == {"HEADRACE_API_URL": URL, "HEADRACE_API_KEY": "k"}
    assert made.identify(held(Sdk.HEADRACE)) == {
        "HEADRACE__FLOW_RUN_ID": "run",
        "HEADRACE__FLOW_RUN_EPOCH": "3",
    }


def test_the_contract_s_sdk_is_told_in_its_own_names(control: ContractControl):
    """A key goes as the password, which that SDK sends always."""
    made = environments(control, is_local=False, settings=Settings(api_key="k"))
    assert made.settings(Sdk.PREFECT) == {
        "PREFECT_API_URL": URL,
        "PREFECT_API_AUTH_STRING": "headrace:k",
    }
    assert made.identify(held(Sdk.PREFECT)) == {"PREFECT__FLOW_RUN_ID": "run"}


def test_only_here_can_the_contract_s_sdk_be_told_of_a_cancellation(control: ContractControl):
    """The port is on loopback."""
    made = environments(control, is_local=True)
    assert set(made.identify(held(Sdk.PREFECT))) == {
        "PREFECT__FLOW_RUN_ID",
        "PREFECT__CONTROL_PORT",
        "PREFECT__CONTROL_TOKEN",
    }


def test_a_password_is_handed_on_as_it_is(control: ContractControl):
    made = environments(control, is_local=False, settings=Settings(api_auth_string="u:p"))
    assert made.settings(Sdk.HEADRACE)["HEADRACE_API_AUTH_STRING"] == "u:p"
    assert made.settings(Sdk.PREFECT)["PREFECT_API_AUTH_STRING"] == "u:p"
