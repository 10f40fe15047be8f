"""Other methods, paths and types; headers; OpenAPI."""

import json
import re

import pytest

from patent_spark.service.gate import HEADERS
from tests.support.http_service import TEXT

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/predict", 405),
        ("PUT", "/v1/predict", 405),
        ("BREW", "/v1/predict", 405),
        ("POST", "/version", 405),
        ("GET", "/passwd", 404),
        ("GET", "/v1/predict/", 404),
        ("GET", "/page.css/../../etc/passwd", 404),
        ("GET", "/v1/files/none", 404),
        ("GET", "/v1/files/none/result", 404),
    ],
)
def test_other_methods_and_paths(service, method, path, status):
    found, headers, body = service.request(method, path)
    assert found == status
    assert [*json.loads(body)] == ["error"]
    assert headers["content-type"] == "application/json"
    assert "passwd" not in body.decode()


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/json; charset=latin-1"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ],
)
def test_other_content_types(service, headers):
    status, _, body = service.request("POST", "/v1/predict", json.dumps(TEXT), headers)
    assert (status, [*json.loads(body)]) == (415, ["error"])


def test_a_charset_may_be_named(service):
    headers = {"Content-Type": "Application/JSON; charset=UTF-8"}
    assert service.request("POST", "/v1/predict", json.dumps(TEXT), headers)[0] == 200


@pytest.mark.parametrize("path", ["/", "/page.css", "/health", "/metrics", "/docs", "/nothing"])
def test_security_headers_are_in_every_answer(service, path):
    headers = service.request("GET", path)[1]
    assert "server" not in headers
    for name, value in HEADERS.items():
        assert headers[name.lower()] == value or name == "Cache-Control"


def test_refusals_before_a_route_have_them_too(service):
    headers = service.request("POST", "/v1/predict", "{}")[1]
    assert headers["x-content-type-options"] == "nosniff"


def test_openapi_names_every_route(service):
    status, described = service.get("/openapi.json")
    assert status == 200
    assert {
        "/v1/predict", "/v1/files", "/v1/files/{name}", "/v1/files/{name}/result",
        "/health", "/ready", "/version", "/metrics",
    } <= described["paths"].keys()  # fmt: skip
    body = described["paths"]["/v1/predict"]["post"]["requestBody"]["content"]["application/json"]
    assert body["schema"]["$ref"].endswith("/PredictRequest")
    assert "HTTPValidationError" not in described["components"]["schemas"]


@pytest.mark.parametrize("path", ["/", "/docs", "/page.css", "/page.js"])
def test_pages_load_nothing_from_elsewhere(service, path):
    status, _, body = service.request("GET", path)
    assert status == 200
    assert re.findall(rb"""(?:src|href)=["']?(?!/|#|data:,)[^"' >]+|url\(|https?://|@import""", body) == []


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_pages_have_no_script_or_style_inside(service, path):
    """What the Content-Security-Policy would block."""
    body = service.request("GET", path)[2].decode()
    assert re.findall(r"<style|<script>| style=| on[a-z]+=", body) == []
