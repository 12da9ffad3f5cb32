"""Bytes to wire objects: what is repaired, what is refused, and how."""

import json
from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.errors import ValidationFailed
from headrace.wire.decode import MAX_CONTAINERS, MAX_INTEGER, decode, decode_schedule, encode
from headrace.wire.deployments import DeploymentCreate
from headrace.wire.events import EventFilter
from headrace.wire.faults import MAX_FAULTS
from headrace.wire.flow_runs import FlowRunCreate, ReadFlowRunsBody, SetFlowRunStateBody
from headrace.wire.flows import BulkDeleteFlowsBody, FlowCreate, ReadFlowsBody
from headrace.wire.logs import LogCreate
from headrace.wire.schedules import CronSchedule, IntervalSchedule, RRuleSchedule
from headrace.wire.task_runs import Constant, Parameter, TaskRunCreate, TaskRunResult
from headrace.wire.variables import VariableCreate

FLOW = "8a7c6fed-cdfc-4df2-a523-caeb4155b9fc"
KINDS = [
    FlowCreate,
    FlowRunCreate,
    ReadFlowsBody,
    ReadFlowRunsBody,
    SetFlowRunStateBody,
    TaskRunCreate,
    DeploymentCreate,
    VariableCreate,
    EventFilter,
    list[LogCreate],
]


def faults_of(kind: type, body: object) -> list[dict[str, object]]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(ValidationFailed) as caught:
        decode(kind, data)
    return caught.value.errors


def kinds_and_places(kind: type, body: object) -> list[tuple[object, object]]:
    return [(fault["type"], fault["loc"]) for fault in faults_of(kind, body)]


def test_every_bad_field_is_named_at_once():
    """One answer tells all that is wrong, with the path, kind and value of each."""
    assert kinds_and_places(
        ReadFlowsBody,
        {"flows": {"zz": 1, "id": {"any_": ["bad"]}}, "offset": -1, "limit": "5x", "sort": "NO"},
    ) == [
        ("uuid_parsing", ["body", "flows", "id", "any_", 0]),
        ("extra_forbidden", ["body", "flows", "zz"]),
        ("int_parsing", ["body", "limit"]),
        ("greater_than_equal", ["body", "offset"]),
        ("enum", ["body", "sort"]),
    ]


def test_a_missing_field_and_a_wrong_element():
    """A list as the body names the element."""
    assert kinds_and_places(list[LogCreate], [{"name": "a", "level": "x"}]) == [
        ("int_parsing", ["body", 0, "level"]),
        ("missing", ["body", 0, "message"]),
        ("missing", ["body", 0, "timestamp"]),
    ]


def test_a_pattern_is_told_with_its_context():
    """The entry carries what a client shows: pattern, message and value."""
    assert faults_of(FlowCreate, {"name": "a/b"}) == [
        {
            "type": "string_pattern_mismatch",
            "loc": ["body", "name"],
            "msg": "String should match pattern '^[^/%&><]+$'",
            "input": "a/b",
            "ctx": {"pattern": "^[^/%&><]+$"},
        }
    ]


@pytest.mark.parametrize(
    ("data", "kind", "loc"),
    [
        (b"", "missing", ["body"]),
        (b"null", "missing", ["body"]),
        (b"nonsense", "json_invalid", ["body", 0]),
        (b'{"name":"f1"', "json_invalid", ["body", 12]),
        (b'{"name":"\xff"}', "json_invalid", ["body", 0]),
        (b"[" * 100_000, "json_invalid", ["body", 0]),
        (b"[]", "model_attributes_type", ["body"]),
        (b'{"name":null}', "string_type", ["body", "name"]),
        (b'{"name":"a","tags":null}', "list_type", ["body", "tags"]),
        (b'{"name":"a","tags":[1]}', "string_type", ["body", "tags", 0]),
    ],
)
def test_bodies_that_are_no_object(data: bytes, kind: str, loc: list[object]):
    """Whatever is sent gets an answer with a place in it."""
    [fault] = faults_of(FlowCreate, data)
    assert (fault["type"], fault["loc"]) == (kind, loc)


@pytest.mark.parametrize("data", [b"", b"null", b"{}"])
def test_a_body_of_parameters_may_be_left_out(data: bytes):
    """All parameters have defaults: nothing at all means all of them."""
    assert decode(ReadFlowsBody, data) == ReadFlowsBody()


