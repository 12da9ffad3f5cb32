"""What nobody should send: fields, bodies, paths, queries and headers."""

import json
from collections.abc import Callable, Iterator
from itertools import count, islice
from typing import Any, NamedTuple
from urllib.parse import quote

from msgspec import inspect

from headrace.server.api.operations import Operation
from tests.integration.fuzz.catalogue import NOBODY, declared_path, sample
from tests.integration.fuzz.generated import HOLDING
from tests.integration.fuzz.rights import BODIES
from tests.integration.fuzz.world import World

MEGABYTES_10 = 10 * 1024 * 1024
DEEP = 10_000

VALUES: list[object] = [
    None,
    "",
    "\x00",
    "a\x00b",
    "\ud800",
    "\udfff\ud800",
    "x" * 5000,
    "%_\\'\";--",
    -1,
    2**31,
    2**63,
    -(2**65),
    10**400,
    1.7e308,
    True,
    [],
    {},
    [None],
    ["\x00", "\ud800", 2**65, None],
    {"\x00": "\ud800", "a": 2**65},
    "9999-12-31T23:59:59.999999+14:00",
    "0001-01-01T00:00:00-14:00",
    "9999-12-31T23:59:59.999999-14:00",
    "0001-01-01T00:00:00+14:00",
    NOBODY,
    NOBODY.upper(),
]

BODIES_OF_NOTHING: list[bytes] = [
    b"",
    b"null",
    b"[]",
    b"{}",
    b'"x"',
    b"7",
    b"NaN",
    b"-Infinity",
    b"\xff\xfe",
    b'{"name":"\xed\xa0\x80"}',
    b'\xef\xbb\xbf{"name":"bom"}',
    b"{",
    b'{"name":"tru',
    b'{"name":1,"name":"twice"}',
    b'{"limit":NaN,"offset":Infinity}',
    b'{"limit":1e999}',
    b'{"limit":-1,"offset":-5,"page":-1}',
    b'{"limit":9223372036854775808,"offset":18446744073709551616}',
    b'{"name":"\\u0000","tags":["\\ud800"]}',
    b"[" * DEEP,
    b"[" * DEEP + b"]" * DEEP,
    b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    b'{"parameters":' + b'{"a":' * DEEP + b"1" + b"}" * DEEP + b"}",
    b"1" * 5000,
]

PARTS = [
    "%00",
    "a%00b",
    "%ED%A0%80",
    "%FF",
    quote("'\";--%_"),
    "x" * 3000,
    "..",
    "%2e%2e",
    "%2F",
    NOBODY,
    NOBODY.upper(),
    NOBODY.replace("-", ""),
    "18446744073709551616",
    "%F0%9F%98%80",
]

QUERIES = [
    "limit=",
    "limit=18446744073709551616&offset=-1",
    "id=%00&x=%ED%A0%80",
    "flow_run_id=x&task_run_id=%FF&since=%00",
    "flow_run_id=00&flow_run_id=01&since=9999-12-31T23:59:59-14:00",
    "page-token=%00&client=%00&version=%00&include_secrets=%00",
    "page-token=e30&since=99999999999999999999",
    "&&&===",
    "q=" + "x" * 60_000,
    "&".join(f"a{at}={at}" for at in range(3000)),
]

HEADERS: list[dict[str, str]] = [
    {"content-type": "text/plain"},
    {"content-type": "application/xml; charset=utf-16"},
    {"content-type": ""},
    {"content-type": "multipart/form-data"},
    {"accept": "image/png", "accept-encoding": "nothing"},
    {"content-encoding": "gzip"},
    {"x-prefect-api-version": "0.8.4.1"},
    {"x-prefect-api-version": "٣.٣.٣".encode().decode("latin-1")},
    {"x-prefect-api-version": "9" * 5000 + ".1.1"},
    {"x-headrace-epoch": "-1"},
    {"x-headrace-epoch": "9" * 400},
    {"x-headrace-epoch": "one"},
    {"x-forwarded-proto": "\xff", "user-agent": "\xff" * 500},
]


class Garbage(NamedTuple):
    """One request; the path begins after `/api`."""

    path: str
    body: bytes | None
    headers: dict[str, str]


Kind = Callable[[World, Operation], Iterator[Garbage]]


def some(kind: Kind, every: int) -> Kind:
    """One of so many of a kind, another one for each operation."""

    def choose(world: World, operation: Operation) -> Iterator[Garbage]:
        start = len(declared_path(operation)) % every
        return islice(kind(world, operation), start, None, every)

    return choose


