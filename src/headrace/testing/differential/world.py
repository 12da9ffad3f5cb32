"""What all servers hold: each object under one label, with the id and the answer it has on each side."""
# JSON of any shape passes through
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false, reportUnknownMemberType=false

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Final, Self

from headrace.testing.differential.sides import Reply, Side

PEERS: Final = 0
"""The peer's place among the sides; ours are all others."""
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
    """The sides, the peer first, and the objects that were made on all of them."""

    def __init__(self, sides: Sequence[Side]) -> None:
        self.sides = tuple(sides)
        self.objects: tuple[dict[str, Object], ...] = tuple({} for _ in sides)
        self.labels: tuple[dict[str, str], ...] = tuple({} for _ in sides)
        self.of_noun: dict[str, list[str]] = defaultdict(list)
        self._threads = ThreadPoolExecutor(max(1, len(self.sides)))

    def __enter__(self) -> Self:
        """Nothing is started before the first question."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the threads."""
        self._threads.shutdown()

    def exchange(self, method: str, path: str, body: Any = None) -> tuple[Reply, ...]:
        """Ask all at once the same. `{label}` in the path, `Id` and `Moment` in the body become each's."""
        return self.on_each(lambda at: self.ask(at, method, path, body))

    def on_each(self, call: Callable[[int], Reply]) -> tuple[Reply, ...]:
        """What `call` gives for each side, all at once."""
        return tuple(self._threads.map(call, range(len(self.sides))))

    def ask(self, at: int, method: str, path: str, body: Any = None) -> Reply:
        """Ask one side, with its own ids and times."""
        return self.sides[at].call(method, self.fill_path(path, at), self.fill(body, at))

    def learn(self, label: str, answers: Sequence[Object | None]) -> None:
        """Keep what the sides answered about an object, under its label; None of one that refused."""
        noun, _, number = label.partition(":")
        is_new = not all(label in objects for objects in self.objects)
        for at, answer in enumerate(answers):
            if answer is None:
                continue
            self.objects[at][label] = answer
            self.labels[at][answer["id"]] = label
            if noun == "work_pool":  # its first queue comes with it
                queue = f"default_queue:{number}"
                self.labels[at][answer["default_queue_id"]] = queue
                self.objects[at].setdefault(queue, {"id": answer["default_queue_id"]})
        if is_new and all(label in objects for objects in self.objects):
            self.of_noun[noun].append(label)

    def knows(self, value: Any, at: int) -> bool:
        """Whether a side has all that a body names."""
        match value:
            case Id() | Moment():
                return value.label in self.objects[at]
            case dict():
                inner: Object = value
                return all(self.knows(part, at) for part in inner.values())
            case list():
                parts: list[Any] = value
                return all(self.knows(part, at) for part in parts)
            case _:
                return True

    def knows_path(self, path: str, at: int) -> bool:
        """Whether a side has all that a path names."""
        return all(name in self.objects[at] for name in _PLACE.findall(path))

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
