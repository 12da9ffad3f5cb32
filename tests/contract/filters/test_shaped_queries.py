"""A query that is put together once per shape answers as one that is put together for the request."""

import json
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any
from uuid import UUID

import apsw
import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from msgspec import inspect

from headrace.server.services import flow_run_lists, task_runs
from headrace.server.store.filters.joined import Filters
from headrace.server.store.migrate import creation_script
from headrace.server.store.plans import Planner
from headrace.server.store.shaped import MAX_SHAPES, MAX_VALUES, ShapedQuery, known_shapes
from headrace.server.store.sqlite import new_dialect, new_planner
from headrace.wire.filters import FlowRunFilter, FlowRunFilterId, FlowRunFilterName
from headrace.wire.flow_runs import FlowRunSort
from headrace.wire.task_runs import TaskRunSort

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
IDS = [UUID(int=number) for number in range(8)]
TEXTS = ["a", "B", "run 1", "%", "_", "", "Running", "prod"]


_LEAVES: dict[type, st.SearchStrategy[Any]] = {
    inspect.NoneType: st.none(),
    inspect.BoolType: st.booleans(),
    inspect.IntType: st.integers(0, 5),
    inspect.UUIDType: st.sampled_from(IDS),
    inspect.DateTimeType: st.integers(-3, 3).map(lambda hours: NOON + timedelta(hours=hours)),
    inspect.StrType: st.sampled_from(TEXTS),
}


def strategy(kind: inspect.Type) -> st.SearchStrategy[Any]:
    """Values of a wire type, of few ones, so that they meet what is stored."""
    match kind:
        case inspect.UnionType():
            return st.one_of(*(strategy(one) for one in kind.types))
        case inspect.EnumType():
            return st.sampled_from(list(kind.cls))
        case inspect.ListType():
            return st.lists(strategy(kind.item_type), max_size=5)
        case inspect.StructType():
            made = {field.name: strategy(field.type) for field in kind.fields}
            return st.builds(kind.cls, **made)
    return _LEAVES[type(kind)]


_NOUNS = {
    name: strategy(inspect.type_info(annotation))
    for name, annotation in Filters.__annotations__.items()
}


@st.composite
def filters(draw: st.DrawFn) -> Filters:
    """Filters of any nouns, none in most places."""
    made: dict[str, Any] = {}
    for name, some in _NOUNS.items():
        if draw(st.integers(0, 2)) == 0:
            made[name] = draw(some)
    return Filters(**made)


