"""Limits that hold while a body arrives."""

import http.client
import json
import time

import pytest

from tests.support.cluster import wait_for
from tests.support.http_service import TEXT, running_service

JSON = {"Content-Type": "application/json"}
HEAD = b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


def blocks(size):
    return (b"x" * 65_536 for _ in range(size // 65_536))


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(("path", "kind"), [("/v1/predict", "application/json"), ("/nothing", "text/plain")])
def test_ten_megabytes_are_refused(service, path, kind, chunked):
    body = blocks(10 << 20) if chunked else b"x" * (10 << 20)
    status, _, answer = service.request("POST", path, body, {"Content-Type": kind})
    assert (status, [*json.loads(answer)]) == (413, ["error"])


def test_a_chunked_body_within_the_limit_is_answered(service):
    parts = iter([b'{"title": "a ', b'network"', b"}"])
    status, _, answer = service.request("POST", "/v1/predict", parts, JSON)
    assert status == 200
    assert json.loads(answer)["predictions"][0]["technology"]["predicted"] == "H04"


def test_the_limit_is_a_setting(models):
    with running_service(models, max_body_kb=1) as service:
        assert service.post("/v1/predict", {"title": "a" * 900})[0] == 200
        assert service.post("/v1/predict", {"title": "a" * 1_100})[0] == 413


@pytest.fixture(scope="module")
def hasty(models):
    """A service that waits for half a second."""
    with running_service(models, receive_timeout_s=0.5) as running:
        yield running


def answer_of(connection):
    """All that comes until the server closes."""
    received = b""
    while part := connection.recv(65_536):
        received += part
    return received


@pytest.mark.parametrize(
    "length", [b"Content-Length: 100\r\n\r\n{", b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"]
)
def test_a_body_that_does_not_come_is_refused_with_408(hasty, length):
    with hasty.connect() as connection:
        connection.sendall(HEAD + length)
        answer = answer_of(connection)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert [*json.loads(answer.rpartition(b"\r\n\r\n")[2])] == ["error"]


def test_a_trickle_does_not_extend_the_time(hasty):
    with hasty.connect() as connection:
        connection.sendall(HEAD + b"Content-Length: 1000\r\n\r\n")
        connection.settimeout(0.05)
        received, end = b"", time.monotonic() + 30
        while not received and time.monotonic() < end:
            connection.sendall(b" ")
            try:
                received = connection.recv(65_536)
            except TimeoutError:
                pass
    assert received.startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("start", [b"", b"POST /v1/predict HT", HEAD])
def test_headers_that_do_not_come_end_the_connection(hasty, start):
    with hasty.connect() as connection:
        connection.sendall(start)
        assert answer_of(connection) == b""


def test_a_connection_is_used_again(hasty):
    connection = http.client.HTTPConnection("127.0.0.1", hasty.port, timeout=60)
    connection.connect()
    used = connection.sock
    for _ in range(3):
        connection.request("POST", "/v1/predict", json.dumps(TEXT), JSON)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200
        time.sleep(0.3)  # in all longer than receive_timeout_s
    assert connection.sock is used
    connection.close()


def test_what_is_no_http_is_refused(service):
    with service.connect() as connection:
        connection.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        assert answer_of(connection).startswith(b"HTTP/1.1 400 ")


def test_a_client_that_goes_away_harms_nobody(service):
    with service.connect() as connection:
        connection.sendall(HEAD + b"Content-Length: 100\r\n\r\n{")
    assert service.post("/v1/predict", TEXT)[0] == 200


def test_a_client_that_reads_nothing_is_cut_off(models):
    with running_service(models, receive_timeout_s=0.5) as service:
        row = f"network,{'x ' * 1_000}\n"
        file = service.request(
            "POST", "/v1/files", f"title,abstract\n{row * 5_000}", {"Content-Type": "text/csv"}
        )
        name = json.loads(file[2])["id"]
        wait_for(lambda: service.get(f"/v1/files/{name}")[1]["state"] == "done", 120, 0.1)
        with service.connect() as connection:
            connection.sendall(f"GET /v1/files/{name}/result HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            assert connection.recv(12) == b"HTTP/1.1 200"
            wait_for(lambda: not service.server.server_state.connections, 30, 0.01)
            assert service.get("/health")[0] == 200
