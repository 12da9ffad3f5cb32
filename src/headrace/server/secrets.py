"""Encryption of what is stored and must not be read beside the server: the values of blocks.

The keys are a setting, or the lines of a file in the home directory that the server makes when it
first needs one. The newest key comes first; older ones are kept until nothing is encrypted with them.
"""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Protocol, cast

from headrace._bindings import load
from headrace.errors import SecretsUnreadable

SETTING = "HEADRACE_SERVER_ENCRYPTION_KEY"
KEY_FILE = "encryption.key"


class _Cipher(Protocol):
    def encrypt(self, data: bytes) -> bytes: ...
    def decrypt(self, token: bytes) -> bytes: ...


def new_key() -> str:
    """A fresh key, as the setting and the file have it."""
    return cast("bytes", load("cryptography.fernet:Fernet").generate_key()).decode()


class Keyring:
    """The keys of one server.

    Args:
        keys: Of the setting, the newest first; none where the file holds them.
        file: Where keys are kept otherwise; made with mode 0600 at the first use. Without it, only
            given keys can be used.
    """

    def __init__(self, keys: Sequence[str], file: Path | None) -> None:
        self._given = tuple(keys)
        self._file = file
        self._ciphers: dict[str, _Cipher] = {}
        self._lock = Lock()

    def current_id(self) -> str:
        """The name of the key that new values are encrypted with."""
        return next(iter(self._open(make=True)))

    def encrypt(self, text: str) -> tuple[str, str]:
        """The encrypted text, and the name of the key."""
        key_id, cipher = next(iter(self._open(make=True).items()))
        return cipher.encrypt(text.encode()).decode(), key_id

    def decrypt(self, token: str, key_id: str) -> str:
        """What was encrypted. Raises `SecretsUnreadable`."""
        cipher = self._open(make=False).get(key_id)
        if cipher is None:
            message = (
                f"The key {key_id} that this block is encrypted with is neither in {self._file} nor"
                f" in {SETTING}: put it back there."
            )
            raise SecretsUnreadable(message)
        try:
            return cipher.decrypt(token.encode()).decode()
        except load("cryptography.fernet:InvalidToken") as error:
            message = f"A block's values do not fit its key {key_id}: they were damaged."
            raise SecretsUnreadable(message) from error

    def reload(self) -> None:
        """Read the keys anew at the next use: somebody may have added one."""
        self._ciphers = {}

    def _open(self, *, make: bool) -> dict[str, _Cipher]:
        """The ciphers by their names, the newest first."""
        found = self._ciphers
        if not found:
            with self._lock:
                keys = self._given or self._read(make=make)
                self._ciphers = found = {_name(key): self._cipher(key) for key in keys}
        return found

    def _read(self, *, make: bool) -> list[str]:
        if self._file is None:
            message = f"There is no key to keep secrets with: set {SETTING}."
            raise SecretsUnreadable(message)
        if make and not self._file.exists():
            _make(self._file)
        try:
            return self._file.read_text().split()
        except FileNotFoundError:
            return []
        except OSError as error:
            message = f"The keys in {self._file} cannot be read: {error.strerror}."
            raise SecretsUnreadable(message) from error

    def _cipher(self, key: str) -> _Cipher:
        try:
            return cast("_Cipher", load("cryptography.fernet:Fernet")(key))
        except ValueError as error:
            where = SETTING if self._given else str(self._file)
            message = f"{where} holds something that is no key: 32 bytes in URL-safe base64."
            raise SecretsUnreadable(message) from error


def _make(file: Path) -> None:
    """Write a first key; where another process is faster, its key is taken."""
    try:
        draft = _write_draft(file, [new_key()])
        try:
            file.hardlink_to(draft)
        except FileExistsError:
            return
        finally:
            draft.unlink()
    except OSError as error:
        raise _unwritable(file, error) from error


def add_key(file: Path) -> str:
    """Put a new key before those of a file, and give its name. Raises `SecretsUnreadable`."""
    key = new_key()
    try:
        keys = file.read_text().split() if file.exists() else []
        _write_draft(file, [key, *keys]).replace(file)
    except OSError as error:
        raise _unwritable(file, error) from error
    return _name(key)


def _write_draft(file: Path, keys: Sequence[str]) -> Path:
    """Keys in a file beside the one that is meant, on the disk and readable by its owner only."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as out:
        out.writelines(f"{key}\n" for key in keys)
        out.flush()
        os.fsync(out.fileno())
    return draft


def _unwritable(file: Path, error: OSError) -> SecretsUnreadable:
    message = (
        f"No key can be written to {file} ({error.strerror}): make room there, or set {SETTING}."
    )
    return SecretsUnreadable(message)


def _name(key: str) -> str:
    """What a key is called where it is used: it tells nothing of the key."""
    return hashlib.sha256(key.encode()).hexdigest()[:16]
