"""SQL of what a paused flow run asks for and is given."""

from collections.abc import Mapping
from typing import Final

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert

from headrace.core.ids import new_id
from headrace.server.store.database import Statement, Write
from headrace.server.store.schema import flow_run_input
from headrace.wire.decode import encode

INPUT: Final = Statement(
    select(flow_run_input.c.value)
    .where(flow_run_input.c.flow_run_id == bindparam("run_id"))
    .where(flow_run_input.c.key == bindparam("key"))
)

# Both databases read this form of an upsert, though SQLAlchemy makes it for one of them only.
_insert = insert(flow_run_input)
_KEEP: Final = Statement(
    _insert.on_conflict_do_update(
        index_elements=["flow_run_id", "key"],
        set_={"value": _insert.excluded.value, "updated": _insert.excluded.updated},
    )
)


def keep(run_id: str, key: str, value: Mapping[str, object], now: str) -> Write:
    """The write that keeps an answer; a later answer to the same pause replaces it."""
    return Write(
        _KEEP,
        {
            "id": new_id(),
            "created": now,
            "updated": now,
            "flow_run_id": run_id,
            "key": key,
            "value": encode(value).decode(),
            "sender": None,
        },
    )
