"""HTTP of variables."""

from headrace.server.api.lists import choose_limit
from headrace.server.api.operations import Call, Operations
from headrace.server.services import variables
from headrace.server.store.variables import SHAPE
from headrace.wire.decode import encode
from headrace.wire.variables import (
    CountVariablesBody,
    ReadVariablesBody,
    Variable,
    VariableCreate,
    VariableUpdate,
)

operations = Operations("variables")


@operations.post("/variables/", VariableCreate, returns=Variable, status=201)
async def create_variable(call: Call[VariableCreate]) -> bytes:
    """Make a variable."""
    return SHAPE.encode(
        await variables.create_variable(call.services.database, call.services.signals, call.body)
    )


@operations.get("/variables/{id:uuid}", returns=Variable)
async def read_variable(call: Call[None]) -> bytes:
    """Read a variable."""
    database = call.services.database
    return SHAPE.encode(await variables.read_variable(database, call.path["id"], by_name=False))


@operations.get("/variables/name/{name}", returns=Variable)
async def read_variable_by_name(call: Call[None]) -> bytes:
    """Read a variable by its name."""
    database = call.services.database
    return SHAPE.encode(await variables.read_variable(database, call.path["name"], by_name=True))


@operations.post("/variables/filter", ReadVariablesBody, returns=list[Variable])
async def read_variables(call: Call[ReadVariablesBody]) -> bytes:
    """List variables."""
    body = call.body
    rows = await variables.list_variables(
        call.services.database,
        body.variables,
        body.sort,
        limit=choose_limit(call.services.config, body.limit),
        offset=body.offset,
    )
    return SHAPE.encode_list(rows)


@operations.post("/variables/count", CountVariablesBody, returns=int)
async def count_variables(call: Call[CountVariablesBody]) -> bytes:
    """Count variables."""
    return encode(await variables.count_variables(call.services.database, call.body.variables))


@operations.patch("/variables/{id:uuid}", VariableUpdate)
async def update_variable(call: Call[VariableUpdate]) -> None:
    """Change a variable."""
    key = call.path["id"]
    await variables.update_variable(
        call.services.database, call.services.signals, key, call.body, by_name=False
    )


@operations.patch("/variables/name/{name}", VariableUpdate)
async def update_variable_by_name(call: Call[VariableUpdate]) -> None:
    """Change a variable, found by its name."""
    key = call.path["name"]
    await variables.update_variable(
        call.services.database, call.services.signals, key, call.body, by_name=True
    )


@operations.delete("/variables/{id:uuid}")
async def delete_variable(call: Call[None]) -> None:
    """Delete a variable."""
    await variables.delete_variable(
        call.services.database, call.services.signals, call.path["id"], by_name=False
    )


@operations.delete("/variables/name/{name}")
async def delete_variable_by_name(call: Call[None]) -> None:
    """Delete a variable, found by its name."""
    await variables.delete_variable(
        call.services.database, call.services.signals, call.path["name"], by_name=True
    )
