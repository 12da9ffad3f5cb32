"""What a server process is started with: one frozen object, read from the environment in one place.

The names are those of the contract's server settings, with the prefix `HEADRACE_`. `PREFECT_*` names
are never read here: a server must not adopt another program's database.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import cast

from headrace.core.leases import LeaseTerms
from headrace.errors import ValidationFailed
from headrace.server.secrets import KEY_FILE

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1", "[::1]"})


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """The settings of one server process."""

    host: str = "127.0.0.1"
    port: int = 4200
    """0 asks the operating system for a free port."""
    database_url: str = ""
    """Empty: the file `headrace.db` in the home directory."""
    api_key: str | None = None
    auth_string: str | None = None
    """`user:password`, for basic authentication."""
    allowed_hosts: frozenset[str] = frozenset()
    """Names, besides loopback ones and `host`, that a request's Host header may carry; `*` for any."""
    cors_origins: frozenset[str] = frozenset()
    """Origins of other sites whose pages may call this server. None by default."""
    default_limit: int = 200
    """Rows of a list when the caller gives no limit, and the most it may ask for."""
    keep_alive_seconds: float = 75.0
    """How long an idle connection is kept. Above the usual 60 s of proxies, which else see resets."""
    max_body_bytes: int = 64 * 1024 * 1024
    """A body beyond this is refused with 413 before it is read whole."""
    max_bundle_bytes: int = 48 * 1024 * 1024
    """Uploaded code beyond this is refused; what is larger belongs into an image or object storage."""
    exit_when_idle_seconds: float | None = None
    """Stop when no request came for so long: the embedded server's way to go. None: never."""
    drain_seconds: float = 10.0
    """How long a stopping server waits for answers that are under way."""
    retention_days: float = 90.0
    """Finished runs, their logs and events are deleted after this. 0 keeps everything."""
    encryption_keys: tuple[str, ...] = ()
    """Keys that secrets are stored with, the newest first. Empty: those of `key_file`."""
    key_file: Path | None = None
    """Where keys are kept that are not given; made at the first secret."""
    lease_terms: LeaseTerms = field(default_factory=LeaseTerms)
    """How long a worker's hold on a run lasts without being renewed."""
    loops_enabled: bool = True
    """Whether this process runs background loops, or only answers requests."""
    loops_disabled: frozenset[str] = frozenset()
    """Names of background loops that this process goes without."""
    loop_seconds: Mapping[str, float] = field(default_factory=dict[str, float])
    """Interval of a background loop by its name, where it differs from the loop's own default."""

    @property
    def needs_credentials(self) -> bool:
        """Whether a request must prove who sends it."""
        return bool(self.api_key or self.auth_string)

    @property
    def is_loopback(self) -> bool:
        """Whether only programs on this machine can reach the server."""
        return self.host in LOOPBACK

    def check(self) -> None:
        """Refuse what would be unsafe or cannot work. Raises `ValidationFailed`."""
        errors: list[dict[str, object]] = []
        if not self.is_loopback and not self.needs_credentials:
            errors.append(
                {
                    "loc": ["HEADRACE_SERVER_API_HOST"],
                    "msg": (
                        f"{self.host!r} can be reached from other machines: set "
                        "HEADRACE_SERVER_API_KEY (or HEADRACE_SERVER_API_AUTH_STRING), or use "
                        "127.0.0.1"
                    ),
                }
            )
        if not 0 <= self.port <= 65535:
            errors.append(
                {"loc": ["HEADRACE_SERVER_API_PORT"], "msg": f"{self.port} is not a port (0-65535)"}
            )
        errors.extend(
            {"loc": [f"HEADRACE_SERVER_{name}"], "msg": f"{value:g} is less than 0"}
            for name, value in (
                ("API_KEEPALIVE_TIMEOUT", self.keep_alive_seconds),
                ("RETENTION_DAYS", self.retention_days),
                ("LEASE_SECONDS", self.lease_terms.seconds),
                ("UNCONFIRMED_LEASE_SECONDS", self.lease_terms.unconfirmed_seconds),
            )
            if not value >= 0
        )
        if self.default_limit < 1:
            message = f"{self.default_limit} is no number of rows: give 1 or more"
            errors.append({"loc": ["HEADRACE_SERVER_API_DEFAULT_LIMIT"], "msg": message})
        if self.auth_string is not None and ":" not in self.auth_string:
            errors.append(
                {
                    "loc": ["HEADRACE_SERVER_API_AUTH_STRING"],
                    "msg": "it must be of the form user:password",
                }
            )
        if errors:
            raise ValidationFailed(errors)


