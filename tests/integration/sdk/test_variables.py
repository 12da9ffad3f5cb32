"""Variables read and written from Python."""

import pytest

from headrace.errors import ObjectAlreadyExists
from headrace.variables import Variable


def test_a_variable_is_written_read_and_removed(api):
    """The value comes back as JSON holds it."""
    Variable.set("limits", {"high": 3}, tags=["a"])
    assert Variable.get("limits") == {"high": 3}
    assert Variable.unset("limits") is True
    assert Variable.unset("limits") is False
    assert Variable.get("limits", default=7) == 7


def test_a_variable_is_replaced_only_when_asked(api):
    """Writing twice is an error that leaves the value."""
    Variable.set("day", "monday")
    with pytest.raises(ObjectAlreadyExists):
        Variable.set("day", "tuesday")
    assert Variable.get("day") == "monday"
    Variable.set("day", "tuesday", overwrite=True)
    assert Variable.get("day") == "tuesday"