def spoilt_fields(world: World, operation: Operation) -> Iterator[Garbage]:
    """A right body with one field after the other spoilt: it gets past decoding and further in."""
    if operation.body is None:
        return
    path = world.address(declared_path(operation))
    right = BODIES.get(f"{operation.method} {declared_path(operation)}")
    whole = right(world) if right else sample(inspect.type_info(operation.body))
    for body in _spoil(inspect.type_info(operation.body), whole):
        if f"{operation.method} {operation.path}" in HOLDING and isinstance(body, dict):
            body["wait_seconds"] = 0
        yield Garbage(path, json.dumps(body).encode(), {})


def _spoil(info: inspect.Type, whole: Any) -> Iterator[Any]:
    if isinstance(info, inspect.StructType):
        for name in (field.encode_name for field in info.fields):
            for value in VALUES:
                yield {**whole, name: value}
            inner = _object_of(info, name)
            if inner is not None:
                for spoilt in _spoil(inner, sample(inner)):
                    yield {**whole, name: spoilt}
    elif isinstance(info, inspect.ListType):
        first = whole[0] if whole else sample(info.item_type)
        for spoilt in _spoil(info.item_type, first):
            yield [spoilt]
    elif isinstance(info, inspect.DictType):
        for value in VALUES:
            yield {"a": value}


def _object_of(info: inspect.StructType, name: str) -> inspect.StructType | None:
    """The object that a field holds, where it holds one of one kind: a filter, say."""
    (kind,) = (field.type for field in info.fields if field.encode_name == name)
    members = kind.types if isinstance(kind, inspect.UnionType) else (kind,)
    objects = [member for member in members if isinstance(member, inspect.StructType)]
    return objects[0] if len(objects) == 1 and objects[0].cls is not info.cls else None


def bad_bodies(world: World, operation: Operation) -> Iterator[Garbage]:
    """What is no body of the operation at all, or no JSON."""
    if operation.body is not None:
        path = world.address(declared_path(operation))
        for body in BODIES_OF_NOTHING:
            yield Garbage(path, body, {})


def bad_addresses(world: World, operation: Operation) -> Iterator[Garbage]:
    """Garbage in each part of the path and in the query."""
    path, body = declared_path(operation), None if operation.body is None else b"{}"
    right = world.address(path)
    yield from (Garbage(f"{right}?{query}", body, {}) for query in QUERIES)
    if "{" in path:
        start, names = path.partition("{")[0], world.parameters(path)
        for part in PARTS:
            filled = path
            for name in names:
                filled = filled.replace(f"{{{name}}}", part)
            yield Garbage(filled, body, {})
            yield Garbage(start + part + right[len(start) :].partition("/")[2], body, {})


def bad_headers(world: World, operation: Operation) -> Iterator[Garbage]:
    path = world.address(declared_path(operation))
    body = None if operation.body is None else b"{}"
    yield from (Garbage(path, body, headers) for headers in HEADERS)


def large_bodies(world: World, operation: Operation) -> Iterator[Garbage]:
    """Ten megabytes: one text, many small objects, many ids to look for, many keys."""
    if operation.body is not None:
        path = world.address(declared_path(operation))
        yield from (Garbage(path, body, {}) for body in _LARGE)


def some_large_bodies() -> Kind:
    """Of ten megabytes one kind each, in turn, to one in `_LARGE_FOR` operations: they take seconds."""
    turn = count()

    def kind(world: World, operation: Operation) -> Iterator[Garbage]:
        whole = list(large_bodies(world, operation))
        if whole and (at := next(turn)) % _LARGE_FOR == 0:
            yield whole[at // _LARGE_FOR % len(whole)]

    return kind


_LARGE_FOR = 4


def _fill_up(start: bytes, item: bytes, end: bytes) -> bytes:
    return start + item * ((MEGABYTES_10 - len(start) - len(end)) // len(item)) + end


_ID_OF_NOBODY = f'"{NOBODY}",'.encode()
_LARGE = [
    _fill_up(b'{"name":"', b"x", b'"}'),
    _fill_up(b"[", b"{},", b"{}]"),
    _fill_up(b'["\\u0000",', b"1,", b"1]"),
    *(
        _fill_up(
            f'{{"{noun}":{{"id":{{"any_":['.encode(), _ID_OF_NOBODY, _ID_OF_NOBODY[:-1] + b"]}}}"
        )
        for noun in ("flows", "flow_runs", "task_runs", "deployments")
    ),
    b"{" + b",".join(b'"%d":1' % at for at in range(700_000)) + b"}",
]
