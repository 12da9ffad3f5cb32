"""Bases of every wire object."""

import msgspec


class Wire(msgspec.Struct, kw_only=True):
    """An object that ignores fields it does not know: answers, and bodies that tolerate more."""


class Strict(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """An object whose sender must be told about a field that is not one."""
