"""SQL of logs."""

from sqlalchemy import and_, bindparam, insert, or_, select

from headrace.server.store.database import Statement
from headrace.server.store.schema import log
from headrace.server.store.shapes import RowShape
from headrace.wire.logs import Log

# A line never changes: it was last changed when it was made.
SHAPE = RowShape(Log, log.c, selected={"updated": log.c.created})

INSERT = Statement(insert(log))

_AFTER = or_(
    log.c.timestamp > bindparam("after_time"),
    and_(log.c.timestamp == bindparam("after_time"), log.c.id > bindparam("after_id")),
)
NEXT_OF_FLOW_RUN = Statement(
    select(log.c.timestamp, log.c.id, log.c.level, log.c.task_run_id, log.c.message)
    .where(log.c.flow_run_id == bindparam("run_id"), _AFTER)
    .order_by(log.c.timestamp, log.c.id)
    .limit(bindparam("many"))
)
"""The lines of a run after a given one, oldest first."""
