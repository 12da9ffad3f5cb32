import os
import socket
import ssl
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.integration.stand_in import StandIn, hangs_up, running, says, waits

from headrace import errors
from headrace.client import Client
from headrace.client.retries import RetryRule


@pytest.fixture
def api():
    with running(StandIn()) as server:
        yield server


@pytest.fixture
def client(api):
    with Client(api.url, request_timeout=5, retry=RetryRule(attempts=2, jitter=0)) as made:
        yield made


def test_requests_share_a_connection(api, client):
    for _ in range(3):
        client.call("GET", "/x")
    assert len(api.connections) == 1
    assert [r.path for r in api.requests] == ["/api/x"] * 3


def test_threads_have_connections_of_their_own_and_get_their_own_answers(api, client):
    api.usual = lambda handler: handler.answer(200, handler.path)
    with ThreadPoolExecutor(8) as pool:
        paths = [f"/n{n}" for n in range(200)]
        answers = list(pool.map(lambda path: client.call("GET", path, answer=str), paths))
    assert answers == [f"/api{path}" for path in paths]
    assert len(api.connections) <= 8


def test_a_connection_that_the_server_closed_is_replaced_unnoticed(api, client):
    client.call("POST", "/x")
    api.drop_connections()
    client.call("POST", "/x")
    assert len(api.requests) == 2


def test_a_rejected_request_is_sent_again_when_the_server_says(api, client):
    api.plan.extend([says(503, retry_after="0"), says(429, retry_after="0.01"), says(200, 7)])
    assert client.call("POST", "/x", {"a": 1}, answer=int) == 7
    assert [r.body for r in api.requests] == [b'{"a":1}'] * 3


def test_tries_end_and_the_last_answers_error_is_raised(api, client):
    api.usual = says(503, {"detail": "come back"}, retry_after="0")
    with pytest.raises(errors.TooBusy, match="come back"):
        client.call("POST", "/x")
    assert len(api.requests) == 3


def test_what_may_have_been_done_is_not_done_twice(api, client):
    """A POST that got no answer is repeated only where its caller says that it may be."""
    api.plan.append(hangs_up)
    with pytest.raises(errors.ServerUnreachable):
        client.call("POST", "/x", {})
    assert len(api.requests) == 1
    api.plan.append(hangs_up)
    client.call("POST", "/x", {}, is_idempotent=True)
    assert len(api.requests) == 3
    api.plan.append(says(500))
    with pytest.raises(errors.ServerFault):
        client.call("POST", "/x", {})
    assert len(api.requests) == 4


def test_a_server_that_does_not_answer_in_time_is_told_from_one_that_is_not_there(api):
    release = threading.Event()
    with Client(api.url, retry=RetryRule(attempts=0)) as client:
        api.plan.append(waits(release))
        with pytest.raises(errors.RequestTimedOut, match=r"0\.05 s"):
            client.call("GET", "/x", timeout=0.05)
        release.set()
        assert client.call("GET", "/x") is None
    with (
        Client("http://127.0.0.1:1/api", retry=RetryRule(attempts=0)) as client,
        pytest.raises(errors.ServerUnreachable, match="is the server running"),
    ):
        client.call("GET", "/x")


