"""The job of a flow run: its pool's template with the deployment's and the run's values in it."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec

from headrace.core.blocks import DOCUMENT_KEY
from headrace.core.placeholders import Reference
from headrace.core.sdks import Sdk
from headrace.core.short_texts import remember_short
from headrace.core.templates import Layer, Part, Resolved, resolve
from headrace.errors import ObjectNotFound, SecretsUnreadable, ValidationFailed
from headrace.server.services.block_documents import BlockDocuments
from headrace.server.services.job_values import open_references, read_known
from headrace.server.store import claimed_runs as sql
from headrace.server.store.database import Database
from headrace.wire.jobs import JobAccount, JobPart

Values = dict[str, Any]

MASK: Final = "********"
WORKER: Final = "worker settings"
_SECRETIVE: Final = ("key", "token", "secret", "passw", "credential", "auth_string")
"""What is in the names of environment variables whose values are not for everybody's eyes."""

_RUN = sql.RUN_SHAPE.positions
_DEPLOYMENT = sql.DEPLOYMENT_SHAPE.positions
_decode = msgspec.json.Decoder(Values | None).decode


class Ingredients(NamedTuple):
    """What a job is made from; JSON as text."""

    template: str
    of_deployment: str | None
    of_run: str | None


async def make_job(
    database: Database, blocks: BlockDocuments, made_from: Ingredients, *, secrets: bool
) -> Resolved:
    """The job.

    Args:
        database: The database.
        blocks: The blocks that it may refer to.
        made_from: Template and values.
        secrets: Whether blocks' secrets are open in it. Else they are masked.

    Raises:
        ObjectNotFound: Something it refers to is not there.
        ValidationFailed: What a reference stands for is not what the template allows there.
        SecretsUnreadable: A block cannot be decrypted.
    """
    template = await _open(blocks, made_from.template, secrets=secrets)
    layers = [Layer("run", await _open(blocks, made_from.of_run, secrets=secrets))]
    if made_from.of_deployment is not None:
        given = await _open(blocks, made_from.of_deployment, secrets=secrets)
        layers.insert(0, Layer("deployment", given))
    parts = [template, *(dict(layer.values) for layer in layers)]
    known = await read_known(database, blocks, parts, secrets=secrets)

    def look_up(reference: Reference) -> object:
        if reference.kind == "environment":
            # The worker's environment is meant, which the server neither knows nor may replace.
            return f"{{{{ ${reference.name} }}}}"
        return known[reference]

    return resolve(template, layers, look_up)


async def explain_job(database: Database, blocks: BlockDocuments, run_id: str) -> JobAccount:
    """Each value of a run's job and who gave it. Raises `ObjectNotFound`: there is no such run."""
    rows = await database.fetch_few(sql.CLAIMED, {"ids": [run_id]})
    if not rows:
        raise ObjectNotFound("Flow run not found")
    (_, template, kind, *run) = rows[0]
    ids = [one for one in [run[_RUN["deployment_id"]]] if one is not None]
    deployments = await database.fetch_few(sql.DEPLOYMENTS, {"ids": ids}) if ids else []
    sdk = Sdk(deployments[0][-1]) if deployments else Sdk.HEADRACE
    of_deployment = deployments[0][_DEPLOYMENT["job_variables"]] if deployments else None
    account = JobAccount(
        flow_run_id=UUID(run_id),
        work_pool_name=run[_RUN["work_pool_name"]],
        work_pool_type=kind,
        sdk=sdk,
        parts=[],
        unknown=[],
        problems=[],
    )
    if template is None:
        return account
    made_from = Ingredients(template, of_deployment, run[_RUN["job_variables"]])
    try:
        job = await make_job(database, blocks, made_from, secrets=False)
    except (ObjectNotFound, ValidationFailed, SecretsUnreadable) as error:
        account.problems.append(str(error))
        return account
    account.parts = [_show(path, part) for path, part in job.parts.items()]
    account.parts += _told_by_worker(job, sdk, run_id)
    account.unknown = list(job.unknown)
    return account


@remember_short(256)
def _read(text: str) -> Values:
    """Values, read once: not to be changed by those who get them."""
    return _decode(text) or {}


async def _open(blocks: BlockDocuments, text: str | None, *, secrets: bool) -> Mapping[str, object]:
    """The values with the blocks they refer to by id; nearly none do, and are not walked through."""
    if not text:
        return {}
    if DOCUMENT_KEY not in text:
        return _read(text)
    return await open_references(blocks, _read(text), secrets=secrets)


def _show(path: str, part: Part) -> JobPart:
    section, _, name = path.rpartition(".")
    is_secretive = section == "env" and any(word in name.lower() for word in _SECRETIVE)
    value = MASK if is_secretive and part.value else part.value
    return JobPart(path=path, value=value, sources=list(part.sources))


def _told_by_worker(job: Resolved, sdk: Sdk, run_id: str) -> list[JobPart]:
    """What the worker adds to the environment; where the API is, unless the job says so itself."""
    api, run = f"env.{sdk.upper()}_API_URL", f"env.{sdk.upper()}__FLOW_RUN_ID"
    found = [JobPart(path=run, value=run_id, sources=["run"])]
    if api not in job.parts:
        found.insert(0, JobPart(path=api, value=None, sources=[WORKER]))
    return found
