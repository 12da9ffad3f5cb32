"""What the API refuses: the cluster's own schemas, and the rules that they do not hold."""

import re
from typing import Any

import kubernetes_validate
from kubernetes_validate import ValidationError

from tests.stand_ins.kubernetes.store import Refusal

Json = dict[str, Any]

VERSION = "1.37"
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_LABEL = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9])?")
_PREFIX = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_UNKNOWN = re.compile(r"'([^']+)'")


def check(resource: str, obj: Json, mode: str) -> list[str]:
    """Refuse what is not valid; warnings about fields that were dropped.

    Args:
        resource: Which resource.
        obj: The object; changed in place.
        mode: `fieldValidation`: Strict, Warn or Ignore.
    """
    warnings: list[str] = []
    while (error := _fault(obj)) is not None:
        if error.validator != "additionalProperties":
            where = ".".join(str(part) for part in error.path)
            raise Refusal(422, "Invalid", f"{obj['kind']} is invalid: {where}: {error.message}")
        target: Any = obj
        for part in error.path:
            target = target[part]
        where = ".".join(str(part) for part in error.path)
        names = _UNKNOWN.findall(error.message)
        if mode == "Strict":
            said = ", ".join(f'unknown field "{where}.{name}"' for name in names)
            raise Refusal(400, "BadRequest", f"strict decoding error: {said}")
        for name in names:
            target.pop(name, None)
            warnings.append(f'unknown field "{where}.{name}"')
    _check_rules(resource, obj)
    return [] if mode == "Ignore" else warnings


def _fault(obj: Json) -> Any:
    try:
        kubernetes_validate.validate(obj, VERSION, strict=True)
    except ValidationError as error:
        return error
    return None


def _check_rules(resource: str, obj: Json) -> None:
    kind, meta = obj["kind"], obj["metadata"]
    name = meta.get("name") or f"{meta.get('generateName', '')}x"
    if not _NAME.fullmatch(name):
        _invalid(kind, "metadata.name", name)
    for labels in _label_sets(obj):
        for key, value in labels.items():
            prefix, slash, last = key.rpartition("/")
            if not last or not _LABEL.fullmatch(last) or (slash and not _PREFIX.fullmatch(prefix)):
                _invalid(kind, "metadata.labels", key)
            if not _LABEL.fullmatch(value):
                _invalid(kind, "metadata.labels", value)
    if resource == "jobs":
        if len(name) > 63:
            _invalid(kind, "spec.template.labels", name)
        pod = obj["spec"]["template"]["spec"]
        if pod.get("restartPolicy") not in {"Never", "OnFailure"}:
            _invalid(kind, "spec.template.spec.restartPolicy", pod.get("restartPolicy"))
        _check_containers(kind, pod)
    if resource == "pods":
        _check_containers(kind, obj["spec"])


def _check_containers(kind: str, spec: Json) -> None:
    for container in spec.get("containers", []):
        if not container.get("image"):
            _invalid(kind, "containers[0].image", None)
        for entry in container.get("env", []):
            if entry.get("value") and entry.get("valueFrom"):
                _invalid(kind, "env", entry["name"])


def _label_sets(obj: Json) -> list[dict[str, str]]:
    template = obj.get("spec", {}).get("template", {}) if isinstance(obj.get("spec"), dict) else {}
    return [
        obj["metadata"].get("labels") or {},
        (template.get("metadata") or {}).get("labels") or {},
    ]


def _invalid(kind: str, field: str, value: object) -> None:
    raise Refusal(422, "Invalid", f'{kind} is invalid: {field}: Invalid value: "{value}"')
