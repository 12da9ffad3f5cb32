"""Who may call: an API key, or a basic authentication string, compared in constant time."""

from base64 import b64encode
from hmac import compare_digest


class Credentials:
    """What this server accepts as proof. With neither key nor string, everybody is let in."""

    def __init__(self, api_key: str | None, auth_string: str | None) -> None:
        self._tokens = [token.encode() for token in (api_key, auth_string) if token]
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
        return accepted

    def accept_token(self, token: str | None) -> bool:
        """Whether the token of a WebSocket's first frame lets its sender in."""
        if not self._tokens:
            return True
        given = (token or "").encode("utf-8", "replace")
        accepted = False
        for wanted in self._tokens:
            accepted |= compare_digest(given, wanted)
        return accepted
