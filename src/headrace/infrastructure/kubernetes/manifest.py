"""From a job's configuration to the objects that are made of it: a Job, and a Secret for its keys."""

import copy
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from headrace.errors import InfrastructureError
from headrace.infrastructure.contract import Job
from headrace.infrastructure.kubernetes.names import (
    KEYLESS,
    Marks,
    job_name,
    label_key,
    label_value,
    secret_name,
)
from headrace.infrastructure.kubernetes.patches import customize

Json = dict[str, Any]

DEFAULT_NAMESPACE: Final = "default"
# A finished job stays that many seconds where nothing else is said: for a day people can look at it, and
# a cluster that runs thousands does not fill.
DEFAULT_TTL: Final = 86_400
_CREDENTIALS: Final = frozenset(
    {
        "HEADRACE_API_KEY",
        "HEADRACE_API_AUTH_STRING",
        "PREFECT_API_KEY",
        "PREFECT_API_AUTH_STRING",
    }
)
"""Variables that are handed over in a secret: a pod's plain environment is read by many."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is made for an attempt.

    Args:
        name: The job's name.
        namespace: Where.
        job: The job, as the API takes it.
        secret: The secret that its container reads keys from, if it needs any.
        held: We have suspended the job until it has its secret.
    """

    name: str
    namespace: str
    job: Json
    secret: Json | None
    held: bool = False


def build_manifest(job: Job, command: tuple[str, ...], marks: Marks) -> Manifest:
    """The objects of an attempt.

    Args:
        job: The attempt; its configuration is that of the `kubernetes` template.
        command: What runs a flow in a container, where the configuration has no command.
        marks: What its objects are marked with.

    Raises:
        InfrastructureError: The configuration has a value that cannot be used.
    """
    configuration = job.configuration
    manifest = _manifest_of(configuration)
    metadata, spec = _part(manifest, "metadata"), _part(manifest, "spec")
    template = _part(spec, "template")
    pod = _part(template, "spec")
    name, labels = job_name(job), marks.labels(job)
    place = str(configuration.get("namespace") or metadata.get("namespace") or DEFAULT_NAMESPACE)

    _settle_job(spec, pod, configuration)
    container = _container(pod)
    secret = _settle_container(container, job, command, secret_name(name))
    own = _labels(configuration.get("labels")) | _labels(metadata.get("labels"))
    metadata["labels"] = own
    meta = _part(template, "metadata")
    meta["labels"] = own | _labels(meta.get("labels"))

    manifest = customize(manifest, configuration.get("customizations"))
    _brand(manifest, name, place, labels)
    return Manifest(
        name,
        place,
        manifest,
        _secret(name, place, labels, secret),
        held=_hold(manifest) if secret else False,
    )


def _manifest_of(configuration: Mapping[str, object]) -> Json:
    value = configuration.get("job_manifest")
    if not isinstance(value, Mapping):
        message = (
            f"the job's 'job_manifest' is {value!r}; give it as an object, as the default base job "
            "template of kubernetes pools has it"
        )
        raise InfrastructureError(message)
    manifest: Json = copy.deepcopy(dict(cast("Mapping[str, Any]", value)))
    manifest.setdefault("apiVersion", "batch/v1")
    manifest.setdefault("kind", "Job")
    kind = manifest["apiVersion"], manifest["kind"]
    if kind != ("batch/v1", "Job"):
        message = (
            f"the job's 'job_manifest' is a {kind[1]} of {kind[0]}; it must be a Job of batch/v1"
        )
        raise InfrastructureError(message)
    return manifest


def _part(parent: Json, name: str) -> Json:
    """The object of that name in `parent`, made where there is none."""
    value = parent.get(name)
    if value is None:
        value = {}
    if not isinstance(value, dict):
        message = f"{name!r} in the job's 'job_manifest' is {value!r}; give it as an object"
        raise InfrastructureError(message)
    parent[name] = value
    return cast("Json", value)


def _settle_job(spec: Json, pod: Json, configuration: Mapping[str, object]) -> None:
    for name in ("parallelism", "completions"):
        # The template of the contract has them one level too deep, where the API does not know them.
        value = pod.pop(name, None)
        if value is not None:
            spec.setdefault(name, value)
    spec.setdefault("backoffLimit", 0)  # attempts are the server's to count
    if spec.get("ttlSecondsAfterFinished") is None:
        spec["ttlSecondsAfterFinished"] = DEFAULT_TTL
    longest = configuration.get("job_watch_timeout_seconds")
    if longest:
        spec.setdefault("activeDeadlineSeconds", longest)  # kept by the cluster: no worker needed
    pod.setdefault("restartPolicy", "Never")
    secrets = configuration.get("image_pull_secrets")
    if isinstance(secrets, list):
        names = [{"name": str(name)} for name in cast("list[object]", secrets)]
        pod["imagePullSecrets"] = [*pod.get("imagePullSecrets", []), *names]


