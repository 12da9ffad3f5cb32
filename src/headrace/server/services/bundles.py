"""Bundles: code of deployments that workers fetch, stored once by the hash of its content."""

import base64
import hashlib
import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Final

from headrace.core.ids import new_id
from headrace.core.times import now_text, to_text
from headrace.errors import ObjectNotFound, StaleWrite, Unprocessable
from headrace.server.store import bundles as store
from headrace.server.store.database import Database, Write

PIECE_BYTES: Final = 192 * 1024
"""Of one row: 256 KiB as base64, some 2 ms of the database's time, so that others write in between."""

KEEP: Final = timedelta(days=1)
"""How long a bundle stays that no deployment names: from its upload until its deployment is made, and
for runs that were handed to a worker just before their deployment changed."""

UPLOAD: Final = timedelta(hours=1)
"""After which an upload that was not finished is given up."""

_HASH = re.compile(r"[0-9a-f]{64}")


async def keep_bundle(database: Database, sha256: str) -> None:
    """Note that somebody means to use a bundle. Raises `ObjectNotFound`."""
    try:
        await database.apply([Write(store.KEEP, {"key": sha256, "now": now_text()}, expect=1)])
    except StaleWrite as error:
        raise _not_found(sha256) from error


async def add_bundle(database: Database, sha256: str, content: bytes, limit: int) -> None:
    """Store a bundle, unless it is there.

    Args:
        database: Where.
        sha256: What the content's hash must be.
        content: All of it.
        limit: Bytes that it may have.

    Raises:
        Unprocessable: It is too large, or its hash is another.
    """
    _check(sha256, content, limit)
    if await database.fetch_one(store.BY_HASH, {"sha256": sha256}) is not None:
        await keep_bundle(database, sha256)
        return
    bundle_id, now = new_id(), now_text()
    row = {
        "id": bundle_id,
        "created": now,
        "updated": now,
        "sha256": sha256,
        "size": len(content),
        "is_complete": False,
    }
    await database.apply([Write(store.INSERT, row)])
    for number, begin in enumerate(range(0, len(content), PIECE_BYTES)):
        text = base64.b64encode(content[begin : begin + PIECE_BYTES]).decode()
        piece = {"bundle_id": bundle_id, "number": number, "content": text}
        await database.apply([Write(store.ADD_PIECE, piece)])
    await database.apply([Write(store.COMPLETE, {"bundle_id": bundle_id}, expect=1)])


def _check(sha256: str, content: bytes, limit: int) -> None:
    if len(content) > limit:
        message = (
            f"the bundle has {len(content)} bytes and this server takes {limit} "
            "(HEADRACE_SERVER_BUNDLES_MAX_SIZE): leave files out with an ignore file, or put the code "
            "into an image or object storage"
        )
        raise Unprocessable(message)
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        message = f"the content's hash is {found}, not {sha256}: send it again"
        raise Unprocessable(message)


async def open_bundle(database: Database, sha256: str) -> AsyncIterator[bytes]:
    """The content of a bundle, a piece at a time. Raises `ObjectNotFound` before the first."""
    row = await database.fetch_one(store.BY_HASH, {"sha256": sha256})
    if row is None:
        raise _not_found(sha256)
    return _read_pieces(database, *row)


async def _read_pieces(database: Database, bundle_id: str, size: int) -> AsyncIterator[bytes]:
    for number in range(-(-size // PIECE_BYTES)):
        place = {"bundle_id": bundle_id, "piece_number": number}
        row = await database.fetch_one(store.PIECE, place)
        if row is None:
            message = f"bundle {bundle_id} was deleted while it was read"
            raise ObjectNotFound(message)
        yield base64.b64decode(row[0])


async def delete_unused(database: Database, now: datetime) -> int:
    """Delete bundles that no deployment names and nobody lately meant to use; how many."""
    moments = {"kept_before": to_text(now - KEEP), "begun_before": to_text(now - UPLOAD)}
    old = await database.fetch_all(store.UNUSED_SINCE, moments)
    if not old:
        return 0
    steps = await database.fetch_all(store.NAMED)
    named = {found for (text,) in steps for found in _HASH.findall(text)}
    deleted = 0
    for bundle_id, sha256 in old:
        if sha256 not in named:
            unused = {"bundle_id": bundle_id, "unused_before": moments["begun_before"]}
            deleted += await database.transact(
                lambda tx, given=unused: tx.execute(store.DELETE, given)
            )
    return deleted


def _not_found(sha256: str) -> ObjectNotFound:
    return ObjectNotFound(
        f"Bundle {sha256} is not on this server: it was never uploaded, or deleted because no "
        "deployment named it. Deploy again."
    )
