"""Who is let in, and under which names."""

from base64 import b64encode

import pytest

from headrace.errors import ValidationFailed
from headrace.server.auth.credentials import Credentials
from headrace.server.auth.origins import OriginGuard
from headrace.server.config import ServerConfig, read_config


def test_without_credentials_everybody_is_let_in():
    """The safe place for that is loopback, which the configuration insists on."""
    nobody = Credentials(None, None)
    assert not nobody.required
    assert nobody.accept_header(None)
    assert nobody.accept_token(None)


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        (b"Bearer secret", True),
        (b"bearer secret", True),
        (b"Basic " + b64encode(b"user:pass"), True),
        (b"Basic " + b64encode(b"anybody:secret"), True),
        (b"Basic " + b64encode(b"anybody:pass"), False),
        (b"Basic " + b64encode(b"secret"), False),
        (b"Basic " + b64encode(b"user:"), False),
        (b"Basic secret", False),
        (b"Bearer " + b64encode(b"user:pass"), False),
        (b"Bearer secret2", False),
        (b"Bearer", False),
        (b"", False),
        (None, False),
        (b"Bearer \xff", False),
    ],
)
def test_authorization_headers(header: bytes | None, accepted: bool):
    """The key as bearer or as anybody's password, the string as basic; nothing else."""
    assert Credentials("secret", "user:pass").accept_header(header) is accepted


@pytest.mark.parametrize(
    ("token", "accepted"),
    [
        ("secret", True),
        ("user:pass", True),
        ("anybody:secret", True),
        ("anybody:", False),
        (":", False),
        ("", False),
        (None, False),
        ("\udc80", False),
    ],
)
def test_tokens_of_sockets(token: str | None, accepted: bool):
    """The first frame of a WebSocket carries either of them, or the key as a password."""
    assert Credentials("secret", "user:pass").accept_token(token) is accepted


@pytest.mark.parametrize(
    ("headers", "accepted"),
    [
        ({b"host": b"127.0.0.1:4200"}, True),
        ({b"host": b"localhost"}, True),
        ({b"host": b"[::1]:4200"}, True),
        ({b"host": b"flows.example:4200"}, True),
        ({b"host": b"evil.example"}, False),
        ({b"host": b""}, False),
        ({}, False),
        ({b"host": b"localhost:4200", b"origin": b"http://localhost:4200"}, True),
        ({b"host": b"localhost:4200", b"origin": b"http://localhost:3000"}, False),
        ({b"host": b"localhost:4200", b"origin": b"http://evil.example"}, False),
        ({b"host": b"localhost:4200", b"origin": b"null"}, False),
        ({b"host": b"localhost:4200", b"origin": b"https://ui.example"}, True),
        ({b"host": b"localhost:4200", b"origin": b"http://[bad"}, False),
    ],
)
def test_hosts_and_origins(headers: dict[bytes, bytes], accepted: bool):
    """Loopback and configured names only, and pages of the same origin or a configured one."""
    guard = OriginGuard(
        ServerConfig(
            allowed_hosts=frozenset({"flows.example"}),
            cors_origins=frozenset({"https://ui.example"}),
        )
    )
    assert guard.accept(headers) is accepted
    assert guard.accept(headers) is accepted  # also when it is remembered


def test_a_protected_server_answers_to_any_name_unless_told():
    """Beyond loopback the key protects it; a list of names narrows it."""
    anywhere = ServerConfig(host="0.0.0.0", api_key="k")
    assert OriginGuard(anywhere).accept({b"host": b"pod-17:4200"})
    narrowed = ServerConfig(host="0.0.0.0", api_key="k", allowed_hosts=frozenset({"a"}))
    assert not OriginGuard(narrowed).accept({b"host": b"pod-17:4200"})


def test_binding_beyond_loopback_needs_a_key():
    """A server that other machines reach, and that asks nobody, is refused by name."""
    with pytest.raises(ValidationFailed, match="HEADRACE_SERVER_API_KEY"):
        ServerConfig(host="0.0.0.0").check()
    ServerConfig(host="0.0.0.0", api_key="k").check()
    ServerConfig().check()


def test_settings_come_from_the_environment_and_the_command_line():
    """The command line wins; what does not parse is named; the other program's names are not read."""
    config = read_config(
        {
            "HEADRACE_SERVER_API_PORT": "5000",
            "HEADRACE_SERVER_API_HOST": "localhost",
            "HEADRACE_SERVER_SERVICES_LATE_RUNS_LOOP_SECONDS": "7",
            "PREFECT_SERVER_DATABASE_CONNECTION_URL": "sqlite:///theirs.db",
            "HEADRACE_HOME": "/h",
        },
        port=0,
        host=None,
    )
    assert (config.host, config.port) == ("localhost", 0)
    assert config.database_url == "sqlite:////h/headrace.db"
    assert config.loop_seconds == {"late_runs": 7.0}
    with pytest.raises(ValidationFailed, match=r"HEADRACE_SERVER_API_PORT.*'x'"):
        read_config({"HEADRACE_SERVER_API_PORT": "x"})
