"""What both servers hold: each object under one label, with the id and the answer it has on each side."""
# JSON of any shape passes through
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false, reportUnknownMemberType=false

import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from headrace.testing.differential.sides import Reply, Side

OURS: Final = 0
PEERS: Final = 1
_PLACE: Final = re.compile(r"\{([^}]+)\}")

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Id:
    """In a body: the id that the labelled object has on the side that is asked."""

    label: str


@dataclass(frozen=True, slots=True)
class Moment:
    """In a body: a time of the labelled object as it is on the side that is asked."""

    label: str
    field: str
    shift_seconds: float = 0.0


class World:
    """Two sides and the objects that were made on both."""

    def __init__(self, ours: Side, peers: Side) -> None:
        self.sides = (ours, peers)
        self.objects: tuple[dict[str, Object], dict[str, Object]] = ({}, {})
        self.labels: tuple[dict[str, str], dict[str, str]] = ({}, {})
        self.of_noun: dict[str, list[str]] = defaultdict(list)

    def exchange(self, method: str, path: str, body: Any = None) -> tuple[Reply, Reply]:
        """Ask both the same. `{label}` in the path, `Id` and `Moment` in the body become each side's."""
        ours, peers = (
            side.call(method, self.fill_path(path, at), self.fill(body, at))
            for at, side in enumerate(self.sides)
        )
        return ours, peers

    def learn(self, label: str, ours: Object, peers: Object) -> None:
        """Keep what both sides answered about an object, under its label."""
        noun = label.partition(":")[0]
        if label not in self.objects[OURS]:
            self.of_noun[noun].append(label)
        for at, answer in enumerate((ours, peers)):
            self.objects[at][label] = answer
            self.labels[at][answer["id"]] = label

    def name_id(self, label: str, ours: str, peers: str) -> None:
        """Give a label to an id that came inside another object."""
        for at, value in enumerate((ours, peers)):
            self.labels[at][value] = label
            self.objects[at].setdefault(label, {"id": value})

    def fill_path(self, path: str, at: int) -> str:
        """The path on one side."""
        return _PLACE.sub(lambda match: str(self.objects[at][match[1]]["id"]), path)

    def fill(self, template: Any, at: int) -> Any:
        """The body on one side."""
        match template:
            case Id(label=label):
                return self.objects[at][label]["id"]
            case Moment():
                text: str = self.objects[at][template.label][template.field]
                moment = datetime.fromisoformat(text)
                return (moment + timedelta(seconds=template.shift_seconds)).isoformat()
            case dict():
                filled: Object = template
                return {key: self.fill(value, at) for key, value in filled.items()}
            case list():
                parts: list[Any] = template
                return [self.fill(part, at) for part in parts]
            case _:
                return template