def test_null_means_the_default_of_a_parameter():
    """Clients send null for a parameter they do not set; fields of an object are not so lenient."""
    body = decode(ReadFlowsBody, b'{"flows":null,"limit":null,"offset":null,"unknown":1}')
    assert body == ReadFlowsBody()
    assert kinds_and_places(ReadFlowsBody, {"flows": {"operator": None}})[0][0] == "enum"


def test_numbers_may_come_as_text_or_as_integral_floats():
    """Lax as the contract's clients expect."""
    assert decode(BulkDeleteFlowsBody, b'{"limit":"7"}').limit == 7
    assert decode(BulkDeleteFlowsBody, b'{"limit":7.0}').limit == 7
    assert decode(BulkDeleteFlowsBody, b'{"limit":true}').limit == 1
    [fault] = faults_of(BulkDeleteFlowsBody, {"limit": 7.5})
    assert fault["type"] == "int_from_float"


def test_integers_stay_within_what_a_column_holds():
    """A declared integer of 65 bits is refused by name; free-form JSON keeps it."""
    huge = 2**65
    [fault] = faults_of(list[LogCreate], [log(level=huge)])
    assert (fault["type"], fault["loc"]) == ("int_too_large", ["body", 0, "level"])
    assert decode(list[LogCreate], json.dumps([log(level=MAX_INTEGER)]).encode())
    assert decode(VariableCreate, b'{"name":"v","value":%d}' % huge).value == huge
    run = decode(FlowRunCreate, json.dumps({"flow_id": FLOW, "parameters": {"x": huge}}).encode())
    assert run.parameters == {"x": huge}


def log(**given: object) -> dict[str, object]:
    return {"name": "n", "level": 20, "message": "m", "timestamp": "2026-01-01T00:00:00Z"} | given


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-01T10:00:00Z",
        "2026-01-01T10:00:00",
        "2026-01-01T12:00:00+02:00",
        "2026-01-01 10:00:00.000000",
        "2026-01-01T10:00Z",
        1767261600,
        1767261600000,
        "1767261600",
    ],
)
def test_forms_of_a_moment(text: str | int):
    """Naive times are UTC; offsets, numbers and short forms are understood."""
    [entry] = decode(list[LogCreate], json.dumps([log(timestamp=text)]).encode())
    assert entry.timestamp == datetime(2026, 1, 1, 10, tzinfo=UTC)
    assert entry.timestamp.tzinfo is not None


def test_naive_times_deep_inside_are_utc():
    """Also in nested objects, where the database compares them."""
    body = decode(
        ReadFlowRunsBody, b'{"flow_runs":{"start_time":{"after_":"2026-01-01T00:00:00"}}}'
    )
    assert body.flow_runs is not None
    assert body.flow_runs.start_time is not None
    assert body.flow_runs.start_time.after_ == datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", [FLOW, FLOW.upper(), FLOW.replace("-", ""), f"{{{FLOW}}}", f"urn:uuid:{FLOW}"]
)
def test_forms_of_a_uuid(text: str):
    """All the usual spellings name the same object."""
    assert decode(FlowRunCreate, json.dumps({"flow_id": text}).encode()).flow_id == UUID(FLOW)


@pytest.mark.parametrize("text", ["a\\u0000b", "a\\ud800b", "a\\udfffb"])
def test_characters_that_cannot_be_stored_are_replaced(text: str):
    """A log line with a NUL or half a surrogate pair is kept, less that character."""
    data = json.dumps([log(message="?")]).replace("?", text).encode()
    [entry] = decode(list[LogCreate], data)
    assert entry.message == "a\ufffdb"


def test_an_escaped_backslash_is_no_nul():
    """The text backslash-u-0000 is left alone."""
    [entry] = decode(list[LogCreate], json.dumps([log(message="a\\u0000b")]).encode())
    assert entry.message == "a\\u0000b"


def test_a_tag_may_be_left_out():
    """The members of a union are told apart by their fields."""
    body = {
        "task_key": "k",
        "dynamic_key": "0",
        "task_inputs": {"x": [{"id": FLOW}, {"name": "p"}, {"type": "int"}]},
    }
    run = decode(TaskRunCreate, json.dumps(body).encode())
    assert run.task_inputs["x"] == [
        TaskRunResult(id=UUID(FLOW)),
        Parameter(name="p"),
        Constant(type="int"),
    ]


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b'{"interval": 60}', IntervalSchedule),
        (b'{"interval": "60", "anchor_date": "2026-01-01T00:00:00"}', IntervalSchedule),
        (b'{"cron": "* * * * *"}', CronSchedule),
        (b'{"rrule": "FREQ=DAILY"}', RRuleSchedule),
    ],
)
def test_schedules_are_told_apart_by_their_keys(data: bytes, kind: type):
    """No tag says which kind a schedule is."""
    assert isinstance(decode_schedule(msgspec.Raw(data)), kind)


