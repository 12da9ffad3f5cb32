"""The OpenAPI document, made of the declared operations and wire types when it is first asked for."""

import inspect
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from headrace import __version__
from headrace.server.api.operations import Call, Operation, Operations
from headrace.server.api.paths import parameter_names
from headrace.server.api.schemas import describe_types
from headrace.wire.decode import encode
from headrace.wire.refusals import InvalidRequest, Refusal

_API_VERSION = r"^\d+\.\d+\.\d+$"

# Types of every operation's answers when it refuses.
_REFUSALS = (InvalidRequest, Refusal)


def document_operations(nouns: Sequence[Operations]) -> Operations:
    """The operation that answers with the document of the nouns' operations."""
    operations = Operations("document")
    everything = [operation for noun in nouns for operation in noun.operations]

    @cache
    def build() -> bytes:
        return encode(describe(everything))

    @operations.get("/openapi.json", returns=dict[str, Any])
    async def read_document(_: Call[None]) -> bytes:
        """This document."""
        return build()

    return operations


def describe(operations: Sequence[Operation]) -> dict[str, Any]:
    """The OpenAPI 3.1 document of these operations."""
    types = [
        kind
        for operation in operations
        for kind in (operation.body, operation.returns, *operation.parameters.values())
    ]
    wanted = [kind for kind in types if kind is not None] + list(_REFUSALS)
    schemas, components = describe_types(wanted)
    schema_of = {id(kind): schema for kind, schema in zip(wanted, schemas, strict=True)}
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        methods = paths.setdefault(operation.path.replace(":uuid", ""), {})
        methods[operation.method.lower()] = _describe_operation(operation, schema_of)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Headrace", "version": __version__},
        "servers": [{"url": "/api"}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer"},
                "basic": {"type": "http", "scheme": "basic"},
            },
        },
        "security": [{}, {"key": []}, {"basic": []}],
    }


def _describe_operation(operation: Operation, schema_of: dict[int, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": getattr(operation.handler, "__name__", operation.path),
        "summary": inspect.getdoc(operation.handler),
        "tags": [operation.tag],
        "parameters": list(_describe_parameters(operation, schema_of)),
        "responses": _describe_responses(operation, schema_of),
    }
    if operation.body is not None:
        described["requestBody"] = {
            "required": True,
            "content": {"application/octet-stream": {}}
            if operation.body is bytes
            else _as_json(schema_of[id(operation.body)]),
        }
    return described


def _describe_parameters(
    operation: Operation, schema_of: dict[int, Any]
) -> Iterable[dict[str, Any]]:
    declared = {name: schema_of[id(kind)] for name, kind in operation.parameters.items()}
    for name in parameter_names(operation.path):
        schema = declared.pop(name, {"type": "string"})
        if f"{{{name}:uuid}}" in operation.path:
            schema = {"type": "string", "format": "uuid"}
        yield {"name": name, "in": "path", "required": True, "schema": schema}
    for name, schema in declared.items():
        required = name not in operation.optional
        yield {"name": name, "in": "query", "required": required, "schema": schema}
    version = {"type": "string", "pattern": _API_VERSION}
    yield {"name": "x-prefect-api-version", "in": "header", "required": False, "schema": version}


def _describe_responses(operation: Operation, schema_of: dict[int, Any]) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for status in (operation.status, *operation.also):
        answer: dict[str, Any] = {"description": "Done."}
        if status != 204:
            schema: Any = {} if operation.returns is None else schema_of[id(operation.returns)]
            answer["content"] = {operation.media_type: {"schema": schema}}
        responses[str(status)] = answer
    responses["422"] = {
        "description": "The request is not of the form it must have, or asks for what cannot be.",
        "content": _as_json({"anyOf": [schema_of[id(kind)] for kind in _REFUSALS]}),
    }
    if operation.unfinished:
        responses["501"] = {
            "description": "What is asked for is not in this version.",
            "content": _as_json(schema_of[id(Refusal)]),
        }
    responses["default"] = {
        "description": "Refused.",
        "content": _as_json(schema_of[id(Refusal)]),
    }
    return responses


def _as_json(schema: Any) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
