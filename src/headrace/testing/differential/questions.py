"""Random questions: bodies made after our own document, of values that the loaded objects have."""
# JSON of any shape passes through
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false, reportUnknownMemberType=false

import random
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from headrace.testing.differential.objects import TAGS
from headrace.testing.differential.world import PEERS, Id, Moment, World

Schema = dict[str, Any]

# Paths of reads: what ends so is asked with a random body.
_READS: Final = re.compile(
    r"/(filter|count|paginate|history|lateness|count-task-runs|count-deployments|next-runs)$"
)
# Not a function of what was loaded: the servers' clocks, own events and own block types decide. Of tag
# limits the peer drops from a page what names no tag, so a page of them may come out empty.
_LEFT_OUT: Final = {
    "/events/filter",
    "/task_workers/filter",
    "/automations/filter",
    "/block_types/filter",
    "/block_schemas/filter",
    "/concurrency_limits/filter",
}
# What the peer no longer looks at.
_IGNORED: Final = {
    # To the peer a run that has not started "starts" when it is to; ours asks for real starts.
    ("FlowRunFilterStartTime", "after_"),
    ("FlowRunFilterStartTime", "before_"),
    ("DeploymentFilter", "concurrency_limit"),
    # It looks at the name as it was given; ours at the queue's name, which both show.
    ("DeploymentFilter", "work_queue_name"),
    ("FlowRunFilter", "work_queue_name"),
    # Beside `any_` it drops both.
    ("FlowRunFilterStateName", "not_any_"),
    ("FlowRunFilterStateType", "not_any_"),
}
_OWNER: Final = re.compile(
    r"(FlowRun|TaskRun|Flow|Deployment|WorkPool|WorkQueue|Variable|Log|ArtifactCollection|Artifact)Filter(\w*)"
)
_NOUN: Final = {
    "FlowRun": "flow_run", "TaskRun": "task_run", "Flow": "flow", "Deployment": "deployment",
    "WorkPool": "work_pool", "WorkQueue": "default_queue", "Variable": "variable",
    "Log": "flow_run", "Artifact": "artifact", "ArtifactCollection": "artifact",
}  # fmt: skip
_HOUR: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Question:
    """A read: the same for both sides but for ids and times of objects."""

    method: str
    path: str
    body: Any = None

    @property
    def sort(self) -> str | None:
        """The field that the answer is ordered by, where the body says."""
        sort = self.body.get("sort") if isinstance(self.body, dict) else None
        return None if sort is None else re.sub(r"_(ASC|DESC)$", "", sort).lower()


