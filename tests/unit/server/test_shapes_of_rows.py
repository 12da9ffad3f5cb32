"""Rows to JSON without parsing them."""

import json

import msgspec
from sqlalchemy import Column, MetaData, Table, Text

from headrace.server.store.schema import Json
from headrace.server.store.shapes import RowShape


class Thing(msgspec.Struct):
    name: str
    tags: list[str]
    extra: dict[str, int] | None
    length: int
    kind: str


table = Table(
    "thing", MetaData(), Column("name", Text), Column("tags", Json), Column("extra", Json)
)
SHAPE = RowShape(
    Thing,
    table.c,
    derived={"length": lambda row: len(row[SHAPE.positions["name"]])},
    constant={"kind": "thing"},
)


def test_a_row_becomes_the_declared_object():
    """Text is quoted, JSON is passed through, null stays null; the rest is derived or constant."""
    row = SHAPE.row({"name": 'a"b', "tags": '["x"]', "extra": None})
    wanted = {"name": 'a"b', "tags": ["x"], "extra": None, "length": 3, "kind": "thing"}
    assert json.loads(SHAPE.encode(row)) == wanted
    assert json.loads(SHAPE.encode_list([row, row])) == [wanted, wanted]
    assert [column.name for column in SHAPE.columns] == ["name", "tags", "extra"]
    msgspec.json.decode(SHAPE.encode(row), type=Thing)


def test_pages_are_counted():
    """The last page may be short; a page of no rows has no pages."""
    page = json.loads(SHAPE.encode_page([], count=7, limit=3, page=9))
    assert page == {"results": [], "count": 7, "limit": 3, "pages": 3, "page": 9}
    assert json.loads(SHAPE.encode_page([], count=0, limit=0, page=1))["pages"] == 0
