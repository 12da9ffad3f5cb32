"""Metrics in Prometheus's text form.

Written by hand: the text form is a page of rules, and the usual client library keeps a lock and an
object per sample, which cost more per request than the request's own bookkeeping here.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from typing import Final

MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

BOUNDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0)
"""Upper bounds of times, seconds: from a primary-key read to a call that is held open."""

Labels = Mapping[str, str]
Samples = Iterable[tuple[Labels, float]]

NONE: Final[Labels] = {}


class Times:
    """How long something took, each time."""

    __slots__ = ("buckets", "total")

    def __init__(self) -> None:
        self.buckets = [0] * (len(BOUNDS) + 1)
        self.total = 0.0  # seconds

    def record(self, seconds: float) -> None:
        """Count one time."""
        self.buckets[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds


def write_gauge(name: str, samples: Samples) -> Iterator[str]:
    """What goes up and down."""
    return _write(name, "gauge", samples)


def write_counter(name: str, samples: Samples) -> Iterator[str]:
    """What only goes up."""
    return _write(name, "counter", samples)


def write_histogram(name: str, samples: Iterable[tuple[Labels, Times]]) -> Iterator[str]:
    """How long something took, by bounds."""
    yield f"# TYPE {name} histogram"
    for labels, times in samples:
        below = list(accumulate(times.buckets))
        for bound, count in zip((*map(str, BOUNDS), "+Inf"), below, strict=True):
            yield f"{name}_bucket{_text({**labels, 'le': bound})} {count}"
        yield f"{name}_sum{_text(labels)} {times.total:.6f}"
        yield f"{name}_count{_text(labels)} {below[-1]}"


def _write(name: str, kind: str, samples: Samples) -> Iterator[str]:
    yield f"# TYPE {name} {kind}"
    for labels, value in samples:
        yield f"{name}{_text(labels)} {value}"


def _text(labels: Labels) -> str:
    if not labels:
        return ""
    escaped = (
        f'{name}="{value.replace(chr(92), chr(92) * 2).replace(chr(34), chr(92) + chr(34))}"'
        for name, value in labels.items()
    )
    return "{" + ",".join(escaped) + "}"
