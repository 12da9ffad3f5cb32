"""Rules of blocks. Pure: the checksum of a schema, what of a document is secret, what refers to what.

The checksum is part of the contract: clients compute it themselves and look a schema up by it. It was
found by comparing the answers of a running server with hashes of the fields that were sent.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, cast

MASK: Final = "********"
"""Stands for a secret value where secrets are not asked for."""

DOCUMENT_KEY: Final = "block_document_id"
"""What a reference names another document by."""

_REFERENCE: Final = "$ref"
_DEFINITION: Final = "#/definitions/"
_SECRETS: Final = "secret_fields"

Json = dict[str, Any]


def checksum(fields: Mapping[str, Any]) -> str:
    """The checksum of a schema's fields: `sha256:` and 64 hexadecimal digits.

    It does not depend on the order of keys, on which fields are secret, and on definitions that
    nothing refers to or that are blocks of their own.
    """
    counted = cast("Json", _without(dict(fields), _SECRETS))
    definitions = counted.get("definitions")
    if definitions and isinstance(definitions, dict):
        named = cast("Json", definitions)
        used = {name: named[name] for name in named if name in set(_references(counted))}
        del counted["definitions"]
        if wanted := {name: one for name, one in used.items() if not _is_block(one)}:
            counted["definitions"] = wanted
    text = json.dumps([[counted], {}], sort_keys=True)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _without(value: object, key: str) -> object:
    if isinstance(value, dict):
        items = cast("Json", value).items()
        return {name: _without(one, key) for name, one in items if name != key}
    if isinstance(value, list):
        return [_without(one, key) for one in cast("list[object]", value)]
    return value


def _references(value: object) -> Iterator[str]:
    """The definitions that are referred to anywhere, by other definitions and by blocks too."""
    if isinstance(value, list):
        for one in cast("list[object]", value):
            yield from _references(one)
    elif isinstance(value, dict):
        mapping = cast("Json", value)
        target = mapping.get(_REFERENCE)
        if isinstance(target, str) and target.startswith(_DEFINITION):
            yield target.removeprefix(_DEFINITION)
        for one in mapping.values():
            yield from _references(one)


def _is_block(definition: object) -> bool:
    """Whether a definition is a block of its own, which has its own checksum."""
    return isinstance(definition, dict) and "block_type_slug" in definition


def reference_of(value: object) -> str | None:
    """The id of the document that a field's value refers to; none where it is a plain value."""
    if not isinstance(value, dict):
        return None
    reference = cast("Json", value).get(_REFERENCE)
    if not isinstance(reference, dict):
        return None
    key = cast("Json", reference).get(DOCUMENT_KEY)
    return key if isinstance(key, str) else None


def refer_to(document_id: str) -> Json:
    """The value of a field that refers to a document."""
    return {_REFERENCE: {DOCUMENT_KEY: document_id}}


def split_references(data: Mapping[str, Any]) -> tuple[Json, dict[str, str]]:
    """A document's own values, and the ids of the documents its other fields refer to."""
    own: Json = {}
    references: dict[str, str] = {}
    for name, value in data.items():
        target = reference_of(value)
        if target is None:
            own[name] = value
        else:
            references[name] = target
    return own, references


def secret_paths(fields: Mapping[str, Any]) -> list[list[str]]:
    """The paths of a schema's secret fields, `a.b.*` in parts; `*` stands for all that is below."""
    paths = fields.get(_SECRETS)
    if not isinstance(paths, list):
        return []
    return [path.split(".") for path in cast("list[object]", paths) if isinstance(path, str)]


def masked(data: Json, paths: Iterable[list[str]]) -> Json:
    """The data with a mask for every secret value; nothing in it is the same object."""
    shown = cast("Json", json.loads(json.dumps(data)))
    for path in paths:
        for holder, key in _find(shown, path):
            is_unset = holder[key] is None and path[-1] != "*"
            holder[key] = None if is_unset else _mask_all(holder[key])
    return shown


def _mask_all(value: object) -> object:
    if isinstance(value, dict):
        return {key: _mask_all(one) for key, one in cast("Json", value).items()}
    return MASK


def stripped(data: Json, paths: Iterable[list[str]]) -> Json:
    """The data without its secret values: what may be told to everybody."""
    shown = cast("Json", json.loads(json.dumps(data)))
    for path in paths:
        for holder, key in _find(shown, path):
            del holder[key]
    return shown


def _find(data: Json, path: list[str]) -> Iterator[tuple[Json, str]]:
    """Where the values at a path stand: in which object, under which name."""
    name, rest = path[0], path[1:]
    if name == "*":
        yield from ((data, key) for key in list(data))
    elif name in data and not rest:
        yield data, name
    elif name in data:
        value = data[name]
        for one in cast("list[object]", value) if isinstance(value, list) else [value]:
            if isinstance(one, dict):
                yield from _find(cast("Json", one), rest)


def restored(given: Json, old: Mapping[str, Any], paths: Iterable[list[str]]) -> Json:
    """The given data, where a mask that came back stands for the value that it hides."""
    for path in paths:
        _restore(given, old, path)
    return given


def _restore(given: Json, old: Mapping[str, Any], path: list[str]) -> None:
    name, rest = path[0], path[1:]
    for key in list(given) if name == "*" else [name]:
        if key not in given or key not in old:
            continue
        value, was = given[key], old[key]
        if value == MASK:
            given[key] = was
        else:
            _restore_below(value, was, rest or ["*"])


def _restore_below(value: object, was: object, path: list[str]) -> None:
    if isinstance(value, list) and isinstance(was, list):
        for one, other in zip(cast("list[object]", value), cast("list[object]", was), strict=False):
            _restore_below(one, other, path)
    elif isinstance(value, dict) and isinstance(was, dict):
        _restore(cast("Json", value), cast("Json", was), path)
