"""Memory is let go of when a request is answered."""

import weakref

from headrace.server.memory import clear_frames, give_back


class Body:
    """Something large."""


def test_an_error_that_was_answered_holds_nothing_of_its_request():
    """Neither the frames that it came through nor those of the error that caused it, cycle or not."""
    bodies: list[weakref.ref[Body]] = []

    def fail() -> None:
        body = Body()
        bodies.append(weakref.ref(body))
        raise ValueError("cannot be read")

    def translate() -> None:
        body = Body()
        bodies.append(weakref.ref(body))
        try:
            fail()
        except ValueError as error:
            kept = LookupError("refused")
            raise kept from error

    try:
        translate()
    except LookupError as error:
        assert all(body() is not None for body in bodies)
        clear_frames(error)
    assert [body() for body in bodies] == [None, None]


def test_free_pages_can_be_given_back_anywhere():
    """Where the C library cannot, nothing happens."""
    give_back()
    give_back()
