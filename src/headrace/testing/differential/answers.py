"""Compares two answers: ids by their objects' labels, times of the load by being there."""
# JSON of any shape passes through
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false, reportUnknownMemberType=false

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from headrace.testing.differential.sides import Reply
from headrace.testing.differential.world import PEERS, World

# Moments as near as this to now were given by the server's clock; those that are loaded lie farther.
NEAR_NOW: Final = timedelta(hours=12)
# Seconds by which figures that come from the servers' clocks may differ.
CLOCK_SECONDS: Final = 60.0
CLOCK_FIELDS: Final = {
    "estimated_run_time",
    "estimated_start_time_delta",
    "total_run_time",
    "sum_estimated_run_time",
    "sum_estimated_lateness",
    "estimated_lateness",
    "lateness",
    "duration",
    "delay_seconds",
}
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
_ID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Answers:
    """Comparison of answers over one world."""

    def __init__(self, world: World, lag_seconds: float = 0.0) -> None:
        """`lag_seconds`: by how much later the others were loaded than the peer, at most."""
        self._world = world
        self._now = datetime.now(UTC)
        self._clock_seconds = CLOCK_SECONDS + lag_seconds

    def compare(self, ours: Reply, peers: Reply, at: int) -> list[str]:
        """What differs; of refusals the status and the places of faults, never the sentences.

        Args:
            ours: The answer of one of our servers.
            peers: The peer's.
            at: That server's place among the sides.
        """
        if ours.status != peers.status:
            if peers.status >= 500:
                return []  # the peer failed: there is nothing to compare with
            return [f"status {ours.status}, peer {peers.status}: {ours.json} / {peers.json}"[:600]]
        if ours.status >= 400:
            return _compare_refusals(ours.json, peers.json)
        mine, theirs = self.normal(ours.json, at), self.normal(peers.json, PEERS)
        if isinstance(mine, float) and are_close(mine, theirs, self._clock_seconds):
            return []
        return self._differences(mine, theirs)

    def compare_lists(
        self, ours: list[Any], peers: list[Any], at: int, key: str | None, *, cut: bool
    ) -> list[str]:
        """What differs between two lists in the order of `key`: ties may come in any order.

        Args:
            ours: Our list.
            peers: The peer's.
            at: Our server's place among the sides.
            key: The field that orders them; None where their order must be the same.
            cut: Whether more objects lie before or after this page: a tie may be cut at its edges.
        """
        if len(ours) != len(peers):
            return [f"{len(ours)} objects, peer {len(peers)}{self._only(ours, peers, at)}"]
        mine = [self.normal(one, at) for one in ours]
        theirs = [self.normal(one, PEERS) for one in peers]
        if key is None:
            return self._differences(mine, theirs)
        if key == "id":  # ids are random: their order is each side's own
            return [] if cut else self._compare_sets(mine, theirs)
        if [one.get(key) for one in mine] != [one.get(key) for one in theirs]:
            nulls = _nulls([one.get(key) for one in mine], [one.get(key) for one in theirs], cut)
            return [
                f"order of {key}{nulls}: {[o.get(key) for o in mine]} / {[o.get(key) for o in theirs]}"[
                    :600
                ]
            ]
        found: list[str] = []
        for first, end in _ties(ours, peers, key):
            if not (cut and (first == 0 or end == len(mine))):
                found += self._compare_sets(mine[first:end], theirs[first:end])
        return found

    def _differences(self, mine: Any, theirs: Any) -> list[str]:
        return list(differences(mine, theirs, "", self._clock_seconds))

    def _compare_sets(self, mine: list[Any], theirs: list[Any]) -> list[str]:
        return self._differences(sorted(mine, key=_identity), sorted(theirs, key=_identity))

    def _only(self, ours: list[Any], peers: list[Any], at: int) -> str:
        mine = {str(self.normal(o.get("id"), at)) for o in ours if isinstance(o, dict)}
        theirs = {str(self.normal(o.get("id"), PEERS)) for o in peers if isinstance(o, dict)}
        return f"; only ours {sorted(mine - theirs)[:4]}, only theirs {sorted(theirs - mine)[:4]}"

    def normal(self, value: Any, at: int) -> Any:
        """A value with ids as labels and the servers' own moments as `<now>`."""
        match value:
            case str():
                return self._normal_text(value, at)
            case dict():
                inner: dict[str, Any] = value
                return {
                    self._normal_text(key, at): self._field(key, part, at)
                    for key, part in inner.items()
                }
            case list():
                parts: list[Any] = value
                return [self.normal(part, at) for part in parts]
            case _:
                return value

    def _field(self, key: str, value: Any, at: int) -> Any:
        if key == "tags" and isinstance(value, list):  # a set to the peer, in any order
            tags: list[Any] = value
            return sorted(map(str, tags))
        if key == "reason" and value is not None:  # a sentence: each has its own
            return "<reason>"
        return self.normal(value, at)

    def _normal_text(self, text: str, at: int) -> str:
        if _MOMENT.match(text):
            try:
                moment = datetime.fromisoformat(text)
            except ValueError:
                return text
            near = moment.tzinfo is not None and abs(moment - self._now) < NEAR_NOW
            return "<now>" if near else moment.isoformat()
        return _ID.sub(lambda match: self._label(match[0], at), text)

    def _label(self, text: str, at: int) -> str:
        return f"<{self._world.labels[at].get(text, 'id')}>"


