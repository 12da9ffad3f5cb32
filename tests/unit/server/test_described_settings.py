"""The settings as they are shown over HTTP."""

from pathlib import Path

from headrace.server.config import ServerConfig, describe_config
from headrace.wire.decode import encode


def test_every_setting_has_a_json_form():
    """Paths among them."""
    assert b"secrets.key" in encode(describe_config(ServerConfig(key_file=Path("/a/secrets.key"))))
