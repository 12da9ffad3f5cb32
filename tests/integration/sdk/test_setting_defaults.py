"""What flows and tasks leave open is as the settings have it."""

from pathlib import Path

import pytest

from headrace import flow, task
from headrace.settings import temporary_settings
from tests.integration.sdk.conftest import Api


def test_retries_of_the_settings(api: Api) -> None:
    """Flows and tasks that say nothing of retries are retried as the settings say, delay by delay."""
    tried: list[str] = []

    @task
    def fragile() -> None:
        tried.append("task")
        if tried.count("task") < 3:
            raise ValueError

    @flow
    def main() -> None:
        tried.append("flow")
        if tried.count("flow") < 3:
            raise ValueError
        fragile()

    with temporary_settings(
        flows_default_retries=2,
        flows_default_retry_delay_seconds=(0.0, 0.01),
        tasks_default_retries=2,
        tasks_default_retry_delay_seconds=(0.0, 0.01),
    ):
        main()
    assert tried == ["flow"] * 3 + ["task"] * 3
    assert api.only_run()["empirical_policy"]["retries"] == 2


def test_what_is_given_wins(api: Api) -> None:  # the server the flow runs against
    """A flow with `retries=0` is not retried, whatever the settings say."""
    tried: list[int] = []

    @flow(retries=0)
    def main() -> None:
        tried.append(1)
        raise KeyError

    with temporary_settings(flows_default_retries=3), pytest.raises(KeyError):
        main()
    assert len(tried) == 1


@pytest.mark.parametrize(
    ("changes", "calls"),
    [
        ({}, 1),
        ({"tasks_refresh_cache": True}, 2),
        ({"tasks_disable_caching": True}, 2),
        ({"tasks_default_no_cache": True}, 2),
    ],
)
def test_caching_by_settings(
    api: Api,  # the server the flow runs against
    changes: dict[str, bool],
    calls: int,
) -> None:
    """Results are stored where the settings ask for it, and used again unless they forbid it."""
    called: list[int] = []

    @task
    def work(number: int) -> int:
        called.append(number)
        return number

    @flow
    def main() -> tuple[int, int]:
        return work(1), work(1)

    with temporary_settings(tasks_default_persist_result=True, **changes):
        assert main() == (1, 1)
    assert len(called) == calls


def test_results_are_kept_where_the_settings_ask_for_it(
    api: Api,  # the server the flow runs against
    tmp_path: Path,
) -> None:
    """`results_persist_by_default` stores the results of flows and their tasks."""

    @task
    def work() -> int:
        return 2

    @flow
    def main() -> int:
        return work()

    with temporary_settings(results_persist_by_default=True):
        main()
    assert len(list((tmp_path / "home" / "storage").iterdir())) == 2


def test_prints_go_to_the_log_where_the_settings_ask_for_it(api: Api) -> None:
    """`logging_log_prints` sends what flows and tasks print to their runs' logs."""

    @task
    def work() -> None:
        print("from the task")

    @flow
    def main() -> None:
        print("from the flow")
        work()

    with temporary_settings(logging_log_prints=True):
        main()
    logged = [line["message"] for line in api.server.post("/logs/filter", {}).json]
    assert {"from the flow", "from the task"} <= set(logged)


def test_threads_of_the_settings() -> None:
    """A flow without a task runner of its own gets one with as many threads as the settings say."""

    @flow
    def main() -> None: ...

    with temporary_settings(tasks_runner_thread_pool_max_workers=3):
        assert main.task_runner.max_workers == 3
