import pytest

from headrace import errors
from headrace.client.answers import decode, error_of
from headrace.client.connection import Answer


def answer(status: int, body: bytes, **headers: str) -> Answer:
    return Answer(status, {k.replace("_", "-"): v for k, v in headers.items()}, body)


@pytest.mark.parametrize(
    ("status", "body", "kind", "message"),
    [
        (404, b'{"detail":"Flow not found"}', errors.ObjectNotFound, "Flow not found"),
        (404, b'{"exception_message":"no such run"}', errors.ObjectNotFound, "no such run"),
        (401, b'{"detail":"no"}', errors.Unauthorized, "no"),
        (
            409,
            b'{"detail":"A pool with this name already exists."}',
            errors.ObjectAlreadyExists,
            "",
        ),
        (409, b'{"detail":"in use"}', errors.Conflict, "in use"),
        (500, b"<html>", errors.ServerFault, "<html>"),
        (503, b"", errors.TooBusy, "no message"),
        (302, b"elsewhere", errors.UnexpectedAnswer, "elsewhere"),
    ],
)
def test_a_status_and_body_become_the_class_they_stand_for(status, body, kind, message):
    error = error_of(answer(status, body), "GET /x")
    assert type(error) is kind
    assert message in str(error)
    assert "GET /x" in str(error)


def test_every_bad_field_is_named():
    body = (
        b'{"exception_detail":[{"loc":["body","name"],"msg":"missing","type":"missing"},'
        b'{"loc":["body","tags",0],"msg":"not text","type":"string_type"}]}'
    )
    error = error_of(answer(422, body), "POST /x")
    assert isinstance(error, errors.ValidationFailed)
    assert str(error) == "body.name: missing; body.tags.0: not text"


def test_a_code_from_the_server_decides_the_class():
    stale = answer(409, b'{"detail":"old epoch"}', x_headrace_error="stale_write")
    assert type(error_of(stale, "POST /x")) is errors.StaleWrite


def test_a_body_of_another_form_is_shown():
    with pytest.raises(errors.UnexpectedAnswer, match="hello"):
        decode(int, answer(200, b'"hello"'), "GET /x")
