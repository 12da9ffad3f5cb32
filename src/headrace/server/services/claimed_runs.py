"""What a claim answers with: everything that starting a run takes, so that nobody asks again."""

import logging
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from headrace.core.leases import must_be_fenced
from headrace.core.sdks import Sdk
from headrace.core.states import StateType
from headrace.core.times import now_text
from headrace.errors import ObjectNotFound, SecretsUnreadable, ValidationFailed
from headrace.server.services.block_documents import BlockDocuments
from headrace.server.services.grants import Grant
from headrace.server.services.jobs import Ingredients, make_job
from headrace.server.services.logs import create_logs
from headrace.server.services.signals import Signals
from headrace.server.store import claimed_runs as sql
from headrace.server.store import transitions
from headrace.server.store.database import Database, Row
from headrace.server.store.facts import FLOW_RUN_FACTS, FlowRunRow
from headrace.wire.logs import LogCreate

Values = dict[str, Any]

_RUN = sql.RUN_SHAPE.positions
_DEPLOYMENT = sql.DEPLOYMENT_SHAPE.positions


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
            made_from = _ingredients(row, deployment)
            job = made_from and await make_job(database, blocks, made_from, secrets=True)
        except (ObjectNotFound, ValidationFailed, SecretsUnreadable) as error:
            await _crash(database, signals, grant.run_id, str(error))
            continue
        if job and job.unknown:
            await _warn(database, signals, grant.run_id, job.unknown)
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
                job_configuration=job.configuration if job else None,
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


def _ingredients(row: Row, deployment: Row | None) -> Ingredients | None:
    """What a run's job is made from; None for a run without a pool."""
    of_deployment = None if deployment is None else deployment[_DEPLOYMENT["job_variables"]]
    of_run = row[sql.HEAD + _RUN["job_variables"]]
    return None if row[1] is None else Ingredients(row[1], of_deployment, of_run)


async def _warn(database: Database, signals: Signals, run_id: str, unknown: Sequence[str]) -> None:
    """Say in the run's log which job variables do nothing: clients of the contract may send them."""
    given = ", ".join(
        f"{name.partition(': ')[2]!r} ({name.partition(': ')[0]})" for name in unknown
    )
    message = (
        f"The work pool's template does not have the job variables {given}: they do nothing. "
        "Correct their names, or add them to the template."
    )
    line = LogCreate(
        name="headrace.work_pools",
        level=logging.WARNING,
        message=message,
        timestamp=datetime.now(UTC),
        flow_run_id=UUID(run_id),
    )
    await create_logs(database, signals, [line])


async def _crash(database: Database, signals: Signals, run_id: str, reason: str) -> None:
    found = await database.fetch_one(FLOW_RUN_FACTS, {"run_id": run_id})
    if found is None:
        return
    row, now = FlowRunRow(*found), now_text()
    message = f"Its job cannot be made from the work pool's template: {reason}"
    state = transitions.new_state(StateType.CRASHED, timestamp=now, message=message)
    await database.apply(transitions.flow_run(row, state, now=now))
    signals.publish(*transitions.signals(row))
