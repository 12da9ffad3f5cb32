"""What a run's job is made of: beside the contract."""

from typing import Any
from uuid import UUID

from headrace.core.sdks import Sdk
from headrace.wire.objects import Wire


class JobPart(Wire, kw_only=True):
    """One value of a job.

    Args:
        path: Where it stands in the job's configuration, dotted.
        value: What it is; secrets are masked. None for what only the worker knows.
        sources: Who gave it: `template`, `pool default`, `deployment`, `run`, `worker settings`, and
            the variables and blocks that it refers to, as in `variable team`, `block secret/token`.
    """

    path: str
    value: Any
    sources: list[str]


class JobAccount(Wire, kw_only=True):
    """The job that a flow run's work pool makes of it.

    It is told from the pool, the deployment, the variables and the blocks as they are now.

    Args:
        flow_run_id: The run.
        work_pool_name: The pool; None for a run without one, which has no job.
        work_pool_type: Its kind.
        sdk: Whose engine runs the flow.
        parts: The job's values, in the template's order.
        unknown: Job variables that were given and that the template does not have, as `run: name`.
        problems: What keeps the job from being made.
    """

    flow_run_id: UUID
    work_pool_name: str | None
    work_pool_type: str | None
    sdk: Sdk
    parts: list[JobPart]
    unknown: list[str]
    problems: list[str]
