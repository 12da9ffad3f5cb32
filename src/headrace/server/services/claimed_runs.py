"""What a claim answers with: everything that starting a run takes, so that nobody asks again."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from headrace.core.blocks import DOCUMENT_KEY
from headrace.core.leases import must_be_fenced
from headrace.core.placeholders import Reference
from headrace.core.sdks import Sdk
from headrace.core.states import StateType
from headrace.core.templates import Layer, resolve
from headrace.core.times import now_text
from headrace.errors import ObjectNotFound, SecretsUnreadable, ValidationFailed
from headrace.server.services.block_documents import BlockDocuments
from headrace.server.services.grants import Grant
from headrace.server.services.job_values import open_references, read_known
from headrace.server.services.signals import Signals
from headrace.server.store import claimed_runs as sql
from headrace.server.store import transitions
from headrace.server.store.database import Database, Row
from headrace.server.store.facts import FLOW_RUN_FACTS, FlowRunRow

Values = dict[str, Any]

_RUN = sql.RUN_SHAPE.positions
_DEPLOYMENT = sql.DEPLOYMENT_SHAPE.positions
_decode_values = msgspec.json.Decoder(Values).decode
_decode_any = msgspec.json.Decoder().decode


class Claimed(msgspec.Struct):
    """One run of the answer, in the form of `wire.claims.ClaimedRun`."""

    flow_run: msgspec.Struct
    flow_name: str
    epoch: int
    lease_expires: str
    fenced: bool
    deployment: msgspec.Struct | None
    job_configuration: Values | None
    sdk: str


async def describe_runs(
    database: Database, signals: Signals, blocks: BlockDocuments, grants: Sequence[Grant]
) -> list[Claimed]:
    """The claimed runs in the order of the grants.

    A run whose job cannot be made (a variable it refers to is not there) is crashed, with the
    reason, and left out.
    """
    if not grants:
        return []
    rows = await database.fetch_few(sql.CLAIMED, {"ids": [grant.run_id for grant in grants]})
    by_id = {row[sql.HEAD + _RUN["id"]]: row for row in rows}
    deployments = await _read_deployments(database, rows)
    claimed: list[Claimed] = []
    for grant in grants:
        row = by_id.get(grant.run_id)
        if row is None:
            continue  # deleted this moment
        deployment = deployments.get(row[sql.HEAD + _RUN["deployment_id"]])
        try:
            job = await _make_job(database, blocks, row, deployment)
        except (ObjectNotFound, ValidationFailed, SecretsUnreadable) as error:
            await _crash(database, signals, grant.run_id, str(error))
            continue
        claimed.append(
            Claimed(
                flow_run=sql.RUN_SHAPE.fill(row[sql.HEAD :]),
                flow_name=row[0],
                epoch=grant.epoch,
                lease_expires=grant.expires,
                fenced=must_be_fenced(StateType.PENDING, row[sql.HEAD + _RUN["empirical_policy"]]),
                deployment=None
                if deployment is None
                else sql.DEPLOYMENT_SHAPE.fill(deployment[:-1]),
                job_configuration=job,
                sdk=Sdk.HEADRACE if deployment is None else deployment[-1],
            )
        )
    return claimed


async def _read_deployments(database: Database, rows: Iterable[Row]) -> dict[str | None, Row]:
    at = sql.HEAD + _RUN["deployment_id"]
    ids = sorted({row[at] for row in rows if row[at] is not None})
    if not ids:
        return {}
    found = await database.fetch_few(sql.DEPLOYMENTS, {"ids": ids})
    return {row[_DEPLOYMENT["id"]]: row for row in found}


async def _make_job(
    database: Database, blocks: BlockDocuments, row: Row, deployment: Row | None
) -> Values | None:
    """The pool's template with this run's values; None for a run without a pool."""
    if row[1] is None:
        return None
    template = await _with_documents(blocks, row[1], _open(row[1]))
    variables = row[sql.HEAD + _RUN["job_variables"]]
    layers = [Layer("run", await _with_documents(blocks, variables, _values(variables)))]
    if deployment is not None:
        variables = deployment[_DEPLOYMENT["job_variables"]]
        given = await _with_documents(blocks, variables, _values(variables))
        layers.insert(0, Layer("deployment", given))
    parts = [template, *(dict(layer.values) for layer in layers)]
    known = await read_known(database, blocks, parts)

    def look_up(reference: Reference) -> object:
        if reference.kind == "environment":
            # The worker's environment is meant, which the server neither knows nor may replace.
            return f"{{{{ ${reference.name} }}}}"
        return known[reference]

    return resolve(template, layers, look_up).configuration


@lru_cache(maxsize=64)
def _open(template: str) -> Mapping[str, object]:
    return _decode_values(template)


async def _with_documents(
    blocks: BlockDocuments, text: str | None, values: Mapping[str, object]
) -> Mapping[str, object]:
    """The values with the blocks they refer to by id; nearly none do, and are not walked through."""
    return await open_references(blocks, values) if text and DOCUMENT_KEY in text else values


def _values(text: str | None) -> Values:
    return (_decode_any(text) or {}) if text else {}


async def _crash(database: Database, signals: Signals, run_id: str, reason: str) -> None:
    found = await database.fetch_one(FLOW_RUN_FACTS, {"run_id": run_id})
    if found is None:
        return
    row, now = FlowRunRow(*found), now_text()
    message = f"Its job cannot be made from the work pool's template: {reason}"
    state = transitions.new_state(StateType.CRASHED, timestamp=now, message=message)
    await database.apply(transitions.flow_run(row, state, now=now))
    signals.publish(*transitions.signals(row))
