"""The public path of the argument marks, implemented in `headrace.annotations`."""

from headrace.annotations import (
    Annotation as BaseAnnotation,
)
from headrace.annotations import (
    NotSet,
    Quote,
    allow_failure,
    freeze,
    opaque,
    quote,
    unmapped,
)

__all__ = [
    "BaseAnnotation",
    "NotSet",
    "Quote",
    "allow_failure",
    "freeze",
    "opaque",
    "quote",
    "unmapped",
]
