"""The artifacts that states with data leave: what a run returned, or why it failed."""

from dataclasses import replace
from typing import Final, cast

from sqlalchemy import insert

from headrace.core.ids import new_id
from headrace.core.states import State
from headrace.server.store.database import Statement, Write
from headrace.server.store.schema import artifact
from headrace.wire.decode import encode

INSERT: Final = Statement(insert(artifact))
"""An artifact: all its columns."""


def of_state(
    state: State, flow_run_id: str | None, task_run_id: str | None, now: str
) -> tuple[State, list[Write]]:
    """What a state carries is an artifact of its run: the state as it is kept, and the artifact.

    As the contract has it, `artifact_type` and `artifact_description` in it are said of the artifact,
    and are not kept with the state.
    """
    carried: object = state.data
    if carried is None:
        return state, []
    kind = description = None
    if isinstance(carried, dict):
        data = dict(cast("dict[str, object]", carried))
        kind, description = data.pop("artifact_type", None), data.pop("artifact_description", None)
        state = replace(state, data=data)
    row = {
        "id": new_id(),
        "created": now,
        "updated": now,
        "key": None,
        "type": kind if isinstance(kind, str) else None,
        "description": description if isinstance(description, str) else None,
        "data": encode(state.data).decode(),
        "metadata_": None,
        "flow_run_id": flow_run_id,
        "task_run_id": task_run_id,
    }
    return state, [Write(INSERT, row)]
