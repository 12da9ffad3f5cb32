import os
import subprocess
import sys
from pathlib import Path

import pytest

from headrace import settings as settings_module
from headrace.errors import InvalidSetting
from headrace.settings import (
    Settings,
    describe,
    forget,
    keep_or_forget,
    read_ahead,
    settings,
    temporary_settings,
    unknown_settings,
)
from headrace.settings.values import PARSERS


@pytest.fixture(autouse=True)
def clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Every test begins with an empty working directory and environment."""
    for name in list(os.environ):
        if name.startswith(("HEADRACE_", "PREFECT_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HEADRACE_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    monkeypatch.chdir(tmp_path)
    forget()
    yield
    forget()


def source_of(name: str) -> str:
    return next(d.source for d in describe() if d.name == name)


def test_what_was_read_ahead_is_kept_until_a_source_changes(tmp_path, monkeypatch):
    """A child of a warm parent reads its settings anew only where they may be others."""
    assert not keep_or_forget()  # nothing was read ahead
    read_ahead()
    before = settings()
    monkeypatch.setenv("HEADRACE__FLOW_RUN_ID", "1")
    monkeypatch.setenv("UNRELATED", "1")
    assert keep_or_forget()
    assert settings() is before
    monkeypatch.setenv("HEADRACE_WORKER_QUERY_SECONDS", "3")
    assert not keep_or_forget()
    assert settings().worker_query_seconds == 3
    for path in (tmp_path / ".env", tmp_path / "home" / "profiles.toml"):
        read_ahead()
        path.write_text("")
        assert not keep_or_forget(), path


def test_defaults_apply_where_no_source_has_a_value():
    assert settings().api_url is None
    assert settings().api_request_timeout == 60.0
    assert settings().results_local_storage_path == settings().home / "storage"
    assert source_of("HEADRACE_API_URL") == "default"


def test_each_source_yields_to_the_one_before_it(tmp_path, monkeypatch):
    """Environment, .env, headrace.toml, pyproject.toml, profile, PREFECT_ names, in this order."""
    monkeypatch.setenv("PREFECT_WORKER_QUERY_SECONDS", "1")
    expected = [("environment (PREFECT_WORKER_QUERY_SECONDS)", 1)]

    def check():
        forget()
        source, value = expected[-1]
        assert settings().worker_query_seconds == value
        assert source_of("HEADRACE_WORKER_QUERY_SECONDS") == source

    check()
    (tmp_path / "home" / "profiles.toml").write_text(
        'active = "p"\n[profiles.p]\nHEADRACE_WORKER_QUERY_SECONDS = 2\n'
    )
    expected.append(("profile 'p'", 2))
    check()
    (tmp_path / "pyproject.toml").write_text("[tool.headrace.worker]\nquery_seconds = 3\n")
    expected.append(("pyproject.toml", 3))
    check()
    (tmp_path / "headrace.toml").write_text("[worker]\nquery_seconds = 4\n")
    expected.append(("headrace.toml", 4))
    check()
    (tmp_path / ".env").write_text("# a comment\nexport HEADRACE_WORKER_QUERY_SECONDS='5' # five\n")
    expected.append((".env", 5))
    check()
    monkeypatch.setenv("HEADRACE_WORKER_QUERY_SECONDS", "6")
    expected.append(("environment", 6))
    check()


@pytest.mark.parametrize(
    "name", ["PREFECT_HOME", "PREFECT_SERVER_EPHEMERAL_ENABLED", "PREFECT_PROFILES_PATH"]
)
def test_another_products_home_and_server_settings_are_not_read(name, monkeypatch):
    """PREFECT_ names count for clients and workers only: its database is never opened."""
    before = dict(settings().items())
    forget()
    monkeypatch.setenv(name, "false")
    assert dict(settings().items()) == before


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("CLI_PROMPT", "yes", True),
        ("CLI_PROMPT", "", None),
        ("FLOWS_HEARTBEAT_FREQUENCY", "none", None),
        ("CLIENT_RETRY_EXTRA_CODES", "418, 425", (418, 425)),
        ("CLIENT_RETRY_EXTRA_CODES", "418", (418,)),
        ("LOGGING_EXTRA_LOGGERS", "a,b", ("a", "b")),
        ("TASKS_DEFAULT_RETRY_DELAY_SECONDS", "[1, 2.5]", (1.0, 2.5)),
        ("TASKS_DEFAULT_RETRY_DELAY_SECONDS", "3", 3.0),
        ("CLIENT_CUSTOM_HEADERS", '{"x-a": "b"}', {"x-a": "b"}),
        ("API_SSL_CERT_FILE", "/a/b.pem", Path("/a/b.pem")),
    ],
)
def test_text_is_read_as_the_settings_type(name, text, value, monkeypatch):
    monkeypatch.setenv(f"HEADRACE_{name}", text)
    assert getattr(settings(), name.lower()) == value


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("CLIENT_MAX_RETRIES", "many", "a whole number"),
        ("DEBUG_MODE", "perhaps", "true or false"),
        ("API_REQUEST_TIMEOUT", "1m", "a number"),
        ("CLIENT_CUSTOM_HEADERS", "{", "a JSON object of texts"),
    ],
)
def test_a_value_of_another_type_is_refused_naming_setting_value_and_source(
    name, text, expected, monkeypatch
):
    monkeypatch.setenv(f"HEADRACE_{name}", text)
    with pytest.raises(InvalidSetting) as caught:
        settings()
    message = str(caught.value)
    assert f"HEADRACE_{name}" in message
    assert repr(text) in message
    assert "environment" in message
    assert expected in message


def test_secrets_are_masked_in_a_description(monkeypatch):
    monkeypatch.setenv("HEADRACE_API_KEY", "s3cret")
    assert "s3cret" not in repr(describe())
    assert any(d.value == "s3cret" for d in describe(show_secrets=True))


def test_temporary_settings_end_with_their_block():
    with temporary_settings(api_url="http://a/api") as changed:
        assert settings() is changed
        assert settings().api_url == "http://a/api"
    assert settings().api_url is None
    with pytest.raises(InvalidSetting, match="api_ulr"), temporary_settings(api_ulr="x"):
        pass


def test_settings_are_read_only():
    with pytest.raises(AttributeError, match="temporary_settings"):
        settings().api_url = "x"


def test_a_name_that_is_no_setting_is_reported(monkeypatch):
    monkeypatch.setenv("HEADRACE_API_ULR", "x")
    monkeypatch.setenv("HEADRACE_SERVER_API_PORT", "1")
    assert [u.name for u in unknown_settings()] == ["api_ulr"]


def test_a_file_that_is_not_toml_is_refused_with_its_name(tmp_path):
    (tmp_path / "headrace.toml").write_text("a = = b")
    with pytest.raises(InvalidSetting, match=r"headrace\.toml is not a TOML file"):
        settings()


def test_a_profile_that_does_not_exist_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("HEADRACE_PROFILE", "nope")
    with pytest.raises(InvalidSetting, match="nope"):
        settings()
    (tmp_path / "home" / "profiles.toml").write_text("[profiles.a]\n")
    with pytest.raises(InvalidSetting, match="it has: a"):
        settings()


def test_every_setting_has_a_type_that_can_be_read():
    """A declared type without a parser would fail only for the person who sets it."""
    for name, kind in Settings.kinds().items():
        for part in kind.split("|"):
            assert part.strip() in {*PARSERS, "None"}, name


def test_importing_settings_loads_no_parser():
    code = (
        "import sys, headrace.settings\n"
        "print([m for m in ('tomllib','json','dataclasses','pathlib','inspect') if m in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
    assert settings_module.MASK
