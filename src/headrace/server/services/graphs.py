"""What a flow run did, as a graph: task runs and sub-flows, and which used whose result."""

from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import msgspec

from headrace.core.times import to_datetime, to_text
from headrace.errors import ObjectNotFound, ValidationFailed
from headrace.server.store import estimates
from headrace.server.store import graphs as store
from headrace.server.store.database import Database, Row
from headrace.server.store.task_runs import SHAPE
from headrace.wire.decode import encode
from headrace.wire.faults import make_fault

_CALLER: Final = "__parents__"
"""The input under which a task run that was called inside another one names that one."""


class _Row(NamedTuple):
    id: str
    name: str
    state_type: str
    start_time: str
    end_time: str | None
    task_inputs: str
    child_id: str | None
    child_name: str | None
    child_flow_name: str | None
    child_state_type: str | None
    child_start_time: str | None
    child_end_time: str | None


@dataclass(slots=True)
class _Node:
    kind: str
    id: str
    label: str
    state_type: str
    start_time: str | None
    end_time: str | None
    inputs: dict[str, Any]
    parents: list[str] = field(default_factory=list[str])
    children: list[str] = field(default_factory=list[str])
    encapsulating: list[str] = field(default_factory=list[str])


class _State(msgspec.Struct):
    id: str
    type: str
    name: str
    timestamp: str


_states = msgspec.json.Decoder(_State)


class _Details(msgspec.Struct):
    untrackable_result: bool = False


class _Outcome(msgspec.Struct):
    state_details: _Details = msgspec.field(default_factory=_Details)

    @property
    def is_untrackable(self) -> bool:
        return self.state_details.untrackable_result


_outcomes = msgspec.json.Decoder(_Outcome)


async def read_graph(database: Database, run_id: str, since: str | None) -> bytes:
    """The contract's graph of a flow run.

    Args:
        database: Where the run is.
        run_id: Whose graph.
        since: Leave out nodes that ended before this moment, as ISO text.

    Raises `ObjectNotFound`; `ValidationFailed` where `since` is no moment.
    """
    run = await database.fetch_one(store.RUN, {"run_id": run_id})
    if run is None:
        raise ObjectNotFound("Flow run not found")
    rows = await database.fetch_all(store.NODES, {"run_id": run_id})
    nodes = _connect([_Row(*row) for row in rows])
    if since is not None:
        bound = _bound(since)
        nodes = {key: node for key, node in nodes.items() if (node.end_time or bound) >= bound}
    states = await database.fetch_all(store.STATES, {"run_id": run_id})
    artifacts = await _read_artifacts(database, run_id)
    return encode(
        {
            "start_time": run[0],
            "end_time": run[1],
            "root_node_ids": [key for key, node in nodes.items() if not node.parents],
            "nodes": [[key, _show(node, artifacts.get(key, []))] for key, node in nodes.items()],
            "artifacts": artifacts.get(None, []),
            "states": [_states.decode(row[0]) for row in states],
        }
    )


async def _read_artifacts(
    database: Database, run_id: str
) -> dict[str | None, list[dict[str, object]]]:
    """Artifacts by the task run that made them; None for those that no task run made."""
    made: dict[str | None, list[dict[str, object]]] = {}
    for row in await database.fetch_all(store.ARTIFACTS, {"run_id": run_id}):
        shown = dict(zip(("id", "created", "key", "type"), row[:4], strict=True))
        # Only a progress changes what the graph shows; any other's data may be large.
        data = msgspec.Raw(row[4]) if shown["type"] == "progress" and row[4] is not None else None
        made.setdefault(row[6], []).append({**shown, "is_latest": bool(row[5]), "data": data})
    return made


async def read_dependencies(database: Database, run_id: str) -> bytes:
    """The contract's older graph: the task runs of a flow run, each with those whose results it used.

    Raises `ObjectNotFound`.
    """
    if await database.fetch_one(store.RUN, {"run_id": run_id}) is None:
        raise ObjectNotFound("Flow run not found")
    rows = await database.fetch_all(store.TASK_RUNS, {"run_id": run_id})
    return encode([_describe(row) for row in rows])


def _describe(row: Row) -> dict[str, object]:
    at = SHAPE.positions
    inputs = msgspec.json.decode(row[at["task_inputs"]], type=dict[str, list[dict[str, Any]]])
    sources = [source for given in inputs.values() for source in given]
    upstream = dict.fromkeys(str(s["id"]) for s in sources if s.get("input_type") == "task_run")
    state = row[at["state"]]
    names = ("id", "name", "expected_start_time", "start_time", "end_time", "total_run_time")
    return {
        **{name: row[at[name]] for name in names},
        "estimated_run_time": estimates.run_time(at, row),
        "state": None if state is None else msgspec.Raw(state),
        "untrackable_result": state is not None and _outcomes.decode(state).is_untrackable,
        "upstream_dependencies": [{"input_type": "task_run", "id": key} for key in upstream],
    }


def _bound(since: str) -> str:
    try:
        return to_text(to_datetime(since))
    except (ValueError, OverflowError) as error:
        message = f"Input should be a valid datetime: {error}"
        raise ValidationFailed(
            [make_fault("datetime_parsing", ("query", "since"), message, since)]
        ) from error


def _connect(rows: list[_Row]) -> dict[str, _Node]:
    """Nodes by id, in the order in which they began; a sub-flow stands for its task run."""
    nodes = {node.id: node for node in map(_node, rows)}
    shown = {row.id: row.child_id or row.id for row in rows}
    for node in nodes.values():
        for name, sources in node.inputs.items():
            for source in sources:
                other = nodes.get(shown.get(source.get("id", ""), ""))
                if other is None or other is node:
                    continue
                mine = node.encapsulating if name == _CALLER else node.parents
                if other.id not in mine:
                    mine.append(other.id)
                    if name != _CALLER:
                        other.children.append(node.id)
    return nodes


def _node(row: _Row) -> _Node:
    inputs = msgspec.json.decode(row.task_inputs, type=dict[str, list[dict[str, Any]]])
    if row.child_id is None:
        return _Node(
            "task-run", row.id, row.name, row.state_type, row.start_time, row.end_time, inputs
        )
    label = f"{row.child_flow_name} / {row.child_name}"
    state = row.child_state_type or row.state_type
    start, end = row.child_start_time, row.child_end_time
    return _Node("flow-run", row.child_id, label, state, start, end, inputs)


def _show(node: _Node, artifacts: list[dict[str, object]]) -> dict[str, object]:
    return {
        "kind": node.kind,
        "id": node.id,
        "label": node.label,
        "state_type": node.state_type,
        "start_time": node.start_time,
        "end_time": node.end_time,
        "parents": [{"id": other} for other in node.parents],
        "children": [{"id": other} for other in node.children],
        "encapsulating": [{"id": other} for other in node.encapsulating],
        "artifacts": artifacts,
    }
