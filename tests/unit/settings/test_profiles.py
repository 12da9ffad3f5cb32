import os
from pathlib import Path

import pytest

from headrace import profiles
from headrace.errors import InvalidSetting, ObjectAlreadyExists, ObjectNotFound
from headrace.settings import forget, settings


@pytest.fixture(autouse=True)
def clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in list(os.environ):
        if name.startswith(("HEADRACE_", "PREFECT_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HEADRACE_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    forget()
    yield
    forget()


def test_a_profile_is_made_used_renamed_and_deleted():
    profiles.create_profile("a")
    profiles.create_profile("b", source="a")
    profiles.use_profile("a")
    profiles.rename_profile("a", "c")
    assert sorted(profiles.list_profiles()) == ["b", "c"]
    assert profiles.active_profile() == "c"
    profiles.delete_profile("b")
    assert profiles.list_profiles() == ["c"]


def test_what_is_set_in_the_active_profile_applies_at_once():
    assert settings().api_url is None
    name = profiles.set_in_profile({"HEADRACE_API_URL": "http://a/api", "HEADRACE_API_KEY": "k"})
    assert settings().api_url == "http://a/api"
    assert profiles.inspect_profile(name)["HEADRACE_API_KEY"] == "********"
    profiles.unset_in_profile(["HEADRACE_API_URL"])
    assert settings().api_url is None


def test_only_the_owner_can_read_the_file():
    profiles.set_in_profile({"HEADRACE_API_KEY": "k"})
    assert settings().profiles_path.stat().st_mode & 0o077 == 0


def test_comments_survive_an_edit():
    path = settings().profiles_path
    path.parent.mkdir()
    path.write_text("# mine\n[profiles.a]\n# why\nHEADRACE_API_URL = 'http://a/api'\n")
    profiles.use_profile("a")
    assert "# mine" in path.read_text()
    assert "# why" in path.read_text()


def test_bad_requests_say_what_was_wrong():
    profiles.create_profile("a")
    profiles.use_profile("a")
    with pytest.raises(ObjectAlreadyExists, match="'a'"):
        profiles.create_profile("a")
    with pytest.raises(ObjectNotFound, match="there are: a"):
        profiles.use_profile("b")
    with pytest.raises(InvalidSetting, match="active"):
        profiles.delete_profile("a")
    with pytest.raises(InvalidSetting, match="HEADRACE_NOPE"):
        profiles.set_in_profile({"HEADRACE_NOPE": "1"})
    with pytest.raises(InvalidSetting, match="whole number"):
        profiles.set_in_profile({"HEADRACE_CLIENT_MAX_RETRIES": "x"})
    with pytest.raises(InvalidSetting, match="HEADRACE_HOME"):
        profiles.set_in_profile({"HEADRACE_HOME": "/x"})
    with pytest.raises(ObjectNotFound, match="HEADRACE_API_URL"):
        profiles.unset_in_profile(["HEADRACE_API_URL"])
