"""SQL of flow run inputs."""

from sqlalchemy import bindparam, delete, insert, select

from headrace.server.store.database import Statement
from headrace.server.store.schema import flow_run_input
from headrace.server.store.shapes import RowShape
from headrace.wire.flow_run_inputs import FlowRunInput

SHAPE = RowShape(FlowRunInput, flow_run_input.c)

_THIS = (
    flow_run_input.c.flow_run_id == bindparam("run_id"),
    flow_run_input.c.key == bindparam("input_key"),
)

INSERT = Statement(insert(flow_run_input))
VALUE = Statement(select(flow_run_input.c.value).where(*_THIS))
DELETE = Statement(delete(flow_run_input).where(*_THIS))
