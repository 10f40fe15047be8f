"""The Host header, and the token."""

import pytest

from patent_spark.config import ConfigError, Service
from patent_spark.service.access import TOKEN, allowed_hosts, on_loopback, read_token
from tests.support.errors import raises
from tests.support.http_service import TEXT, running_service

SECRET = "correct-horse-battery-staple"


@pytest.mark.parametrize("host", ["localhost", "localhost:8000", "127.0.0.1", "[::1]:8000", "LOCALHOST"])
def test_names_of_this_machine(service, host):
    assert service.get("/version", {"Host": host})[0] == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example:8000", "127.0.0.1.nip.io", ""])
def test_another_name_on_loopback_is_refused(service, host):
    status, answer = service.get("/version", {"Host": host})
    assert (status, [*answer]) == (421, ["error"])
    assert "evil" not in answer["error"]
    assert service.post("/v1/predict", TEXT, {"Host": host})[0] == 421
    assert service.get("/health", {"Host": host})[0] == 200


def test_hosts_of_the_settings():
    own = Service(allowed_hosts=("Patents.example",))
    assert allowed_hosts(own) == {"localhost", "127.0.0.1", "::1", "patents.example"}
    assert allowed_hosts(Service(host="0.0.0.0")) is None
    assert allowed_hosts(Service(host="0.0.0.0", allowed_hosts=("a.example",))) == {"a.example"}


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("127.1.2.3", True), ("::1", True), ("localhost", True), ("0.0.0.0", False),
     ("::", False), ("192.168.1.5", False), ("patents.example", False)],
)  # fmt: skip
def test_loopback(host, loopback):
    assert on_loopback(host) is loopback


@pytest.fixture(scope="module")
def guarded(models):
    with running_service(models, token=SECRET) as running:
        yield running


@pytest.mark.parametrize(
    "header", [None, "", SECRET, f"Basic {SECRET}", "Bearer", "Bearer wrong", f"Bearer {SECRET}x"]
)
@pytest.mark.parametrize(
    "path", ["/version", "/metrics", "/docs", "/openapi.json", "/v1/files/none", "/nothing"]
)
def test_without_the_token_nothing_is_told(guarded, path, header):
    status, answer = guarded.get(path, {} if header is None else {"Authorization": header})
    assert (status, [*answer]) == (401, ["error"])


def test_a_body_without_the_token_is_not_read(guarded):
    status, answer = guarded.post("/v1/predict", TEXT)
    assert (status, [*answer]) == (401, ["error"])
    assert guarded.post("/v1/predict", b"x" * (10 << 20))[0] == 401


def test_with_the_token(guarded):
    headers = {"Authorization": f"Bearer {SECRET}"}
    assert guarded.post("/v1/predict", TEXT, headers)[0] == 200
    assert guarded.get("/version", headers)[0] == 200


@pytest.mark.parametrize("path", ["/health", "/ready", "/", "/page.css", "/page.js"])
def test_open_paths(guarded, path):
    status, _, body = guarded.request("GET", path)
    assert status == 200
    assert b"fake" not in body and SECRET.encode() not in body  # no word about the models either


def test_a_host_that_others_reach_needs_a_token(monkeypatch):
    monkeypatch.delenv(TOKEN, raising=False)
    assert read_token(Service()) == ""
    with raises(ConfigError, setting="service.host"):
        read_token(Service(host="0.0.0.0"))
    monkeypatch.setenv(TOKEN, SECRET)
    assert read_token(Service(host="0.0.0.0")) == SECRET
    assert read_token(Service()) == SECRET


@pytest.mark.parametrize(
    "token", ["short", "with a space in between", "ümlaut-ümlaut-ümlaut", "line\nline-line-line-line"]
)
def test_a_token_that_no_header_can_carry_or_that_is_guessed(monkeypatch, token):
    monkeypatch.setenv(TOKEN, token)
    with raises(ConfigError, setting=TOKEN) as caught:
        read_token(Service())
    assert token not in str(caught.value)
