"""What a command line says about a deployment, over what its file says."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from headrace.deployments.project.timing import KINDS


@dataclass(frozen=True, kw_only=True)
class Options:
    """Fields that were given on the command line; None, or empty, where they were not.

    Args:
        entrypoint: Where the flow is.
        name: The deployment's.
        fields: Fields of the deployment as the file has them: `version`, `description`, …
        parameters: Over those of the file, one by one.
        job_variables: Instead of those of the file, as with the contract's command.
        pool: The work pool's name.
        queue: The work queue's name.
        limit: Of concurrent runs.
        strategy: What becomes of a run beyond that.
        schedules: Beside those of the file.
        timezone: Of all schedules.
    """

    entrypoint: str | None = None
    name: str | None = None
    fields: Mapping[str, Any] = field(default_factory=dict[str, Any])
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])
    job_variables: Mapping[str, Any] = field(default_factory=dict[str, Any])
    pool: str | None = None
    queue: str | None = None
    limit: int | None = None
    strategy: str | None = None
    schedules: tuple[Mapping[str, Any], ...] = ()
    timezone: str | None = None

    def over(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The deployment of the file with these options over it."""
        merged = dict(values)
        own = {"entrypoint": self.entrypoint, "name": self.name}
        merged |= {name: value for name, value in own.items() if value is not None}
        merged |= self.fields
        if self.parameters:
            merged["parameters"] = {**_mapping(merged.get("parameters")), **self.parameters}
        self._set_pool(merged)
        self._set_limit(merged)
        self._set_schedules(merged)
        return merged

    def _set_pool(self, merged: dict[str, Any]) -> None:
        if self.pool is None and self.queue is None and not self.job_variables:
            return
        pool = _mapping(merged.get("work_pool"))
        if self.pool is not None:
            pool["name"] = self.pool
        if self.queue is not None:
            pool["work_queue_name"] = self.queue
        if self.job_variables:
            pool["job_variables"] = dict(self.job_variables)
        merged["work_pool"] = pool

    def _set_limit(self, merged: dict[str, Any]) -> None:
        if self.limit is None and self.strategy is None:
            return
        before = merged.get("concurrency_limit")
        limit = _mapping(before) or {"limit": before}
        if self.limit is not None:
            limit["limit"] = self.limit
        if self.strategy is not None:
            limit["collision_strategy"] = self.strategy
        merged["concurrency_limit"] = limit

    def _set_schedules(self, merged: dict[str, Any]) -> None:
        if not self.schedules and self.timezone is None:
            return
        schedules = [dict(one) for one in schedules_of(merged)] + [dict(s) for s in self.schedules]
        if self.timezone is not None:
            for one in schedules:
                inner = one["schedule"] if isinstance(one.get("schedule"), dict) else one
                if any(kind in inner for kind in KINDS):
                    inner["timezone"] = self.timezone
        merged.pop("schedule", None)
        merged["schedules"] = schedules


def schedules_of(values: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The schedules of a deployment in a file, which may have them under either of two names."""
    several, single = values.get("schedules"), values.get("schedule")
    schedules = cast("list[Mapping[str, Any]]", several) if isinstance(several, list) else []
    return [*schedules, single] if isinstance(single, Mapping) and single else schedules


def _mapping(value: Any) -> dict[str, Any]:
    """The value as a dictionary of its own; what is none is refused when all is put together."""
    return dict(cast("Mapping[str, Any]", value)) if isinstance(value, Mapping) else {}