@pytest.fixture(scope="module")
def database() -> apsw.Connection:
    """A few runs of all sorts."""
    connection = apsw.Connection(":memory:")
    for statement in creation_script(new_dialect()):
        connection.execute(statement)
    flow = "INSERT INTO flow (id, created, updated, name, tags) VALUES (?, ?, ?, ?, ?)"
    run = (
        "INSERT INTO flow_run (id, created, updated, name, tags, flow_id, state_type, state_name,"
        " expected_start_time, start_time) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    )
    stamp = "2026-01-01T12:00:00.000000Z"
    for number in range(4):
        connection.execute(flow, (str(IDS[number]), stamp, stamp, TEXTS[number], '["prod"]'))
    for number in range(40):
        key, own = str(UUID(int=number)), str(IDS[number % 4])
        moment = f"2026-01-01T{10 + number % 5}:00:00.000000Z"
        tags = TEXTS[number % 3 : number % 5]
        kind = ("RUNNING", "PENDING", "FAILED")[number % 3]
        name = TEXTS[number % len(TEXTS)] + str(number)
        started = moment if number % 2 else None
        values = (key, stamp, stamp, name, json.dumps(tags), own, kind, kind.title())
        connection.execute(run, (*values, moment, started))
        for tag in tags:
            connection.execute("INSERT INTO flow_run_tag VALUES (?, ?)", (key, tag))
    return connection


def answers(database: apsw.Connection, query: ShapedQuery[Any], *arguments: Any) -> list[Any]:
    """What the query answers from its known shapes, and put together for these arguments alone."""
    planner = new_planner()
    both: list[Any] = []
    for statement, params in (query.of(*arguments), (query.build(*arguments), {})):
        prepared, values = planner.bind(statement, params)
        both.append(database.execute(prepared.sql, values).fetchall())
    return both


@settings(max_examples=60, phases=[Phase.generate])
@given(filters(), st.sampled_from(list(FlowRunSort)), st.integers(0, 9), st.integers(0, 9))
def test_flow_runs(database, some, sort, limit, offset):
    """Lists and counts of flow runs under random filters over all nouns."""
    shaped, built = answers(database, flow_run_lists.listed_query, some, sort, limit, offset)
    assert shaped == built
    shaped, built = answers(database, flow_run_lists.number_query, some)
    assert shaped == built


@settings(max_examples=20, phases=[Phase.generate])
@given(filters(), st.sampled_from(list(TaskRunSort)), st.integers(0, 9))
def test_task_runs(database, some, sort, limit):
    """Lists of task runs under random filters over all nouns."""
    shaped, built = answers(database, task_runs.listed_query, some, sort, limit, 0)
    assert shaped == built


def by_ids(*ids: UUID, like: str | None = None) -> Filters:
    name = None if like is None else FlowRunFilterName(like_=like)
    return Filters(flow_runs=FlowRunFilter(id=FlowRunFilterId(any_=list(ids)), name=name))


def test_a_shape_is_put_together_once():
    """Other values, and as many within the next power of two, are the same statement."""
    query = flow_run_lists.number_query
    first, _ = query.of(by_ids(*IDS[:3], like="a"))
    again, params = query.of(by_ids(*IDS[4:8], like="b"))
    assert first is again
    assert params == {f"v{i}": str(value) for i, value in enumerate([*IDS[4:8], "b"])}
    other, _ = query.of(by_ids(*IDS[:5], like="a"))
    assert other is not first


def test_a_list_is_padded_with_its_last_value():
    _, params = flow_run_lists.number_query.of(by_ids(*IDS[:3]))
    assert list(params.values()) == [str(value) for value in (*IDS[:3], IDS[2])]


def test_long_lists_and_old_shapes_are_not_kept():
    """A list beyond the bound is put together for its request; of the rest, the newest are kept."""
    query = ShapedQuery(flow_run_lists.number_query.build)
    long = by_ids(*(UUID(int=i) for i in range(MAX_VALUES + 1)))
    statement, params = query.of(long)
    assert not params
    assert statement is not query.of(long)[0]
    first, _ = query.of(by_ids())
    for number in range(MAX_SHAPES):
        bits = [bool(number >> bit & 1) or None for bit in range(9)]
        query.of(Filters(flow_runs=FlowRunFilter(**_nulls(bits))))
    assert query.of(by_ids())[0] is not first
    assert known_shapes() <= MAX_SHAPES  # of this and all other queries


def _nulls(bits: list[bool | None]) -> dict[str, Any]:
    names = ("deployment_id", "parent_task_run_id", "work_queue_name", "start_time", "end_time")
    wanted = dict(zip(names, bits, strict=False))
    wanted_type = msgspec.structs.fields(FlowRunFilter)
    types = {field.name: inspect.type_info(field.type) for field in wanted_type}
    made: dict[str, Any] = {}
    for name, bit in wanted.items():
        [struct] = [one for one in types[name].types if isinstance(one, inspect.StructType)]
        made[name] = struct.cls(is_null_=bit)
    made["name"] = FlowRunFilterName(
        like_="x" if bits[5] else None, any_=["x"] * 2 ** (bool(bits[6]) + 2 * bool(bits[7]))
    )
    made["id"] = FlowRunFilterId(not_any_=IDS[:1]) if bits[8] else None
    return made


def test_a_planner_forgets_a_statement_that_nobody_holds():
    planner: Planner = new_planner()
    query = ShapedQuery(flow_run_lists.number_query.build)
    planner.bind(*query.of(by_ids(*IDS)))
    assert planner.known == 1
    del query
    assert planner.known == 0


def test_every_leaf_of_the_filters_is_of_a_kind_that_is_known():
    """What `ShapedQuery` takes for values are texts, numbers, ids and moments."""
    seen: set[type] = set()

    def walk(kind: inspect.Type) -> None:
        if isinstance(kind, inspect.StructType):
            for field in kind.fields:
                walk(field.type)
        elif isinstance(kind, inspect.UnionType):
            for one in kind.types:
                walk(one)
        elif isinstance(kind, inspect.ListType):
            walk(kind.item_type)
        else:
            seen.add(kind.cls if isinstance(kind, inspect.EnumType) else type(kind))

    for annotation in Filters.__annotations__.values():
        walk(inspect.type_info(annotation))
    plain = {one for one in seen if not issubclass(one, Enum)}
    assert plain <= {
        inspect.NoneType,
        inspect.BoolType,
        inspect.IntType,
        inspect.StrType,
        inspect.UUIDType,
        inspect.DateTimeType,
    }
