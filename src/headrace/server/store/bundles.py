"""SQL of bundles."""

from typing import Final

from sqlalchemy import and_, bindparam, delete, insert, or_, select, update

from headrace.server.store.database import Statement
from headrace.server.store.schema import bundle, bundle_piece, deployment

INSERT = Statement(insert(bundle))
ADD_PIECE = Statement(insert(bundle_piece))

BY_HASH = Statement(
    select(bundle.c.id, bundle.c.size)
    .where(bundle.c.sha256 == bindparam("sha256"), bundle.c.is_complete)
    .order_by(bundle.c.id)
    .limit(1)
)
PIECE = Statement(
    select(bundle_piece.c.content).where(
        bundle_piece.c.bundle_id == bindparam("bundle_id"),
        bundle_piece.c.number == bindparam("piece_number"),
    )
)
COMPLETE = Statement(
    update(bundle).where(bundle.c.id == bindparam("bundle_id")).values(is_complete=True)
)
KEEP = Statement(
    update(bundle)
    .where(bundle.c.sha256 == bindparam("key"), bundle.c.is_complete)
    .values(updated=bindparam("now"))
)
"""Somebody means to use it: it stays for a while though no deployment names it."""

UNUSED_SINCE = Statement(
    select(bundle.c.id, bundle.c.sha256)
    .where(
        or_(
            and_(bundle.c.is_complete, bundle.c.updated < bindparam("kept_before")),
            and_(bundle.c.is_complete.is_(False), bundle.c.updated < bindparam("begun_before")),
        )
    )
    .order_by(bundle.c.updated)
)
"""Bundles that nobody meant to use for a while, and uploads that were never finished."""

_STEP: Final = "%fetch_bundle%"
NAMED = Statement(select(deployment.c.pull_steps).where(deployment.c.pull_steps.like(_STEP)))
"""Pull steps that fetch bundles."""

DELETE = Statement(
    delete(bundle).where(
        bundle.c.id == bindparam("bundle_id"), bundle.c.updated < bindparam("unused_before")
    )
)
"""With its pieces, unless somebody has meant to use it meanwhile."""
