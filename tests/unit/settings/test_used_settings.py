"""Every declared setting does something, or says why not."""

import re
from pathlib import Path

import headrace
from headrace.settings import Settings, describe
from headrace.settings.unused import WITHOUT_EFFECT

SOURCE = Path(headrace.__file__).parent


def read_somewhere() -> set[str]:
    """Words of all modules that do not themselves list settings."""
    words: set[str] = set()
    for path in SOURCE.rglob("*.py"):
        if path.name not in {"declared.py", "unused.py"}:
            words |= set(re.findall(r"[a-z_]+", path.read_text(encoding="utf-8")))
    return words


def test_a_declared_setting_is_read_or_explained() -> None:
    """A setting that nobody reads stands in the list of those without effect, and only such."""
    words = read_somewhere()
    unread = {name for name in Settings.kinds() if name not in words}
    assert unread == set(WITHOUT_EFFECT)


def test_the_reason_is_shown() -> None:
    """Whoever lists the settings learns which of them do nothing."""
    told = {s.name: s.without_effect for s in describe()}
    assert told["HEADRACE_PLUGINS_ENABLED"] == WITHOUT_EFFECT["plugins_enabled"]
    assert told["HEADRACE_API_URL"] is None