def test_nothing_answers_and_the_api_has_moved(api):
    """The embedded server has another port each time: the client asks where it is now."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        gone = f"http://127.0.0.1:{free.getsockname()[1]}/api"
    with Client(gone, relocate=lambda: api.url) as client:
        client.call("POST", "/x")
        assert client.url == api.url


def test_credentials_and_custom_headers_go_with_every_request(api):
    with Client(api.url, key="k", headers={"X-A": "b"}) as client:
        client.call("GET", "/x", headers={"x-headrace-epoch": "3"})
    with Client(api.url, auth_string="u:p") as client:
        client.call("GET", "/x")
    first, second = (r.headers for r in api.requests)
    assert (first["authorization"], first["x-a"], first["x-headrace-epoch"]) == (
        "Bearer k",
        "b",
        "3",
    )
    assert second["authorization"] == "Basic dTpw"


def test_a_header_cannot_smuggle_another(api, client):
    with pytest.raises(ValueError, match="line break"):
        client.call("GET", "/x", headers={"a": "b\r\nc: d"})


def test_a_server_that_protects_against_forgery_gets_its_token(api, client):
    token = {"client": "c", "created": None, "updated": None, "expiration": "2030-01-01T00:00:00Z",
             "id": "00000000-0000-0000-0000-000000000001", "token": "t"}  # fmt: skip
    api.plan.extend([says(403, {"detail": "Missing CSRF token."}), says(200, token), says(201)])
    client.call("POST", "/x", {})
    assert api.requests[-1].headers["prefect-csrf-token"] == "t"
    client.call("POST", "/x", {})
    assert len(api.requests) == 4


def test_a_chunked_answer_is_put_together(api, client):
    def chunks(handler):
        handler.send_response(200)
        handler.send_header("transfer-encoding", "chunked")
        handler.end_headers()
        for part in (b"[1,", b"2]"):
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
            handler.wfile.flush()
        handler.wfile.write(b"0\r\n\r\n")

    api.plan.append(chunks)
    assert client.call("GET", "/x", answer=list[int]) == [1, 2]
    client.call("GET", "/x")
    assert len(api.connections) == 1


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n12", b"nonsense\r\n\r\n"]
)
def test_half_an_answer_is_no_answer(api, client, head):
    def half(handler):
        handler.wfile.write(head)
        handler.close_connection = True

    api.plan.append(half)
    with pytest.raises(errors.ServerUnreachable):
        client.call("POST", "/x")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_uses_connections_of_its_own(api, client):
    client.call("GET", "/before")
    child = os.fork()
    if child == 0:
        try:
            client.call("GET", "/child")
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    client.call("GET", "/after")
    assert sorted(r.path for r in api.requests) == ["/api/after", "/api/before", "/api/child"]
    assert len(api.connections) == 2


def test_a_plain_request_goes_through_the_proxy_that_the_environment_names(api, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", f"http://u:p@127.0.0.1:{api.port}")
    with Client("http://api.example:4200/api") as client:
        client.call("GET", "/x")
    assert api.requests[0].path == "http://api.example:4200/api/x"
    assert api.requests[0].headers["proxy-authorization"] == "Basic dTpw"
    assert api.requests[0].headers["host"] == "api.example:4200"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    place = tmp_path_factory.mktemp("tls")
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
         "/CN=api.example", "-addext", "subjectAltName=DNS:api.example,IP:127.0.0.1",
         "-keyout", "key.pem", "-out", "cert.pem"],
        cwd=place, capture_output=True, check=False,
    )  # fmt: skip
    if made.returncode:
        pytest.skip("openssl cannot make a certificate here")
    return place


@pytest.fixture
def secure_api(certificate):
    server = StandIn()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with running(server):
        yield server


def test_tls_verifies_the_server_and_keeps_the_connection(secure_api, certificate):
    url = f"https://127.0.0.1:{secure_api.port}/api"
    with Client(url, certificates=str(certificate / "cert.pem")) as client:
        client.call("GET", "/x")
        client.call("GET", "/x")
    assert len(secure_api.connections) == 1
    with (
        Client(url, retry=RetryRule(attempts=0)) as client,
        pytest.raises(errors.ServerUnreachable, match="certificate"),
    ):
        client.call("GET", "/x")
    with Client(url, is_unverified=True) as client:
        client.call("GET", "/x")


def test_tls_goes_through_a_tunnel_of_the_proxy(api, secure_api, certificate, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{api.port}")
    api.tunnels["api.example"] = ("127.0.0.1", secure_api.port)
    with Client("https://api.example/api", certificates=str(certificate / "cert.pem")) as client:
        client.call("GET", "/x")
    assert api.requests[0].path == "api.example:443"
    assert secure_api.requests[0].path == "/api/x"