def _container(pod: Json) -> Json:
    containers = pod.get("containers")
    if not isinstance(containers, list) or not containers or not isinstance(containers[0], dict):
        message = (
            "the job's 'job_manifest' has no container; the first is the one that the run lives in"
        )
        raise InfrastructureError(message)
    return cast("Json", containers[0])


def _settle_container(
    container: Json, job: Job, command: tuple[str, ...], secret: str
) -> dict[str, str]:
    """Fill in the run's container; the keys that go into its secret."""
    container.setdefault("name", "headrace-job")
    if not container.get("image"):
        message = (
            "the job has no image; set the variable 'image' in the work pool or the deployment. "
            "`headrace image build` makes one"
        )
        raise InfrastructureError(message)
    container["args"] = _words(container.get("args")) or list(command)
    if container.get("command"):
        container["command"] = _words(container["command"])
    for of in ("limits", "requests"):
        found = _part(_part(container, "resources"), of)
        container["resources"][of] = {k: v for k, v in found.items() if v not in (None, "")}
    given, referring = _environment(container.get("env"))
    plain = {k: v for k, v in {**job.settings, **given}.items() if v is not None}
    texts = {**plain, **job.environment}
    named = {str(item.get("name")) for item in referring} - set(job.environment)
    keys = {k: v for k, v in texts.items() if k in _CREDENTIALS and k not in named}
    container["env"] = [
        *({"name": k, "value": v} for k, v in texts.items() if k not in named and k not in keys),
        *(_reference(name, secret) for name in keys),
        *(item for item in referring if item.get("name") in named),
    ]
    return keys


def _reference(name: str, secret: str) -> Json:
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": name}}}


def _environment(value: object) -> tuple[dict[str, str | None], list[Json]]:
    """Plain values, and those that refer to something: given as an object or as the API's list.

    None takes a variable away that others set.
    """
    if value is None:
        return {}, []
    if isinstance(value, Mapping):
        items = cast("Mapping[str, object]", value).items()
        return {str(k): None if v is None else str(v) for k, v in items}, []
    if isinstance(value, list):
        entries = [cast("Json", e) for e in cast("list[object]", value) if isinstance(e, Mapping)]
        plain = [e for e in entries if "valueFrom" not in e]
        texts: dict[str, str | None] = {str(e.get("name")): str(e.get("value", "")) for e in plain}
        return texts, [e for e in entries if "valueFrom" in e]
    message = f"the job's 'env' is {value!r}; give it as names and values"
    raise InfrastructureError(message)


def _words(value: object) -> list[str]:
    if not value:
        return []
    if isinstance(value, list):
        return [str(part) for part in cast("list[object]", value)]
    try:
        return shlex.split(str(value))
    except ValueError as error:
        message = f"the job's 'command' {value!r} cannot be split into words: {error}"
        raise InfrastructureError(message) from None


def _labels(value: object) -> dict[str, str]:
    if not isinstance(value, Mapping):
        return {}
    pairs = cast("Mapping[object, object]", value).items()
    return {key: label_value(str(v)) for k, v in pairs if (key := label_key(str(k)))}


def _brand(manifest: Json, name: str, namespace: str, labels: Mapping[str, str]) -> None:
    """What nobody may change: by this the attempt is found again."""
    metadata = _part(manifest, "metadata")
    metadata.pop("generateName", None)
    metadata["name"], metadata["namespace"] = name, namespace
    template = _part(_part(_part(manifest, "spec"), "template"), "metadata")
    for part in (metadata, template):
        part["labels"] = {**part.get("labels", {}), **labels}


def _hold(manifest: Json) -> bool:
    """Suspend a job until its secret is made; False where somebody else keeps it suspended."""
    _part(_part(manifest, "metadata"), "annotations")[KEYLESS] = "true"
    spec = _part(manifest, "spec")
    is_ours = not spec.get("suspend")
    spec["suspend"] = True
    return is_ours


def _secret(
    name: str, namespace: str, labels: Mapping[str, str], keys: Mapping[str, str]
) -> Json | None:
    if not keys:
        return None
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": secret_name(name), "namespace": namespace, "labels": dict(labels)},
        "type": "Opaque",
        "stringData": dict(keys),
    }
