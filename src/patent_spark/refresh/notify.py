"""Who is told how a refresh ended: a metrics file for Prometheus, a webhook. Neither can fail a refresh."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from datetime import datetime

from patent_spark.config import Config
from patent_spark.core.progress import say
from patent_spark.refresh.report_schema import RefreshStatus

WEBHOOK_URL, WEBHOOK_SECRET = "PATENT_SPARK_WEBHOOK_URL", "PATENT_SPARK_WEBHOOK_SECRET"
"""Environment variables: both can hold a secret, so no setting has them."""
SIGNATURE = "X-Patent-Spark-Signature"
"""Header of the webhook: `sha256=` and the HMAC of the body with the secret."""
NOTHING_NEW = "nothing_new"


def notify(config: Config, status: RefreshStatus, nothing_new: bool = False) -> None:
    """Write the metrics file and call the webhook, where they are set."""
    outcome = NOTHING_NEW if nothing_new or status.last is None else status.last.verdict
    _write_metrics(config.refresh.metrics_file, status, outcome)
    _call_webhook(config.refresh.webhook_timeout_s, status, outcome)


def _write_metrics(file: str, status: RefreshStatus, outcome: str) -> None:
    if not file:
        return
    from prometheus_client import CollectorRegistry, Gauge, write_to_textfile

    registry = CollectorRegistry()

    def gauge(name: str, about: str, *labels: str) -> Gauge:
        return Gauge(f"patent_spark_refresh_{name}", about, labels, registry=registry)

    gauge("checked_timestamp_seconds", "When a release was last looked for.").set(_seconds(status.checked))
    gauge("outcome", "1 for how the last call ended.", "outcome").labels(outcome).set(1)
    if status.published and status.published.finished:
        finished = _seconds(status.published.finished)
        gauge("published_timestamp_seconds", "When a release was last published.").set(finished)
    if status.last:
        value = gauge("gate", "What the gates measured in the last refresh.", "gate", "subject")
        for result in status.last.gates:
            if result.value is not None:
                value.labels(result.gate, result.subject).set(result.value)
    try:
        write_to_textfile(file, registry)
    except OSError as error:
        say(f"refresh.metrics_file = {file} could not be written: {error.strerror}")


def _seconds(time: str) -> float:
    return datetime.fromisoformat(time).timestamp()


def _call_webhook(timeout_s: int, status: RefreshStatus, outcome: str) -> None:
    url = os.environ.get(WEBHOOK_URL, "")
    if not url:
        return
    import requests

    last = status.last
    body = json.dumps(
        {
            "outcome": outcome,
            "release_id": last.release_id if last else None,
            "message": last.message if last and outcome != NOTHING_NEW else "",
            "champions": last.champions if last else {},
            "checked": status.checked,
        }
    ).encode()
    headers = {"Content-Type": "application/json"}
    if secret := os.environ.get(WEBHOOK_SECRET, ""):
        headers[SIGNATURE] = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    try:
        requests.post(
            url, data=body, headers=headers, timeout=timeout_s, allow_redirects=False
        ).raise_for_status()
    except requests.RequestException as error:  # its text can hold the address
        say(f"the webhook of {WEBHOOK_URL} was not delivered: {type(error).__name__}")
