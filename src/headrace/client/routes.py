"""Where requests go: the address taken apart, and the proxy that the environment names for it."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from headrace.errors import InvalidSetting

if TYPE_CHECKING:
    from collections.abc import Mapping

PORTS = {"http": 80, "https": 443}
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
"""Never reached through a proxy: there it would mean the proxy's own machine."""


class Route:
    """One address and the way to it."""

    __slots__ = (
        "certificates",
        "host",
        "is_tls",
        "is_unverified",
        "path",
        "port",
        "proxy",
        "proxy_authorization",
    )

    def __init__(
        self,
        url: str,
        environment: Mapping[str, str],
        *,
        certificates: str | None = None,
        is_unverified: bool = False,
    ) -> None:
        """Take an address apart.

        Args:
            url: The API's address, as `http://127.0.0.1:4200/api`.
            environment: Where `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` are looked up.
            certificates: As in `tls.context`.
            is_unverified: As in `tls.context`.

        Raises:
            InvalidSetting: It is not an http or https address.
        """
        parts = _split(url)
        self.is_tls = parts.scheme == "https"
        self.host = parts.hostname or ""
        self.port = parts.port or PORTS[parts.scheme]
        self.path = parts.path.rstrip("/")
        self.certificates = certificates
        self.is_unverified = is_unverified
        self.proxy: tuple[str, int] | None = None
        self.proxy_authorization: str | None = None
        address = proxy_for(parts.scheme, self.host, self.port, environment)
        if address is not None:
            proxy = _split(address if "://" in address else f"http://{address}")
            self.proxy = (proxy.hostname or "", proxy.port or PORTS[proxy.scheme])
            if proxy.username is not None:
                pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
                self.proxy_authorization = f"Basic {b64encode(pair.encode()).decode()}"

    @property
    def origin(self) -> str:
        """Scheme, host and port, as a plain proxy wants them in the request line."""
        return f"{'https' if self.is_tls else 'http'}://{self.host_header}"

    @property
    def host_header(self) -> str:
        """Host and port as the `host` header has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def _split(url: str):  # urllib's own result type
    try:
        parts = urlsplit(url)
        known = parts.scheme in PORTS and parts.hostname and (parts.port or True)
    except ValueError:
        known = False
        parts = urlsplit("")
    if not known:
        message = f"{url!r} is not an address of an API; it looks like http://127.0.0.1:4200/api"
        raise InvalidSetting(message)
    return parts


def proxy_for(scheme: str, host: str, port: int, environment: Mapping[str, str]) -> str | None:
    """The proxy that the environment names for a host, or None.

    A `NO_PROXY` entry covers a host and all below it; `*` covers everything.
    """
    if host in LOOPBACK:
        return None
    found = None
    for name in (f"{scheme}_proxy", "all_proxy"):
        found = environment.get(name) or environment.get(name.upper())
        if found:
            break
    if not found:
        return None
    excluded = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    for entry in excluded.split(","):
        name = entry.strip().lstrip(".").lower()
        if name and (name in {"*", host, f"{host}:{port}"} or host.endswith(f".{name}")):
            return None
    return found
