"""SQL of variables."""

from sqlalchemy import bindparam, delete, insert, select, update

from headrace.server.store.database import Statement
from headrace.server.store.schema import variable
from headrace.server.store.shapes import RowShape
from headrace.wire.variables import Variable

SHAPE = RowShape(Variable, variable.c)

INSERT = Statement(insert(variable))
BY_ID = Statement(select(*SHAPE.columns).where(variable.c.id == bindparam("key")))
BY_NAME = Statement(select(*SHAPE.columns).where(variable.c.name == bindparam("key")))
REPLACE = Statement(
    update(variable)
    .where(
        variable.c.id == bindparam("variable_id"), variable.c.updated == bindparam("was_updated")
    )
    .values(
        name=bindparam("new_name"),
        value=bindparam("new_value"),
        tags=bindparam("new_tags"),
        updated=bindparam("now"),
    )
)
"""All that can change, where nobody else has changed it since it was read."""
DELETE_BY_ID = Statement(delete(variable).where(variable.c.id == bindparam("key")))
