"""Notifications: a metrics file and a signed webhook; none of their faults ends a refresh."""

import hashlib
import hmac
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from prometheus_client.parser import text_string_to_metric_families

from patent_spark.config import load_config
from patent_spark.refresh.notify import SIGNATURE, WEBHOOK_SECRET, WEBHOOK_URL, notify
from patent_spark.refresh.report_schema import GateResult, RefreshRecord, RefreshStatus

GATE = GateResult(gate="rows", subject="CPC", value=0.5, limit=0.95, at_least=True, passed=False)
RECORD = RefreshRecord(
    release_id="r1",
    fingerprint="x",
    started="2020-01-01T00:00:00+00:00",
    finished="2020-01-01T01:00:00+00:00",
    verdict="refused",
    gates=(GATE,),
    message="too few rows",
)
STATUS = RefreshStatus(checked="2020-01-01T01:00:00+00:00", last=RECORD)


def configured(**settings):
    return load_config(sets=[f"refresh.{name}={value}" for name, value in settings.items()])[0]


def metrics(path):
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(path.read_text())
        for sample in family.samples
    }


def test_the_metrics_file_has_the_outcome_and_the_gates(tmp_path):
    path = tmp_path / "refresh.prom"
    notify(configured(metrics_file=path), STATUS)
    assert metrics(path) == {
        ("patent_spark_refresh_checked_timestamp_seconds",): 1577840400,
        ("patent_spark_refresh_outcome", "refused"): 1,
        ("patent_spark_refresh_gate", "rows", "CPC"): 0.5,
    }
    notify(configured(metrics_file=path), STATUS, nothing_new=True)
    assert metrics(path)["patent_spark_refresh_outcome", "nothing_new"] == 1


def test_when_a_release_was_published(tmp_path):
    published = RECORD.model_copy(update={"verdict": "promoted"})
    status = STATUS.model_copy(update={"last": published, "published": published})
    notify(configured(metrics_file=tmp_path / "a.prom"), status)
    assert metrics(tmp_path / "a.prom")["patent_spark_refresh_published_timestamp_seconds",] == 1577840400


def test_a_metrics_file_that_cannot_be_written_is_said(tmp_path, capsys):
    notify(configured(metrics_file=tmp_path / "none" / "a.prom"), STATUS)
    assert "refresh.metrics_file" in capsys.readouterr().err


@pytest.fixture
def receiver():
    """A server on loopback that keeps what is posted to it; `answer` is its status code."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            server.received.append((dict(self.headers), body))
            self.send_response(server.answer)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.received, server.answer = [], 200
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_webhook_is_signed(receiver, monkeypatch):
    monkeypatch.setenv(WEBHOOK_URL, f"http://127.0.0.1:{receiver.server_port}/hook")
    monkeypatch.setenv(WEBHOOK_SECRET, "s3cret")
    notify(configured(), STATUS)
    ((headers, body),) = receiver.received
    assert headers[SIGNATURE] == "sha256=" + hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()
    told = json.loads(body)
    assert (told["outcome"], told["release_id"], told["message"]) == ("refused", "r1", "too few rows")


@pytest.mark.parametrize("answer", [500, None])
def test_a_webhook_that_fails_is_said_without_its_address(answer, receiver, monkeypatch, capsys):
    port = receiver.server_port if answer else 9
    receiver.answer = answer
    monkeypatch.setenv(WEBHOOK_URL, f"http://127.0.0.1:{port}/secret-path")
    notify(configured(webhook_timeout_s=1), STATUS)
    error = capsys.readouterr().err
    assert WEBHOOK_URL in error
    assert "secret-path" not in error
