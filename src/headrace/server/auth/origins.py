"""Which names the server answers to, and which web pages may call it.

A page of another site can make a browser on this machine send requests here; a name that its owner
points at 127.0.0.1 makes them look like the server's own. Checking Host and Origin stops both.
"""

from urllib.parse import urlsplit

from headrace.server.config import LOOPBACK, ServerConfig

# Distinct Host and Origin values remembered; more are checked anew, so that memory stays bounded.
_REMEMBERED = 1024


class OriginGuard:
    """The checks of the Host and Origin headers."""

    def __init__(self, config: ServerConfig) -> None:
        hosts = {host.lower() for host in config.allowed_hosts}
        # A key protects a server that listens beyond loopback; without a list any name reaches it.
        self._any_host = "*" in hosts or (not hosts and not config.is_loopback)
        self._hosts = hosts | LOOPBACK | {config.host.lower()}
        self._origins = config.cors_origins
        self._known: set[tuple[bytes | None, bytes | None]] = set()

    def accept(self, headers: dict[bytes, bytes]) -> bool:
        """Whether a request with these headers is answered at all."""
        pair = headers.get(b"host"), headers.get(b"origin")
        if pair in self._known:
            return True
        if not self._accept_host(pair[0]) or not self._accept_origin(*pair):
            return False
        if len(self._known) < _REMEMBERED:
            self._known.add(pair)
        return True

    def is_foreign(self, origin: bytes | None) -> bool:
        """Whether this is another site that the configuration lets call: it needs CORS headers."""
        return origin is not None and (
            "*" in self._origins or origin.decode("latin-1") in self._origins
        )

    def _accept_host(self, host: bytes | None) -> bool:
        if self._any_host:
            return True
        if host is None:
            return False
        name = urlsplit(f"//{host.decode('latin-1')}").hostname
        return name is not None and name.lower() in self._hosts

    def _accept_origin(self, host: bytes | None, origin: bytes | None) -> bool:
        if origin is None or self.is_foreign(origin):
            return True
        try:
            netloc = urlsplit(origin.decode("latin-1")).netloc
        except ValueError:
            return False
        return (
            bool(netloc) and host is not None and netloc.lower().encode("latin-1") == host.lower()
        )
