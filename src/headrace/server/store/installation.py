"""SQL of the installation's own values."""

from sqlalchemy import bindparam, delete, insert, select, update

from headrace.server.store.database import Statement
from headrace.server.store.schema import installation

VALUE = Statement(select(installation.c.value).where(installation.c.key == bindparam("name")))
INSERT = Statement(insert(installation))
UPDATE = Statement(
    update(installation)
    .where(installation.c.key == bindparam("name"))
    .values(value=bindparam("value"))
)
DELETE = Statement(delete(installation).where(installation.c.key == bindparam("name")))
