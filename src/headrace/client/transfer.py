"""Copying what a server keeps to another: configuration, not runs. What is there already stays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

import msgspec

from headrace.client import (
    blocks,
    concurrency_limits,
    deployments,
    flows,
    schedules,
    variables,
    work_pools,
    work_queues,
)
from headrace.client.http import Client
from headrace.client.pages import read_pages
from headrace.errors import HeadraceError, ObjectAlreadyExists, ObjectNotFound
from headrace.wire.blocks import (
    BlockDocument,
    BlockDocumentCreate,
    BlockSchemaCreate,
    BlockTypeCreate,
    ReadBlockDocumentsBody,
    ReadBlockSchemasBody,
    ReadBlockTypesBody,
)
from headrace.wire.concurrency_limits import (
    ConcurrencyLimitCreate,
    ConcurrencyLimitV2Create,
    ReadAllConcurrencyLimitsV2Body,
    ReadConcurrencyLimitsBody,
)
from headrace.wire.deployments import (
    DeploymentCreate,
    DeploymentScheduleCreate,
    ReadDeploymentsBody,
)
from headrace.wire.flows import FlowCreate, ReadFlowsBody
from headrace.wire.variables import ReadVariablesBody, VariableCreate
from headrace.wire.work_pools import ReadWorkPoolsBody, WorkPoolCreate
from headrace.wire.work_queues import ReadWorkQueuesBody, WorkQueueCreate, WorkQueueResponse

S = TypeVar("S", bound=msgspec.Struct)
T = TypeVar("T")


class Outcome(NamedTuple):
    """What became of one object.

    Args:
        kind: What it is, for people.
        name: Which one.
        problem: Why it was not copied; empty where it was, or was there already.
        is_new: It was not there before.
    """

    kind: str
    name: str
    problem: str = ""
    is_new: bool = True


def transfer(source: Client, target: Client) -> Iterator[Outcome]:
    """Copy everything that `target` does not have; tells of each object as it is done.

    Args:
        source: Where to read.
        target: Where to write.
    """
    ids = _Ids()
    yield from _variables(source, target)
    yield from _limits(source, target)
    yield from _pools(source, target)
    yield from _blocks(source, target, ids)
    yield from _flows(source, target, ids)
    yield from _deployments(source, target, ids)


class _Ids:
    """What the objects of the source are called in the target."""

    def __init__(self) -> None:
        self.flows: dict[UUID, UUID] = {}
        self.types: dict[UUID, UUID] = {}
        self.schemas: dict[UUID, UUID] = {}
        self.documents: dict[UUID, UUID] = {}


def _all(
    read: Callable[[Client, Any], list[T]], client: Client, body: Callable[..., Any]
) -> list[T]:
    """Everything that a list has."""
    return read_pages(lambda size, at: read(client, body(limit=size, offset=at)))


def _queues(client: Client, pool: str) -> list[WorkQueueResponse]:
    return read_pages(
        lambda size, at: work_queues.list_work_queues(
            client, pool, ReadWorkQueuesBody(limit=size, offset=at)
        )
    )


def _copy(kind: str, name: str, make: Callable[..., object], *args: object) -> Outcome:
    """Make one object, and tell what came of it."""
    try:
        make(*args)
    except ObjectAlreadyExists:
        return Outcome(kind, name, is_new=False)
    except HeadraceError as error:
        return Outcome(kind, name, str(error))
    return Outcome(kind, name)


def _as(kind: type[S], found: Any, **changes: object) -> S:
    """What makes such an object again: the fields that both have."""
    shared = {name: getattr(found, name) for name in kind.__struct_fields__ if hasattr(found, name)}
    return kind(**(shared | changes))


def _variables(source: Client, target: Client) -> Iterator[Outcome]:
    for one in _all(variables.list_variables, source, ReadVariablesBody):
        body = _as(VariableCreate, one)
        yield _copy("variable", one.name, variables.create_variable, target, body)


def _limits(source: Client, target: Client) -> Iterator[Outcome]:
    for tag in _all(concurrency_limits.list_tag_limits, source, ReadConcurrencyLimitsBody):
        yield _copy("tag limit", tag.tag, _add_tag_limit, target, tag.tag, tag.concurrency_limit)
    for one in _all(concurrency_limits.list_limits, source, ReadAllConcurrencyLimitsV2Body):
        body = _as(ConcurrencyLimitV2Create, one, active_slots=0)
        yield _copy("limit", one.name, concurrency_limits.create_limit, target, body)


def _add_tag_limit(target: Client, tag: str, limit: int) -> None:
    """Make it where there is none: the API would change one that is there."""
    try:
        concurrency_limits.read_tag_limit(target, tag)
    except ObjectNotFound:
        body = ConcurrencyLimitCreate(tag=tag, concurrency_limit=limit)
        concurrency_limits.create_tag_limit(target, body)
        return
    message = f"the tag {tag} has a limit already"
    raise ObjectAlreadyExists(message)


def _pools(source: Client, target: Client) -> Iterator[Outcome]:
    for pool in _all(work_pools.list_work_pools, source, ReadWorkPoolsBody):
        body = _as(WorkPoolCreate, pool)
        yield _copy("work pool", pool.name, work_pools.create_work_pool, target, body)
        for queue in _queues(source, pool.name):
            queue_body = _as(WorkQueueCreate, queue)
            yield _copy(
                "work queue",
                f"{pool.name}/{queue.name}",
                work_queues.create_work_queue,
                target,
                pool.name,
                queue_body,
            )


def _blocks(source: Client, target: Client, ids: _Ids) -> Iterator[Outcome]:
    for kind in _all(blocks.list_block_types, source, ReadBlockTypesBody):
        yield _copy("block type", kind.slug, _add_type, target, kind, ids)
    for schema in _all(blocks.list_block_schemas, source, ReadBlockSchemasBody):
        known = ids.types.get(schema.block_type_id) if schema.block_type_id else None
        if known is not None:
            body = _as(BlockSchemaCreate, schema, block_type_id=known)
            ids.schemas[schema.id] = blocks.create_block_schema(target, body).id
    found = read_pages(
        lambda size, at: blocks.list_block_documents(
            source, ReadBlockDocumentsBody(limit=size, offset=at, include_secrets=True)
        )
    )
    for document in _referred_first(found):
        name = f"{document.block_type.slug if document.block_type else ''}/{document.name}"
        yield _copy("block", name, _add_document, target, document, ids)


def _add_type(target: Client, kind: Any, ids: _Ids) -> None:
    try:
        ids.types[kind.id] = blocks.create_block_type(target, _as(BlockTypeCreate, kind)).id
    except HeadraceError:
        ids.types[kind.id] = blocks.read_block_type_by_slug(target, kind.slug).id
        raise


def _referred_first(found: list[BlockDocument]) -> list[BlockDocument]:
    """Blocks in an order in which each comes after those it refers to."""
    by_id = {one.id: one for one in found}
    ordered: dict[UUID, BlockDocument] = {}

    def put(one: BlockDocument, above: frozenset[UUID]) -> None:
        if one.id in ordered or one.id in above:
            return
        for other in _references(one).values():
            if other in by_id:
                put(by_id[other], above | {one.id})
        ordered[one.id] = one

    for one in found:
        put(one, frozenset())
    return list(ordered.values())


def _references(document: BlockDocument) -> dict[str, UUID]:
    """Which fields are other blocks; the answer has their values in the fields themselves."""
    return {
        field: UUID(str(reference["block_document"]["id"]))
        for field, reference in document.block_document_references.items()
        if "block_document" in reference
    }


def _add_document(target: Client, document: BlockDocument, ids: _Ids) -> None:
    nested = {
        field: {"$ref": {"block_document_id": str(ids.documents.get(known, known))}}
        for field, known in _references(document).items()
    }
    body = BlockDocumentCreate(
        name=document.name,
        block_type_id=ids.types[document.block_type_id],
        block_schema_id=ids.schemas[document.block_schema_id],
        data=document.data | nested,
    )
    try:
        ids.documents[document.id] = blocks.create_block_document(target, body).id
    except ObjectAlreadyExists:
        slug = document.block_type.slug if document.block_type else ""
        there = blocks.read_block_document_by_name(target, slug, document.name or "")
        ids.documents[document.id] = there.id
        raise


def _flows(source: Client, target: Client, ids: _Ids) -> Iterator[Outcome]:
    known = {one.name for one in _all_flows(target)}
    for one in _all_flows(source):
        body = FlowCreate(name=one.name, tags=one.tags, labels=one.labels)
        try:
            ids.flows[one.id] = flows.create_flow(target, body).id
        except HeadraceError as error:
            yield Outcome("flow", one.name, str(error))
        else:
            yield Outcome("flow", one.name, is_new=one.name not in known)


def _all_flows(client: Client) -> list[Any]:
    return _all(flows.list_flows, client, ReadFlowsBody)


def _deployments(source: Client, target: Client, ids: _Ids) -> Iterator[Outcome]:
    names = {one.id: one.name for one in _all_flows(source)}
    for one in _all(deployments.list_deployments, source, ReadDeploymentsBody):
        full = f"{names[one.flow_id]}/{one.name}"
        yield _copy("deployment", full, _add_deployment, source, target, full, one, ids)


def _add_deployment(source: Client, target: Client, full: str, one: Any, ids: _Ids) -> None:
    flow_name = full.rpartition("/")[0]
    try:
        deployments.read_deployment_by_name(target, flow_name, one.name)
    except ObjectNotFound:
        body = _as(
            DeploymentCreate,
            one,
            flow_id=ids.flows[one.flow_id],
            storage_document_id=ids.documents.get(one.storage_document_id),
            infrastructure_document_id=ids.documents.get(one.infrastructure_document_id),
            schedules=[
                _as(DeploymentScheduleCreate, each)
                for each in schedules.list_schedules(source, one.id)
            ],
        )
        deployments.create_deployment(target, body)
        return
    message = f"there is a deployment {full} already"
    raise ObjectAlreadyExists(message)
