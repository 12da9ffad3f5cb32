"""Where Headrace means to answer otherwise than the peer, and why. Nothing else may differ."""

import re
from typing import Final

# Operation, the difference, and the reason; both are patterns that must be found.
DELIBERATE: Final[tuple[tuple[str, str, str], ...]] = (
    (
        "/deployments/",
        r"\.concurrency_limit: \d+, peer None",
        "A deployment tells its limit at `concurrency_limit` too, which the peer leaves null.",
    ),
    (
        "/task_runs/paginate",
        "missing in peer",
        "A page of task runs has them whole, as the list has; the peer leaves ten fields out.",
    ),
    (
        "",
        r"\.job_variables: \{\}, peer None",
        "A run without job variables has none, `{}`; with an idempotency key the peer says null.",
    ),
    (
        "/flow_runs/(filter|paginate)$",
        "^order of start_time",
        "Runs that have not started come last by start time; the peer puts them at when they are to.",
    ),
    (
        "work_",
        r"\.description: .*queue",
        "The description of a pool's first queue is a sentence of our own.",
    ),
    (
        "/(filter|paginate)$",
        r"^order of (key|\w+_time) \(some null( before)?\): ",
        "Nulls come last in every order, on both databases; with the peer that is the database's.",
    ),
    (
        "",
        r"\.active_slots: \d+, peer \d+",
        "A run holds its slot while it is pending, running or being cancelled, however it came there; "
        "the peer does not count runs that were moved by force, nor those that are still stopping.",
    ),
    (
        "/set_state$",
        r"\.deployment_concurrency_lease_id: None, peer '<id>'",
        "Which lease holds a run's slot is no part of its state: nobody but the server renews it.",
    ),
    (
        "/flow_runs/",
        r"\.empirical_policy\.resuming: False, peer True",
        "Only a run that is resumed is resuming; with the peer any run that leaves a pause is.",
    ),
)


def is_deliberate(operation: str, difference: str) -> str | None:
    """The reason, when the difference is meant."""
    for where, what, reason in DELIBERATE:
        if re.search(where, operation) and re.search(what, difference):
            return reason
    return None
