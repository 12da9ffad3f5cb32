"""Who may call: an API key, or a basic authentication string, compared in constant time.

A key may also stand for the password of any user: the contract's clients send a key with requests, but
only a basic authentication string over WebSockets.
"""

from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from hmac import compare_digest


class Credentials:
    """What this server accepts as proof. With neither key nor string, everybody is let in."""

    def __init__(self, api_key: str | None, auth_string: str | None) -> None:
        self._tokens = [token.encode() for token in (api_key, auth_string) if token]
        self._password = api_key.encode() if api_key else None
        self._headers: list[tuple[bytes, bytes]] = []
        if api_key:
            self._headers.append((b"bearer", api_key.encode()))
        if auth_string:
            self._headers.append((b"basic", b64encode(auth_string.encode())))

    @property
    def required(self) -> bool:
        """Whether a caller must show anything."""
        return bool(self._tokens)

    def accept_header(self, value: bytes | None) -> bool:
        """Whether an `Authorization` header lets its sender in."""
        if not self._tokens:
            return True
        scheme, _, given = (value or b"").partition(b" ")
        # Every candidate is compared, so that the time taken tells nothing.
        accepted = False
        for wanted_scheme, wanted in self._headers:
            same = compare_digest(given.strip(), wanted)
            accepted |= same and scheme.lower() == wanted_scheme
        if scheme.lower() == b"basic":
            accepted |= self._is_password(_decoded(given))
        return accepted

    def accept_token(self, token: str | None) -> bool:
        """Whether the token of a WebSocket's first frame lets its sender in."""
        if not self._tokens:
            return True
        given = (token or "").encode("utf-8", "replace")
        accepted = False
        for wanted in self._tokens:
            accepted |= compare_digest(given, wanted)
        return accepted | self._is_password(given)

    def _is_password(self, given: bytes) -> bool:
        """Whether this is a user's name, a colon, and the key."""
        _, colon, password = given.partition(b":")
        return (
            bool(colon) and self._password is not None and compare_digest(password, self._password)
        )


def _decoded(given: bytes) -> bytes:
    try:
        return b64decode(given.strip(), validate=True)
    except (NotBase64, ValueError):
        return b""