class Questions:
    """Makes questions about a world."""

    def __init__(self, world: World, document: Schema, seed: int) -> None:
        """`document` is our OpenAPI document: it covers the contract's."""
        self._world = world
        self._schemas: Schema = document["components"]["schemas"]
        self._random = random.Random(seed)  # noqa: S311 - a test's choices, by seed
        self._bodies: dict[str, Schema] = {
            path: methods["post"]["requestBody"]["content"]["application/json"]["schema"]
            for path, methods in document["paths"].items()
            if _READS.search(path) and path not in _LEFT_OUT and "requestBody" in methods.get("post", {})
            and "{" not in path
        }  # fmt: skip
        self._heavy = [path for path in self._bodies if "_runs/" in path]

    @property
    def paths(self) -> list[str]:
        """Paths that are asked with bodies."""
        return sorted(self._bodies)

    def ask(self) -> Question:
        """The next question."""
        if self._random.random() < 0.1:
            return self._read_one()
        several = self._heavy if self._random.random() < 0.5 else self.paths
        path = self._random.choice(several)
        return Question("POST", path, self._body(path))

    def _read_one(self) -> Question:
        noun = self._random.choice(
            ["flow_run", "task_run", "flow", "deployment", "variable", "artifact"]
        )
        labels = self._world.of_noun[noun]
        if not labels:
            return Question("GET", "/flow_runs/00000000-0000-0000-0000-000000000000")
        label = self._random.choice(labels)
        return Question("GET", f"/{noun}s/{{{label}}}")

    def _body(self, path: str) -> Schema:
        name = self._bodies[path]["$ref"].rpartition("/")[2]
        properties: Schema = self._schemas[name]["properties"]
        body: Schema = {}
        for key, schema in properties.items():
            if key == "sort":
                body[key] = self._random.choice(self._enum(schema))
            elif key in {"limit", "offset", "page"}:
                if self._random.random() < 0.6:
                    body[key] = self._random.choice([1, 2, 3, 10, 50, 200])
            elif key.startswith("history_"):
                body[key] = self._history(key)
            elif self._random.random() < 0.35:
                body[key] = self._value(schema, name, key)
        required = set(self._schemas[name].get("required", ())) - body.keys()
        return body | {key: self._value(properties[key], name, key) for key in sorted(required)}

    def _history(self, key: str) -> Any:
        run = self._scheduled_run()
        if key == "history_interval_seconds":
            return self._random.choice([_HOUR, 6 * _HOUR, 86_400.0])
        shift = 0.0 if key == "history_start" else 20 * _HOUR
        return Moment(run, "next_scheduled_start_time", shift)

    def _scheduled_run(self) -> str:
        """The same run for the start and the end of one question."""
        runs = [
            label
            for label in self._world.of_noun["flow_run"]
            if self._world.objects[PEERS][label].get("next_scheduled_start_time")
        ]
        return runs[len(runs) // 2]

    def _enum(self, schema: Schema) -> list[str]:
        if "$ref" in schema:
            return self._enum(self._schemas[schema["$ref"].rpartition("/")[2]])
        for form in schema.get("anyOf", ()):
            if self._enum(form):
                return self._enum(form)
        return [value for value in schema.get("enum", ()) if isinstance(value, str)]

    def _value(self, schema: Schema, owner: str, key: str) -> Any:
        forms = [form for form in schema.get("anyOf", [schema]) if form.get("type") != "null"]
        if (
            len(forms) < len(schema.get("anyOf", [schema]))
            and owner.endswith("Body")
            and self._random.random() < 0.04
        ):
            return None
        form = self._random.choice(forms)
        if "allOf" in form:
            form = form["allOf"][0]
        if "$ref" in form:
            name = form["$ref"].rpartition("/")[2]
            found = self._schemas[name]
            return (
                found["enum"] and self._random.choice(found["enum"])
                if "enum" in found
                else self._object(name)
            )
        match form.get("type"):
            case "array":
                if self._random.random() < 0.05:
                    return []
                inner: Schema = form["items"]
                return [
                    self._scalar(inner, owner, key)
                    for _ in range(self._random.choice([1, 1, 2, 5]))
                ]
            case "object":
                return {}
            case _:
                return self._scalar(form, owner, key)

    def _object(self, name: str) -> Schema:
        properties: Schema = self._schemas[name]["properties"]
        wanted = [key for key in properties if key != "operator" and (name, key) not in _IGNORED]
        chosen = self._random.sample(wanted, min(len(wanted), self._random.choice([1, 1, 2, 3])))
        made = {key: self._value(properties[key], name, key) for key in chosen}
        if "operator" in properties and self._random.random() < 0.5:
            made["operator"] = self._random.choice(["and_", "or_"])
        return made

    def _scalar(self, schema: Schema, owner: str, key: str) -> Any:
        if "$ref" in schema or "enum" in schema:
            return self._random.choice(self._enum(schema) or [None])
        if schema.get("type") == "boolean":
            return self._random.random() < 0.5
        if schema.get("type") in {"integer", "number"}:
            return self._random.choice([0, 1, 5, 10, 20, 30, 40])
        match = _OWNER.fullmatch(owner)
        noun = _NOUN[match[1]] if match else "flow_run"
        attribute = _snake(match[2]) if match else "name"
        return self._known(noun, attribute, schema, key)

    def _known(self, noun: str, attribute: str, schema: Schema, key: str) -> Any:
        """A value that a loaded object has at an attribute."""
        if attribute == "tags":
            return self._random.choice(TAGS)
        labels = self._world.of_noun[noun] or self._world.of_noun["flow_run"]
        label = self._random.choice(labels)
        if schema.get("format") == "uuid":
            linked = self._world.objects[PEERS][label].get(attribute)
            other = self._world.labels[PEERS].get(linked or "", label)
            return Id(other) if other in self._world.objects[PEERS] else Id(label)
        if schema.get("format") == "date-time":
            return self._moment(attribute)
        text = self._world.objects[PEERS][label].get(
            {"state_name": "state_name"}.get(attribute, attribute)
        )
        text = text if isinstance(text, str) else self._world.objects[PEERS][label].get("name", "a")
        if key in {"like_", "query"} or (key.startswith("startswith") and text):
            start = self._random.randrange(max(1, len(text)))
            return text[start : start + self._random.randint(1, 6)] or "a"
        return text

    def _moment(self, attribute: str) -> Any:
        shift = self._random.choice([0.0, 0.0, _HOUR, -_HOUR])
        for _ in range(20):
            noun = self._random.choice(["flow_run", "task_run"])
            label = self._random.choice(self._world.of_noun[noun])
            values = [objects[label].get(attribute) for objects in self._world.objects]
            if all(map(_is_moment, values)):
                return Moment(label, attribute, shift)
        return Moment(self._scheduled_run(), "next_scheduled_start_time", shift)


def _is_moment(value: Any) -> bool:
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except (TypeError, ValueError):
        return False


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
