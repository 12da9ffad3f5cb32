"""TLS contexts. Loaded only for an `https` address: `ssl` costs more to import than all the rest."""

from __future__ import annotations

import ssl
from functools import cache


@cache
def context(certificates: str | None, *, is_unverified: bool) -> ssl.SSLContext:
    """The context for one combination of settings, made once.

    Args:
        certificates: Path of a file of certificates to trust, instead of the system's.
        is_unverified: Trust anything: for tests of one's own servers only.

    Raises:
        OSError: The file of certificates cannot be read.
    """
    made = ssl.create_default_context(cafile=certificates)
    if is_unverified:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    return made
