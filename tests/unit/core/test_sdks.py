"""Which SDK a deployment was made with."""

import pytest

from headrace.core.sdks import Sdk, tell_sdk

THEIRS = [{"prefect.deployments.steps.git_clone": {"repository": "x"}}]
INTEGRATION = [{"prefect_aws.deployments.steps.pull_from_s3": {"bucket": "x"}}]
OURS = [{"headrace.deployments.steps.git_clone": {"repository": "x"}}]


@pytest.mark.parametrize(
    ("user_agent", "steps", "sdk"),
    [
        ("prefect/3.8.8 (API 0.8.4)", OURS, Sdk.PREFECT),
        ("headrace/0.1.0", THEIRS, Sdk.HEADRACE),
        ("terraform-provider-prefect", THEIRS, Sdk.PREFECT),
        ("curl/8.0", INTEGRATION, Sdk.PREFECT),
        ("Mozilla/5.0", OURS, Sdk.HEADRACE),
        (None, [], Sdk.HEADRACE),
        ("prefectly/1", [{}], Sdk.HEADRACE),
    ],
)
def test_clients_name_themselves_and_pull_steps_tell_of_others(
    user_agent: str | None, steps: list[dict[str, object]], sdk: Sdk
) -> None:
    """The SDKs' own word counts first; for any other client the package of the pull steps decides."""
    assert tell_sdk(user_agent, steps) is sdk
