"""SQL of flows."""

from sqlalchemy import bindparam, delete, insert, select, update

from headrace.server.store.database import Statement
from headrace.server.store.schema import flow
from headrace.server.store.shapes import RowShape
from headrace.wire.flows import Flow

SHAPE = RowShape(Flow, flow.c)

INSERT = Statement(insert(flow))
"""A flow: all its columns."""

BY_ID = Statement(select(*SHAPE.columns).where(flow.c.id == bindparam("flow_id")))
BY_NAME = Statement(select(*SHAPE.columns).where(flow.c.name == bindparam("flow_name")))

SET_TAGS = Statement(
    update(flow)
    .where(flow.c.id == bindparam("flow_id"))
    .values(tags=bindparam("new_tags"), updated=bindparam("now"))
)
TOUCH = Statement(
    update(flow).where(flow.c.id == bindparam("flow_id")).values(updated=bindparam("now"))
)
DELETE = Statement(delete(flow).where(flow.c.id == bindparam("flow_id")))
