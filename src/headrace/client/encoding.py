"""Objects as JSON, whatever their texts hold."""

from __future__ import annotations

import msgspec

from headrace._bindings import load

_encode = msgspec.json.Encoder().encode


def encode(value: object) -> bytes:
    """JSON of what msgspec can encode.

    Text that is no Unicode (half of a surrogate pair, as in a file name of unknown encoding) takes
    the slow way, which replaces it.
    """
    try:
        return _encode(value)
    except UnicodeEncodeError:
        return load("headrace.wire.decode:encode")(value)
