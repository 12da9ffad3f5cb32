"""Requests that schemathesis makes from the document, aimed at objects that are there."""

import contextlib
import random
from collections.abc import Callable, Iterator
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.schemas import APIOperation

from tests.integration.fuzz.world import World, find_place

# A part of the requests keeps what was generated: ids that are none, names that nobody has.
AIMED = 0.8


class Generated:
    """The cases of each operation, generated once for all servers that get them.

    Args:
        number: How many of each half: as the document wants them, and not.
        chosen_by: The seed.
    """

    def __init__(self, number: int, chosen_by: int) -> None:
        self._number = number
        self._seed = chosen_by
        self._made: dict[str, list[schemathesis.Case]] = {}

    def of(self, operation: APIOperation[Any, Any, Any, Any]) -> Iterator[schemathesis.Case]:
        """The operation's cases, to be changed at will."""
        if operation.label not in self._made:
            self._made[operation.label] = list(generate(operation, self._number, self._seed))
        for case in self._made[operation.label]:
            yield operation.Case(
                path_parameters=case.path_parameters,
                query=case.query,
                headers=dict(case.headers),
                body=case.body,
                media_type=case.media_type,
            )


def generate(
    operation: APIOperation[Any, Any, Any, Any], number: int, chosen_by: int
) -> Iterator[schemathesis.Case]:
    """Cases for an operation: half of them as the document wants them, half not.

    Args:
        operation: Of the document.
        number: How many, of each half.
        chosen_by: The seed.
    """
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
        cases: list[schemathesis.Case] = []
        # no body, no typed parameter: nothing can be wrong about it
        with contextlib.suppress(Unsatisfiable):
            _collect(operation, mode, number, chosen_by, cases.append)
        yield from cases


def _collect(
    operation: APIOperation[Any, Any, Any, Any],
    mode: GenerationMode,
    number: int,
    chosen_by: int,
    take: Callable[[schemathesis.Case], None],
) -> None:
    @seed(chosen_by)
    @settings(
        max_examples=number,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def collect(case: schemathesis.Case) -> None:
        take(case)

    collect()


def aim(case: schemathesis.Case, world: World, chance: random.Random) -> None:
    """Put ids and names of real objects where a case has invented ones."""
    place = find_place(case.operation.path)
    if place is not None and chance.random() < AIMED:
        thing = chance.choice(world.things[place[0]])
        case.path_parameters = world.parameters(case.operation.path, thing)
    if chance.random() < AIMED:
        case.body = _aim_body(case.body, "", world, chance)
    if isinstance(case.query, dict) and chance.random() < AIMED:
        case.query = _aim_body(case.query, "", world, chance)
    if chance.random() < AIMED:
        case.headers.pop("x-prefect-api-version", None)
    if case.operation.label in HOLDING and isinstance(case.body, dict):
        case.body["wait_seconds"] = 0


# It waits for work as long as it is told to.
HOLDING = frozenset({"POST /headrace/claims"})


def _aim_body(value: Any, key: str, world: World, chance: random.Random) -> Any:
    if isinstance(value, dict):
        return {name: _aim_field(name, item, key, world, chance) for name, item in value.items()}
    if isinstance(value, list):
        return [_aim_body(item, key, world, chance) for item in value]
    return value


def _aim_field(name: str, value: Any, within: str, world: World, chance: random.Random) -> Any:
    if name in REFERENCES and value is not None:
        noun, field = REFERENCES[name]
        if not world.things[noun]:
            return value
        found = chance.choice(world.things[noun])[field]
        return [found] if isinstance(value, list) else found
    if name == "any_" and within in FILTERED and isinstance(value, list):
        noun, field = FILTERED[within]
        return [*value, chance.choice(world.things[noun])[field]]
    return _aim_body(value, _filter_of(within, name), world, chance)


def _filter_of(within: str, name: str) -> str:
    """`flows` and then `id` is `flows.id`; deeper than that nothing is aimed at."""
    return f"{within}.{name}" if within in _OF_FILTER else name


_OF_FILTER: dict[str, str] = {
    "flows": "flow",
    "flow_runs": "flow_run",
    "task_runs": "task_run",
    "deployments": "deployment",
    "work_pools": "work_pool",
    "work_queues": "work_queue",
    "work_pool_queues": "work_queue",
    "artifacts": "artifact",
    "variables": "variable",
    "block_types": "block_type",
    "block_schemas": "block_schema",
    "block_documents": "block_document",
    "automations": "automation",
}

# By the filter and its field: the noun, and the field of an object that is looked for.
FILTERED: dict[str, tuple[str, str]] = {
    f"{several}.{field}": (noun, field)
    for several, noun in _OF_FILTER.items()
    for field in ("id", "name", "slug", "key")
    if field == "id" or (field == "name" and noun not in ("artifact", "block_schema"))
}

# Fields that name another object, wherever they stand.
REFERENCES: dict[str, tuple[str, str]] = {
    "flow_id": ("flow", "id"),
    "flow_ids": ("flow", "id"),
    "flow_run_id": ("flow_run", "id"),
    "flow_run_ids": ("flow_run", "id"),
    "task_run_id": ("task_run", "id"),
    "parent_task_run_id": ("task_run", "id"),
    "deployment_id": ("deployment", "id"),
    "deployment_ids": ("deployment", "id"),
    "work_pool_id": ("work_pool", "id"),
    "work_pool_name": ("work_pool", "name"),
    "work_queue_id": ("work_queue", "id"),
    "work_queue_name": ("work_queue", "name"),
    "block_type_id": ("block_type", "id"),
    "block_schema_id": ("block_schema", "id"),
    "block_document_id": ("block_document", "id"),
    "storage_document_id": ("block_document", "id"),
    "infrastructure_document_id": ("block_document", "id"),
    "default_result_storage_block_id": ("block_document", "id"),
    "global_concurrency_limit_id": ("limit", "id"),
    "automation_id": ("automation", "id"),
    "lease_id": ("lease", "lease_id"),
    "names": ("limit", "name"),
    "page-token": ("page", "page-token"),
}
