"""Whether an answer is the recorded one: equal but for ids, times, and what each server makes up itself."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)")
# Sentences: each server has its own words. That one is there is compared.
SENTENCES = {
    *("reason", "detail", "msg", "error", "exception_message", "description"),
    *("logo_url", "documentation_url", "code_example"),
}
# Figures that follow from the moment at which they are asked for.
FIGURES = {
    *("estimated_run_time", "estimated_start_time_delta", "total_run_time"),
    *("delay_seconds", "retry_after_seconds"),
}
# When something happened; what else has the form of a moment may lie ahead.
HAPPENED = {"created", "updated", "timestamp", "occurred", "received", "sent_at"}
CUT = 4  # items: the recording has no more of a list
EPOCH_SECONDS = 1e9  # a figure beyond this is a moment


class Likeness:
    """What is known of how recorded values and ours belong together."""

    def __init__(self) -> None:
        self._ids: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._moments: dict[str, str] = {}
        self._present = datetime.min.replace(tzinfo=UTC)

    def notice(self, recorded: Any, key: str = "") -> None:
        """When it was recorded: the last of what has happened by then is the present."""
        if isinstance(recorded, dict):
            for name, value in recorded.items():
                self.notice(value, name)
        elif isinstance(recorded, list):
            for value in recorded:
                self.notice(value)
        elif key in HAPPENED and isinstance(recorded, str) and MOMENT.fullmatch(recorded):
            self._present = max(self._present, _moment(recorded))

    def ours(self, recorded: Any) -> Any:
        """What to send for a recorded value: our ids and names; moments as far from now as they were."""
        if isinstance(recorded, dict):
            return {self.ours(key): self.ours(value) for key, value in recorded.items()}
        if isinstance(recorded, list):
            return [self.ours(value) for value in recorded]
        if isinstance(recorded, float) and recorded > EPOCH_SECONDS and self._present.year > 1:
            return recorded - self._present.timestamp() + datetime.now(UTC).timestamp()
        if not isinstance(recorded, str):
            return recorded
        return MOMENT.sub(lambda one: self._moved(one[0]), self._named(recorded))

    def differences(self, ours: Any, recorded: Any, place: str = "") -> Iterator[str]:
        """Each place at which an answer is not as it was recorded."""
        if isinstance(recorded, dict) and isinstance(ours, dict):
            yield from self._fields(ours, recorded, place)
        elif isinstance(recorded, list) and isinstance(ours, list):
            if len(ours) != len(recorded) and not len(ours) > len(recorded) == CUT:
                yield f"{place}: {len(ours)} items, recorded {len(recorded)}"
            if place.endswith(".exception_detail"):  # bad fields are named in no order
                ours, recorded = (sorted(one, key=_place) for one in (ours, recorded))
            for i, (mine, theirs) in enumerate(zip(ours, recorded, strict=False)):
                yield from self.differences(mine, theirs, f"{place}[{i}]")
        elif isinstance(recorded, str) and isinstance(ours, str):
            yield from self._texts(ours, recorded, place)
        elif isinstance(ours, bool) != isinstance(recorded, bool) or ours != recorded:
            yield f"{place}: {str(ours)[:120]!r}, recorded {str(recorded)[:120]!r}"

    def known(self) -> tuple[dict[str, str], dict[str, str]]:
        """What is known now."""
        return dict(self._ids), dict(self._moments)

    def forget(self, known: tuple[dict[str, str], dict[str, str]]) -> None:
        """Know only what was known then."""
        self._ids, self._moments = map(dict, known)

    def in_order(self, ours: list[Any], recorded: list[Any], key: str) -> list[Any]:
        """Our items in the order of the recorded ones that have the same `key`."""
        places = {self._named(str(one[key])): i for i, one in enumerate(recorded)}
        return sorted(ours, key=lambda one: places.get(str(one[key]), len(places)))

    def belongs(self, recorded: str, ours: str) -> None:
        """A name that each server made up by itself."""
        self._names[recorded] = ours

    def _fields(self, ours: dict[str, Any], recorded: dict[str, Any], place: str) -> Iterator[str]:
        for key in sorted(recorded.keys() | ours.keys(), key=lambda key: (key != "id", key)):
            if key not in ours or key not in recorded:
                yield f"{place}.{key}: {'missing' if key not in ours else 'not recorded'}"
            elif key in SENTENCES or key in FIGURES:
                if isinstance(ours[key], str) != isinstance(recorded[key], str):
                    yield f"{place}.{key}: {ours[key]!r}, recorded {recorded[key]!r}"
                elif not isinstance(ours[key], str | float | int | None):
                    yield from self.differences(ours[key], recorded[key], f"{place}.{key}")
            else:
                yield from self.differences(ours[key], recorded[key], f"{place}.{key}")

    def _texts(self, ours: str, recorded: str, place: str) -> Iterator[str]:
        known, new = ID.findall(recorded), ID.findall(ours)
        for theirs, mine in zip(known, new, strict=False):
            self._ids.setdefault(theirs, mine)
        if MOMENT.fullmatch(recorded) and MOMENT.fullmatch(ours):
            known = self._moments.setdefault(_canonical(recorded), ours)
            if _moment(known) != _moment(ours):
                yield f"{place}: {ours}, recorded {recorded}, which was {known} before"
            return
        expected = self._named(recorded)
        if recorded.endswith("…"):
            expected, ours = expected[:-1], ours[: len(expected) - 1]
        if ours != expected:
            yield f"{place}: {ours[:120]!r}, recorded {recorded[:120]!r}"

    def _named(self, recorded: str) -> str:
        text = ID.sub(lambda one: self._ids.get(one[0], one[0]), recorded)
        for theirs, mine in self._names.items():
            text = text.replace(theirs, mine)
        return text

    def _moved(self, recorded: str) -> str:
        key = _canonical(recorded)
        if key not in self._moments:
            ahead = _moment(recorded) - self._present if self._present.year > 1 else timedelta()
            self._moments[key] = (datetime.now(UTC) + ahead).isoformat(timespec="microseconds")
        form = self._moments[key].replace("Z", "+00:00").replace("T", recorded[10])
        return form.replace("+00:00", "Z") if recorded[-1] == "Z" else form


def _canonical(moment: str) -> str:
    return _moment(moment).isoformat()


def _place(fault: dict[str, Any]) -> str:
    return str(fault["loc"])


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
