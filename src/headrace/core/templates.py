"""Base job templates: what a pool's `variables` allow, and the job that comes out of them.

A template has `job_configuration`, with `{{ placeholder }}` and hard-coded values, and `variables`, a
JSON schema of what may be put in. Values come in layers: the schema's defaults, the deployment's
`job_variables`, the run's; a later layer wins. `env` is merged key by key, all else is replaced.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from headrace.core.filling import Filling, Part, has_reference
from headrace.core.json_schema import Fault, compile_schema, find_faults, schema_text
from headrace.core.placeholders import (
    LookUp,
    find_placeholders,
    has_placeholders,
    look_into,
    parse_reference,
)
from headrace.errors import ValidationFailed

Values = Mapping[str, object]

POOL_DEFAULT = "pool default"
_MERGED = "env"
"""The variable whose object is merged by key, as workers of the contract do."""


@dataclass(frozen=True, slots=True)
class Layer:
    """Values for a template's variables, and who gave them: `deployment`, `run`, `worker`."""

    name: str
    values: Values


@dataclass(frozen=True, slots=True)
class Resolved:
    """A job, ready to launch.

    Args:
        configuration: The template's `job_configuration` with everything filled in.
        parts: Each value in it that holds no others, by its dotted path.
        unknown: Variables that were given and that the template does not have, as `layer: name`.
    """

    configuration: dict[str, object]
    parts: dict[str, Part]
    unknown: tuple[str, ...]


def check_template(template: Values) -> None:
    """Refuse what is not a base job template. An empty one is allowed: nothing to fill in.

    Raises:
        ValidationFailed: A part is missing or not an object, the schema is not one, or the
            configuration uses variables that the schema does not have; each is named.
    """
    if not template:
        return
    errors = [
        _error((part,), f"a base job template needs the object {part!r}")
        for part in ("job_configuration", "variables")
        if not isinstance(template.get(part), Mapping)
    ]
    if errors:
        raise ValidationFailed(errors)
    schema = _variables(template)
    if not isinstance(schema.get("properties", {}), Mapping):
        message = "the variables' 'properties' must be an object: name → schema"
        raise ValidationFailed([_error(("variables", "properties"), message)])
    try:
        compile_schema(schema_text(schema))
    except ValueError as error:
        raise ValidationFailed([_error(("variables",), str(error))]) from error
    known = _properties(template)
    used = {name.split(".")[0] for name in _plain_placeholders(template["job_configuration"])}
    if undeclared := sorted(used - set(known)):
        message = (
            f"job_configuration uses {', '.join(undeclared)}, which variables.properties does not "
            "have: add them there, or remove the placeholders"
        )
        raise ValidationFailed([_error(("job_configuration",), message)])


def find_unknown(template: Values, layers: Sequence[Layer]) -> tuple[str, ...]:
    """Variables given that the template does not have, unless its schema allows additional ones."""
    if _variables(template).get("additionalProperties"):
        return ()
    known = _properties(template)
    return tuple(
        f"{layer.name}: {name}" for layer in layers for name in layer.values if name not in known
    )


def check_variables(template: Values, layers: Sequence[Layer], *, complete: bool) -> None:
    """Refuse values that the schema does not allow.

    What holds a placeholder, or a reference to a block, is checked when it is resolved. A null stands
    for a value left out.

    Args:
        template: A checked template.
        layers: Deployment, then run.
        complete: Whether required variables must be there by now; a deployment may leave some to
            its runs.

    Raises:
        ValidationFailed: One error for each bad field, with its path under `job_variables`.
    """
    values, _ = _merge(template, layers)
    given = {name: value for name, value in values.items() if not _is_open(value)}
    schema = dict(_variables(template))
    required = cast("list[str]", schema.pop("required", []))
    faults: list[Fault] = find_faults(compile_schema(schema_text(schema)), given)
    if complete:
        faults += [
            Fault((name,), "a value is required, and neither pool, deployment nor run gives one")
            for name in required
            if values.get(name) is None
        ]
    if faults:
        raise ValidationFailed(
            [
                {
                    "loc": ["body", "job_variables", *fault.path],
                    "msg": f"job variable {fault.field!r}: {fault.message}",
                    "type": "value_error",
                    "input": look_into(given, fault.field) if fault.field in given else None,
                }
                for fault in faults
            ]
        )


def resolve(template: Values, layers: Sequence[Layer], look_up: LookUp) -> Resolved:
    """The job that a template makes of the layers' values.

    Args:
        template: A checked template.
        layers: Deployment, then run; a later one wins.
        look_up: Gives the values of blocks, variables and environment that are referred to.

    Raises:
        ObjectNotFound: Something referred to does not exist; says what and where.
        ValidationFailed: What a reference stands for is not what the schema allows there.
    """
    values, origins = _merge(template, layers)
    filling = Filling(values, origins, look_up)
    opened = {name: filling.open_value(name) for name, one in values.items() if has_reference(one)}
    if opened:
        check_variables(template, [Layer("opened", opened)], complete=False)
    configuration = filling.fill(template.get("job_configuration", {}), ())
    return Resolved(
        configuration=cast("dict[str, object]", configuration),
        parts=filling.parts,
        unknown=find_unknown(template, layers),
    )


def _merge(
    template: Values, layers: Sequence[Layer]
) -> tuple[dict[str, object], dict[str, tuple[str, ...]]]:
    values: dict[str, object] = {}
    origins: dict[str, tuple[str, ...]] = {}
    for layer in (Layer(POOL_DEFAULT, dict(_defaults(template))), *layers):
        for name, value in layer.values.items():
            if value is None:
                continue
            before = values.get(name)
            if name == _MERGED and isinstance(before, Mapping) and isinstance(value, Mapping):
                values[name] = {**cast("Values", before), **cast("Values", value)}
                origins[name] = (*origins[name], layer.name)
            else:
                values[name], origins[name] = value, (layer.name,)
            if name == _MERGED and isinstance(value, Mapping):
                keys = cast("Values", value)
                origins.update({f"{name}.{key}": (layer.name,) for key in keys})
    return values, origins


def _defaults(template: Values) -> Iterator[tuple[str, object]]:
    for name, schema in _properties(template).items():
        if isinstance(schema, Mapping) and "default" in schema:
            yield name, cast("Values", schema)["default"]


def _variables(template: Values) -> Values:
    return cast("Values", template.get("variables") or {})


def _properties(template: Values) -> Values:
    return cast("Values", _variables(template).get("properties") or {})


def _plain_placeholders(value: object) -> Iterator[str]:
    return (name for name in find_placeholders(value) if parse_reference(name) is None)


def _is_open(value: object) -> bool:
    """Whether the value is known only once references are resolved."""
    if isinstance(value, Mapping) and "$ref" in value:
        return True
    return value is None or has_placeholders(cast("object", value))


def _error(path: tuple[str, ...], message: str) -> dict[str, object]:
    return {"loc": ["body", "base_job_template", *path], "msg": message, "type": "value_error"}
