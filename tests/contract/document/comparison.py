"""Compares two OpenAPI documents: what the contract has and ours lacks, or has otherwise."""

import re
from collections.abc import Iterator
from typing import Any

# Formats that say how a text is read. The others of the contract only decorate.
FORMATS = {"uuid", "date-time"}

Document = dict[str, Any]
Schema = dict[str, Any]


class Comparison:
    """One comparison; `differences` yields a line for each thing that is not covered."""

    def __init__(self, contract: Document, ours: Document) -> None:
        self._contract = contract
        self._ours = ours
        self._paths = {_erase(path): methods for path, methods in ours["paths"].items()}
        self._met: set[tuple[str, str]] = set()

    def operations(self) -> Iterator[tuple[str, str]]:
        """Method and path of each operation of the contract."""
        for path, methods in self._contract["paths"].items():
            for method in methods:
                yield method, path

    def has(self, method: str, path: str) -> bool:
        """Whether ours has the operation."""
        return method in self._paths.get(_erase(path), {})

    def differences(self, method: str, path: str) -> Iterator[str]:
        """What ours lacks of an operation that it has."""
        theirs, ours = self._contract["paths"][path][method], self._paths[_erase(path)][method]
        yield from self._parameters(theirs, ours)
        wanted = _json_schema(theirs.get("requestBody"))
        if wanted is not None:
            given = _json_schema(ours.get("requestBody"))
            if given is None:
                yield "body: missing"
            else:
                yield from self._schema(wanted, given, "body")
        for status, answer in theirs["responses"].items():
            if status == "422":
                continue  # its shape on the wire is not what the contract's document says
            if status not in ours["responses"]:
                yield f"status {status}: missing"
                continue
            wanted, given = _json_schema(answer), _json_schema(ours["responses"][status])
            if wanted:
                yield from self._schema(wanted, given or {}, status)

    def _parameters(self, theirs: Schema, ours: Schema) -> Iterator[str]:
        given = _by_place(ours)
        for key, wanted in _by_place(theirs).items():
            name = f"{key[0]} parameter {key[1]}"
            if key not in given:
                yield f"{name}: missing"
                continue
            if wanted["required"] != given[key].get("required", False):
                yield f"{name}: required {wanted['required']}"
            yield from self._schema(wanted["schema"], given[key]["schema"], name)

    def _schema(self, theirs: Schema, ours: Schema, place: str) -> Iterator[str]:
        """Each form that the contract allows has one of ours that is like it."""
        ours_forms = list(_forms(ours, self._ours))
        forms = list(_forms(theirs, self._contract))
        if {"type": "string"} in forms:  # any text: a text of some format is one
            forms = [form for form in forms if form.get("format") not in FORMATS]
        for form in forms:
            yield from self._form(form, ours_forms, place)

    def _form(self, form: Schema, ours: list[Schema], place: str) -> Iterator[str]:
        kind = _kind(form)
        if kind == "anything":
            return
        alike = [other for other in ours if _kind(other) == kind]
        if not alike and any(_kind(other) == "anything" for other in ours):
            alike = [other for other in ours if _kind(other) == "anything"]
        if not alike:
            yield f"{place}: not {kind} but {[_kind(other) for other in ours]}"
            return
        met = set(self._met)
        trials: list[tuple[list[str], set[tuple[str, str]]]] = []
        for other in alike:
            self._met = set(met)
            trials.append((list(self._inside(form, other, place)), self._met))
        found, self._met = min(trials, key=lambda trial: len(trial[0]))  # the one it means
        yield from found

    def _inside(self, theirs: Schema, ours: Schema, place: str) -> Iterator[str]:
        wanted = _values(theirs)
        if wanted and wanted - _values(ours):
            yield f"{place}: values {sorted(map(str, wanted - _values(ours)))} are missing"
        if theirs.get("format") in FORMATS and theirs["format"] != ours.get("format"):
            yield f"{place}: format {theirs['format']}, not {ours.get('format')}"
        if theirs.get("items"):
            yield from self._schema(theirs["items"], ours.get("items", {}), f"{place}[]")
        if isinstance(theirs.get("additionalProperties"), dict):
            inner = ours.get("additionalProperties")
            yield from self._schema(
                theirs["additionalProperties"],
                inner if isinstance(inner, dict) else {},
                f"{place}.*",
            )
        if "properties" in theirs:
            yield from self._properties(theirs, ours, place)

    def _properties(self, theirs: Schema, ours: Schema, place: str) -> Iterator[str]:
        pair = (str(theirs.get("$name")), str(ours.get("$name")))
        if "None" not in pair:
            if pair in self._met:
                return  # compared where it was first met
            self._met.add(pair)
            place = pair[0]
        given = ours.get("properties", {})
        for name, schema in theirs["properties"].items():
            if name not in given:
                yield f"{place}.{name}: missing"
            else:
                yield from self._schema(schema, given[name], f"{place}.{name}")
        required = set(theirs.get("required", ()))
        if required != set(ours.get("required", ())):
            yield f"{place}: required {sorted(required)}, not {sorted(ours.get('required', ()))}"


def _json_schema(holder: Schema | None) -> Schema | None:
    """The schema of a JSON body; none where there is no such body."""
    content = (holder or {}).get("content", {})
    return content["application/json"]["schema"] if "application/json" in content else None


def _forms(schema: Schema, document: Document) -> Iterator[Schema]:
    """The forms that a schema allows, references followed."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        for form in _forms(document["components"]["schemas"][name], document):
            yield {"$name": name, **form}
        return
    for several in ("anyOf", "oneOf"):
        if several in schema:
            for one in schema[several]:
                yield from _forms(one, document)
            return
    if len(schema.get("allOf", [])) == 1:
        yield from _forms(schema["allOf"][0], document)
        return
    yield schema


def _kind(schema: Schema) -> str:
    if "type" in schema:
        return str(schema["type"])
    values = _values(schema)
    if values:
        return {str: "string", int: "integer", bool: "boolean", type(None): "null"}[
            type(next(iter(values)))
        ]
    return "anything"


def _values(schema: Schema) -> set[Any]:
    return {schema["const"]} if "const" in schema else set(schema.get("enum", ()))


def _erase(path: str) -> str:
    """A path without the names of its parts that vary: a request does not tell them."""
    return re.sub(r"{[^}]+}", "{}", path)


def _by_place(operation: Schema) -> dict[tuple[str, str], Schema]:
    """Parameters by where they are and their name; those of the path by their number."""
    numbers = iter(range(len(operation.get("parameters", []))))
    return {
        (p["in"], str(next(numbers)) if p["in"] == "path" else p["name"]): p
        for p in operation.get("parameters", [])
    }