def test_a_schedule_of_no_kind_is_refused():
    """And so is one that mixes kinds."""
    for data in (b"{}", b"[]", b'{"cron":"* * * * *","interval":5}'):
        with pytest.raises(ValidationFailed):
            decode_schedule(msgspec.Raw(data))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2)
    ),
    max_leaves=5,
)
field_names = sorted(
    {
        field.encode_name
        for kind in KINDS
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct)
        for field in msgspec.structs.fields(kind)
    }
)
# A busy machine is no fault of the code: neither a deadline nor the speed of generation is judged.
few = settings(max_examples=60)


def is_sound(kind: type, data: bytes) -> bool:
    """Whether decoding gives an object, or a refusal that can be sent."""
    try:
        decode(kind, data)
    except ValidationFailed as error:
        return bool(error.errors) and bool(encode(error.errors))
    return True


@few
@given(st.sampled_from(KINDS), st.binary(max_size=200))
def test_any_bytes_are_an_object_or_a_validation_error(kind: type, data: bytes):
    """Nothing else can come out, whatever comes in."""
    assert is_sound(kind, data)


@few
@given(st.sampled_from(KINDS), json_values)
def test_any_json_is_an_object_or_a_validation_error(kind: type, value: object):
    """Nothing else can come out of JSON of any form."""
    assert is_sound(kind, json.dumps(value).encode())


@few
@given(
    st.sampled_from(KINDS),
    st.dictionaries(st.sampled_from(field_names), json_values, min_size=1, max_size=4),
)
def test_fields_of_any_value_are_an_object_or_a_validation_error(kind: type, body: object):
    """Known field names with values of any kind."""
    assert is_sound(kind, json.dumps(body).encode())


@few
@given(json_values)
def test_free_form_json_goes_through(value: object):
    """What a parameter held is what is stored, less characters and numbers JSON has no place for."""
    body = json.dumps({"flow_id": FLOW, "parameters": {"x": value}}).encode()
    run = decode(FlowRunCreate, body)
    assert json.loads(encode(run.parameters)).keys() == {"x"}


def test_encoding_survives_a_lone_surrogate():
    """An answer that repeats what it was sent must not fail over it."""
    assert encode({"a": "\ud800"}) == b'{"a":"\xef\xbf\xbd"}'
    assert encode(datetime(2026, 1, 1, tzinfo=UTC)) == b'"2026-01-01T00:00:00Z"'


def test_a_delay_under_its_older_name_is_bounded_as_under_its_new_one():
    """It becomes the newer field, an integer that the database must hold."""
    body = {"flow_id": FLOW, "empirical_policy": {"retry_delay_seconds": 3.5e15}}
    (fault,) = faults_of(FlowRunCreate, body)
    assert "retry_delay_seconds" in str(fault["msg"])


def test_labels_of_an_event_filter_are_text():
    """One or several; nothing else can be looked for."""
    assert kinds_and_places(EventFilter, {"resource": {"labels": {"a": 1.5}}}) == [
        ("string_type", ["body", "resource", "labels", "a", "str"]),
        ("list_type", ["body", "resource", "labels", "a", "list"]),
    ]


@pytest.mark.parametrize("moment", ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"])
def test_a_moment_that_leaves_the_calendar_in_utc_is_refused(moment: str):
    """It could not be stored."""
    body = {"name": "a", "level": 20, "message": "m", "timestamp": moment}
    assert kinds_and_places(list[LogCreate], [body]) == [
        ("datetime_parsing", ["body", 0, "timestamp"])
    ]


def test_faults_beyond_those_told_are_not_looked_for():
    """A large body in which everything is wrong is refused as fast as a small one."""
    assert len(faults_of(list[LogCreate], b"[" + b"{}," * 100_000 + b"{}]")) == MAX_FAULTS


def test_a_body_holds_a_bounded_number_of_objects():
    """A few bytes each, and a hundred times that in memory; within text they are only characters."""
    body = b"[" + b"{}," * MAX_CONTAINERS + b"{}]"
    assert [fault["type"] for fault in faults_of(list[LogCreate], body)] == ["too_long"]
    text = {"flow_id": FLOW, "name": "{" * (3 * MAX_CONTAINERS)}
    assert decode(FlowRunCreate, json.dumps(text).encode()).name == text["name"]
