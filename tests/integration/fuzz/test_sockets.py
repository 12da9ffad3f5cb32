"""Garbage over the WebSockets ends the socket it came on, and nothing else."""

from contextlib import closing
from typing import Any

from tests.integration.fuzz.caller import Caller
from tests.integration.fuzz.sockets import FIRST, MANY, Dialler, throw_all
from tests.integration.fuzz.world import World

FAILED = 1011  # the code of a handler that raised


def test_bad_frames_end_their_socket_only(sqlite_server: Any, caplog: Any):
    """Of any form, in any order, with a token or none, left half open."""
    with closing(Caller(sqlite_server.port)) as caller:
        dialler = Dialler(sqlite_server.port, World(caller).fill())
        failed = [path for path, code in throw_all(dialler, every=5) if code == FAILED]
        assert not failed, (failed, caplog.text[-3000:])
        assert caller.call("GET", "/health").json is True


def test_two_hundred_sockets_are_served_at_once(sqlite_server: Any):
    """Beside requests; and all are forgotten afterwards."""
    with closing(Caller(sqlite_server.port)) as caller:
        dialler = Dialler(sqlite_server.port, World(caller).fill())
        assert dialler.open_many(list(FIRST), MANY) == MANY
        assert caller.call("GET", "/health").json is True
