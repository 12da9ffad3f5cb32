"""Keys of stored secrets: made once, renewed without a gap, missed with a clear word."""

from pathlib import Path

import pytest

from headrace.errors import SecretsUnreadable
from headrace.server.secrets import Keyring, add_key, new_key


def test_the_first_secret_makes_a_key_that_only_its_owner_reads(tmp_path: Path) -> None:
    """In a file; a second server in the same home uses the same one."""
    file = tmp_path / "home" / "encryption.key"
    token, name = Keyring((), file).encrypt("hush")
    assert "hush" not in token
    assert file.stat().st_mode & 0o777 == 0o600
    assert Keyring((), file).decrypt(token, name) == "hush"
    assert [each.name for each in file.parent.iterdir()] == ["encryption.key"]


def test_a_new_key_comes_first_and_the_old_one_still_opens() -> None:
    """What was encrypted before is read, what is encrypted now needs the new key only."""
    old, new = new_key(), new_key()
    token, name = Keyring((old,), None).encrypt("hush")
    both = Keyring((new, old), None)
    assert both.decrypt(token, name) == "hush"
    later = both.encrypt("hush")
    assert later[1] == both.current_id() != name
    assert Keyring((new,), None).decrypt(*later) == "hush"


def test_a_key_that_is_gone_is_named(tmp_path: Path) -> None:
    """With the places where it is looked for, and nothing of the secret."""
    token, name = Keyring((new_key(),), None).encrypt("hush")
    with pytest.raises(SecretsUnreadable, match=f"{name}.*HEADRACE_SERVER_ENCRYPTION_KEY"):
        Keyring((), tmp_path / "none").decrypt(token, name)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("key", ["x", "not base64!", "c2hvcnQ="])
def test_what_is_no_key_is_refused(key: str) -> None:
    """Before anything is encrypted with it."""
    with pytest.raises(SecretsUnreadable, match="no key"):
        Keyring((key,), None).encrypt("hush")


def test_a_home_that_cannot_be_written(tmp_path: Path) -> None:
    """Is told with the setting that helps."""
    (tmp_path / "file").touch()
    with pytest.raises(SecretsUnreadable, match="HEADRACE_SERVER_ENCRYPTION_KEY"):
        Keyring((), tmp_path / "file" / "encryption.key").encrypt("hush")
    with pytest.raises(SecretsUnreadable, match="no key to keep"):
        Keyring((), None).encrypt("hush")


def test_damaged_values_are_told(tmp_path: Path) -> None:
    """A token that does not fit its key."""
    ring = Keyring((new_key(),), None)
    with pytest.raises(SecretsUnreadable, match="damaged"):
        ring.decrypt("garbage", ring.current_id())


def test_a_key_is_added_to_a_file(tmp_path: Path) -> None:
    """Before the others, with the same rights; a keyring that is open takes it up when it reloads."""
    file = tmp_path / "encryption.key"
    ring = Keyring((), file)
    token, old = ring.encrypt("hush")
    name = add_key(file)
    assert ring.current_id() == old
    ring.reload()
    assert ring.current_id() == name
    assert ring.decrypt(token, old) == "hush"
    assert file.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["encryption.key"]
