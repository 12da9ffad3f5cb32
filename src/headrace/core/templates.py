"""Base job templates: what a pool's `variables` allow, and the job that comes out of them.

A template has `job_configuration`, with `{{ placeholder }}` and hard-coded values, and `variables`, a
JSON schema of what may be put in. Values come in layers: the schema's defaults, the deployment's
`job_variables`, the run's; a later layer wins. `env` is merged key by key, all else is replaced.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast

from headrace.core.json_schema import Fault, compile_schema, find_faults, schema_text
from headrace.core.placeholders import (
    MISSING,
    Fill,
    LookUp,
    Missing,
    fill_text,
    find_placeholders,
    has_placeholders,
    look_into,
    parse_reference,
    sole_placeholder,
)
from headrace.errors import ObjectNotFound, ValidationFailed

Values = Mapping[str, object]

TEMPLATE = "template"
POOL_DEFAULT = "pool default"
_MERGED = "env"
"""The variable whose object is merged by key, as workers of the contract do."""


@dataclass(frozen=True, slots=True)
class Layer:
    """Values for a template's variables, and who gave them: `deployment`, `run`, `worker`."""

    name: str
    values: Values


class Part(NamedTuple):
    """One value of a job, and the layers, variables and blocks that it came from."""

    value: object
    sources: tuple[str, ...]


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
    filling = _Filling(values, origins, look_up)
    opened = {name: filling.open_value(name) for name, one in values.items() if _has_reference(one)}
    if opened:
        check_variables(template, [Layer("opened", opened)], complete=False)
    configuration = filling.fill(template.get("job_configuration", {}), ())
    return Resolved(
        configuration=cast("dict[str, object]", configuration),
        parts=filling.parts,
        unknown=find_unknown(template, layers),
    )


class _Filling:
    """The walk over a configuration that puts values in and notes where each came from."""

    def __init__(
        self, values: Values, origins: Mapping[str, tuple[str, ...]], look_up: LookUp
    ) -> None:
        self._values, self._origins, self._look_up = values, origins, look_up
        self.parts: dict[str, Part] = {}

    def fill(self, value: object, path: tuple[str, ...]) -> object:
        if isinstance(value, Mapping):
            items = cast("Mapping[str, object]", value).items()
            filled = {key: self.fill(item, (*path, key)) for key, item in items}
            return {key: item for key, item in filled.items() if item is not MISSING}
        if isinstance(value, list):
            every = enumerate(cast("list[object]", value))
            listed = [self.fill(item, (*path, str(index))) for index, item in every]
            return [item for item in listed if item is not MISSING]
        if not isinstance(value, str):
            return self._note(path, value, ())
        name = sole_placeholder(value)
        given = MISSING if name is None else look_into(self._values, name)
        if name is not None and isinstance(given, Mapping) and given:
            return self._open(name, cast("Values", given), path)
        used: list[str] = []
        result = fill_text(value, self._filler(path, used))
        return result if result is MISSING else self._note(path, result, used)

    def open_value(self, name: str) -> object:
        """A variable's value with what it refers to."""
        return self._resolve_inside(self._values[name], (name,), [])

    def _open(self, name: str, given: Values, path: tuple[str, ...]) -> dict[str, object]:
        """The object that a variable stands for: each of its values has come from a layer."""
        opened: dict[str, object] = {}
        for key, item in given.items():
            inner, at = f"{name}.{key}", (*path, key)
            if isinstance(item, Mapping) and item:
                opened[key] = self._open(inner, cast("Values", item), at)
                continue
            used = list(self._origin(inner))
            opened[key] = self._note(at, self._resolve_inside(cast("object", item), at, used), used)
        return opened

    def _note(self, path: tuple[str, ...], value: object, used: Sequence[str]) -> object:
        self.parts[".".join(path)] = Part(value, tuple(dict.fromkeys(used)) or (TEMPLATE,))
        return value

    def _origin(self, name: str) -> tuple[str, ...]:
        """Who gave a variable, or a field in it: who gave the nearest that is known by itself."""
        while name not in self._origins:
            name = name.rpartition(".")[0]
        return self._origins[name]

    def _filler(self, path: tuple[str, ...], used: list[str]) -> Fill:
        def fill(name: str) -> object:
            if parse_reference(name) is not None:
                return self._refer(name, path, used)
            value = look_into(self._values, name)
            if isinstance(value, Missing):
                return value
            used.extend(self._origin(name))
            return self._resolve_inside(value, path, used)

        return fill

    def _resolve_inside(self, value: object, path: tuple[str, ...], used: list[str]) -> object:
        """References inside a variable's value; other braces in it are the user's own text."""
        if isinstance(value, Mapping):
            items = cast("Mapping[str, object]", value).items()
            return {key: self._resolve_inside(item, path, used) for key, item in items}
        if isinstance(value, list):
            every = cast("list[object]", value)
            return [self._resolve_inside(item, path, used) for item in every]
        if not isinstance(value, str) or not _has_reference(value):
            return value
        return fill_text(
            value,
            lambda name: (
                self._refer(name, path, used) if parse_reference(name) else f"{{{{ {name} }}}}"
            ),
        )

    def _refer(self, name: str, path: tuple[str, ...], used: list[str]) -> object:
        reference = parse_reference(name)
        assert reference is not None
        try:
            value = self._look_up(reference)
        except KeyError as error:
            where = ".".join(path)
            message = f"the job's {where!r} refers to the {reference.kind} {reference.name!r}"
            raise ObjectNotFound(f"{message}, which does not exist; create it") from error
        used.append(f"{reference.kind} {reference.name}")
        return value


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


def _has_reference(value: object) -> bool:
    return any(map(parse_reference, find_placeholders(value)))


def _is_open(value: object) -> bool:
    """Whether the value is known only once references are resolved."""
    if isinstance(value, Mapping) and "$ref" in value:
        return True
    return value is None or has_placeholders(cast("object", value))


def _error(path: tuple[str, ...], message: str) -> dict[str, object]:
    return {"loc": ["body", "base_job_template", *path], "msg": message, "type": "value_error"}