def read_config(environment: Mapping[str, str], **given: object) -> ServerConfig:
    """The configuration of this process: what is `given`, then the environment, then defaults.

    Args:
        environment: Usually `os.environ`.
        given: Fields of `ServerConfig` from the command line; a None counts as not given.

    Raises `ValidationFailed` that names every setting whose value is not of its type.
    """
    reader = _Reader(environment)
    home = Path(environment.get("HEADRACE_HOME", "~/.headrace")).expanduser()
    values: dict[str, object] = {
        "host": reader.text("SERVER_API_HOST", "127.0.0.1"),
        "port": reader.integer("SERVER_API_PORT", 4200),
        "database_url": reader.text("SERVER_DATABASE_CONNECTION_URL", "")
        or f"sqlite:///{home / 'headrace.db'}",
        "api_key": reader.text("SERVER_API_KEY", "") or None,
        "auth_string": reader.text("SERVER_API_AUTH_STRING", "") or None,
        "allowed_hosts": reader.words("SERVER_ALLOWED_HOSTS"),
        "cors_origins": reader.words("SERVER_API_CORS_ALLOWED_ORIGINS"),
        "default_limit": reader.integer("SERVER_API_DEFAULT_LIMIT", 200),
        "keep_alive_seconds": reader.number("SERVER_API_KEEPALIVE_TIMEOUT", 75.0),
        "max_bundle_bytes": reader.integer("SERVER_BUNDLES_MAX_SIZE", 48 * 1024 * 1024),
        "retention_days": reader.number("SERVER_RETENTION_DAYS", 90.0),
        "encryption_keys": tuple(
            reader.text("SERVER_ENCRYPTION_KEY", "").replace(",", " ").split()
        ),
        "key_file": home / KEY_FILE,
        "lease_terms": LeaseTerms(
            reader.number("SERVER_LEASE_SECONDS", LeaseTerms().seconds),
            reader.number("SERVER_UNCONFIRMED_LEASE_SECONDS", LeaseTerms().unconfirmed_seconds),
        ),
        "loops_enabled": reader.boolean("SERVER_LOOPS_ENABLED", default=True),
        "loops_disabled": reader.disabled_loops(),
        "loop_seconds": reader.loop_seconds(),
    }
    if reader.errors:
        raise ValidationFailed(reader.errors)
    values.update({name: value for name, value in given.items() if value is not None})
    return ServerConfig(**values)  # pyright: ignore[reportArgumentType]  # typed by the reader


def describe_config(config: ServerConfig) -> dict[str, object]:
    """The settings as plain values, secrets and the password of a database URL masked."""
    described: dict[str, object] = {}
    for given in fields(config):
        value = getattr(config, given.name)
        if given.name in _SECRETS:
            value = value and _MASK
        elif given.name == "database_url":
            value = hide_password(value)
        elif isinstance(value, frozenset):
            value = sorted(cast("frozenset[str]", value))
        elif isinstance(value, Path):
            value = str(value)
        described[given.name] = value
    return described


def hide_password(url: str) -> str:
    """A database's URL as it may be shown."""
    return _PASSWORD.sub(rf"\1{_MASK}@", url)


_SECRETS = ("api_key", "auth_string", "encryption_keys")
_MASK = "********"
_PASSWORD = re.compile(r"(://[^:@/]*:)[^@/]*@")


class _Reader:
    """Typed look-ups in an environment; what does not parse is collected, not raised."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.errors: list[dict[str, object]] = []

    def text(self, name: str, default: str) -> str:
        return self._environment.get(f"HEADRACE_{name}", default)

    def words(self, name: str) -> frozenset[str]:
        """Comma-separated words."""
        return frozenset(word.strip() for word in self.text(name, "").split(",") if word.strip())

    def number(self, name: str, default: float) -> float:
        text = self.text(name, "")
        try:
            return float(text) if text else default
        except ValueError:
            self._refuse(name, text, "a number")
            return default

    def integer(self, name: str, default: int) -> int:
        text = self.text(name, "")
        try:
            return int(text) if text else default
        except ValueError:
            self._refuse(name, text, "a whole number")
            return default

    def boolean(self, name: str, *, default: bool) -> bool:
        text = self.text(name, "").lower()
        if text in ("1", "true", "yes", "on"):
            return True
        if text in ("0", "false", "no", "off"):
            return False
        if text:
            self._refuse(name, text, "true or false")
        return default

    def disabled_loops(self) -> frozenset[str]:
        """Loops whose `HEADRACE_SERVER_SERVICES_<LOOP>_ENABLED` is false."""
        prefix, suffix = "SERVER_SERVICES_", "_ENABLED"
        names = [name.removeprefix("HEADRACE_") for name in self._environment]
        return frozenset(
            name[len(prefix) : -len(suffix)].lower()
            for name in names
            if name.startswith(prefix)
            and name.endswith(suffix)
            and not self.boolean(name, default=True)
        )

    def loop_seconds(self) -> dict[str, float]:
        """`HEADRACE_SERVER_SERVICES_<LOOP>_LOOP_SECONDS`, keyed by the loop's name in lower case."""
        prefix, suffix = "HEADRACE_SERVER_SERVICES_", "_LOOP_SECONDS"
        return {
            name[len(prefix) : -len(suffix)].lower(): self.number(name[len("HEADRACE_") :], 0.0)
            for name in self._environment
            if name.startswith(prefix) and name.endswith(suffix)
        }

    def _refuse(self, name: str, text: str, wanted: str) -> None:
        self.errors.append({"loc": [f"HEADRACE_{name}"], "msg": f"{text!r} is not {wanted}"})
