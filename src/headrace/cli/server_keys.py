"""`headrace server renew-key`: a new key for the secrets that the server stores."""

import os

import click

from headrace.cli.output import done
from headrace.server.config import read_config
from headrace.server.secrets import SETTING, add_key, new_key


@click.command("renew-key")
def renew_key() -> None:
    """Put a new key before the one that stored secrets are encrypted with.

    The server takes it up at its next start, or within the hour, and encrypts what is there anew. The
    older keys are needed until then, and for older backups.
    """
    config = read_config(os.environ)
    if config.encryption_keys:
        done(f"put this before the keys in {SETTING}, with a comma between:\n{new_key()}")
        return
    assert config.key_file is not None  # read_config names one
    name = add_key(config.key_file)
    done(
        f"key {name} is the first in {config.key_file}; keep a copy of that file with your backups"
    )
