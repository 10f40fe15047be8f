import pytest

from patent_spark.core.errors import WorkError
from patent_spark.sources.errors import SourceError
from patent_spark.sources.http import Client, origin, seconds_to_wait, without_query
from tests.support.errors import raises


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "17"}, 17),
        ({"Retry-After": " 0 "}, 0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-3"}, None),
        (
            {"Retry-After": "Fri, 28 Nov 2025 10:02:00 GMT", "Date": "Fri, 28 Nov 2025 10:00:30 GMT"},
            90,
        ),
        (
            {"Retry-After": "Fri, 28 Nov 2025 10:00:00 GMT", "Date": "Fri, 28 Nov 2025 10:00:30 GMT"},
            0,
        ),
    ],
)
def test_how_long_a_429_asks_to_wait(headers, seconds):
    assert seconds_to_wait(headers) == seconds


def test_the_origin_is_scheme_host_and_port():
    assert origin("https://API.uspto.gov/a?b") == origin("https://api.uspto.gov:443/c")
    assert (
        len({origin(f"{each}/x") for each in ("https://a", "http://a", "https://a:8443", "https://b")}) == 4
    )


def test_an_address_is_shown_without_its_secrets():
    assert without_query("https://user:word@host:1/a/b?signature=x#y") == "https://host:1/a/b"


def test_a_redirect_that_gives_up_encryption_is_not_followed(monkeypatch):
    client = Client("https://api.example", timeout_s=1, longest_wait_s=1, key="k")

    class Redirect:
        status_code, headers = 302, {"Location": "http://api.example/x"}

        def close(self):
            pass

    monkeypatch.setattr(client._session, "get", lambda *_, **__: Redirect())
    with raises(SourceError, host="api.example"), client.open("https://api.example/y"):
        pytest.fail("it was followed")


def test_an_error_of_a_source_is_one_of_the_work():
    assert SourceError("x").exit_code == WorkError.exit_code == 1