def differences(
    ours: Any, peers: Any, place: str, clock_seconds: float = CLOCK_SECONDS
) -> Iterator[str]:
    """Each place in which two normal values differ.

    Args:
        ours: Of our server.
        peers: Of the peer.
        place: Where the values stand.
        clock_seconds: By how much figures that come from the servers' clocks may differ.
    """
    if isinstance(ours, dict) and isinstance(peers, dict):
        runs = peers.get("count_runs")  # in a history figures are sums over so many
        allowed = clock_seconds * max(1, runs) if isinstance(runs, int) else clock_seconds
        for key in sorted({*ours, *peers}):
            where = f"{place}.{key}"
            if key not in ours:
                yield f"{where}: missing, peer has {peers[key]!r}"[:300]
            elif key not in peers:
                yield f"{where}: {ours[key]!r}, missing in peer"[:300]
            elif key in CLOCK_FIELDS and are_close(ours[key], peers[key], allowed):
                continue
            else:
                yield from differences(ours[key], peers[key], where, clock_seconds)
    elif isinstance(ours, list) and isinstance(peers, list) and len(ours) == len(peers):
        for at, (mine, theirs) in enumerate(zip(ours, peers, strict=True)):
            yield from differences(mine, theirs, f"{place}[{at}]", clock_seconds)
    elif ours != peers or isinstance(ours, bool) != isinstance(peers, bool):
        yield f"{place or '.'}: {ours!r}, peer {peers!r}"[:400]


def are_close(ours: Any, peers: Any, seconds: float) -> bool:
    """Whether two figures of the servers' clocks agree."""
    numbers = isinstance(ours, int | float) and isinstance(peers, int | float)
    return numbers and abs(ours - peers) <= seconds + abs(peers) / 100


def _compare_refusals(ours: Any, peers: Any) -> list[str]:
    faults = [
        sorted((fault["type"], fault["loc"]) for fault in answer["exception_detail"])
        if isinstance(answer, dict) and isinstance(answer.get("exception_detail"), list)
        else None
        for answer in (ours, peers)
    ]
    return [] if faults[0] == faults[1] else [f"faults {faults[0]}, peer {faults[1]}"]


def _ties(ours: list[Any], peers: list[Any], key: str) -> Iterator[tuple[int, int]]:
    """Stretches of objects that either side has no order for."""
    at = 0
    for end in range(1, len(ours) + 1):
        tied = end < len(ours) and (
            ours[end].get(key) == ours[end - 1].get(key)
            or peers[end].get(key) == peers[end - 1].get(key)
        )
        if not tied:
            yield at, end
            at = end


def _nulls(mine: list[Any], theirs: list[Any], cut: bool) -> str:
    """Whether nulls on the page, or on those before it, may be why two orders differ."""
    if None in mine or None in theirs:
        return " (some null)"
    is_ordered = mine in (sorted(mine), sorted(mine, reverse=True))
    return " (some null before)" if cut and is_ordered else ""


def _identity(one: Any) -> str:
    """Orders a set alike on both sides: by the object's label, else by all of it."""
    if not isinstance(one, dict):
        return str(one)
    return f"{one.get('id')} {one.get('name')} {json.dumps(one, sort_keys=True, default=str)}"
