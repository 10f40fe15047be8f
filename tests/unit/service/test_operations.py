"""What operators see: health, readiness, versions, metrics, and a service that is full."""

import threading

import pytest

from tests.support.cluster import wait_for
from tests.support.http_service import TEXT, SlowPredictor, loaded_models, running_service


def test_version_names_the_models(service):
    status, answer = service.get("/version")
    assert status == 200
    assert [(model["task"], model["version"], model["release_id"]) for model in answer["models"]] == [
        ("technology", "3", "release-1"), ("citation_level", "3", "release-1"),
    ]  # fmt: skip
    assert answer["registry"]["polled_s"] is None and answer["registry"]["refused"] == []


class Broken:
    def predict(self, documents, *_, **__):
        raise ValueError(f"cannot read {documents[0].title}")


def test_a_model_that_fails_is_not_ready_and_shows_nothing(tmp_path, caplog):
    with running_service(loaded_models(tmp_path, predictor=Broken())) as service:
        assert service.get("/health")[0] == 200
        status, answer = service.get("/ready")
        assert (status, [*answer]) == (503, ["error"])
        status, answer = service.post("/v1/predict", {"title": "a secret"})
        assert (status, [*answer]) == (500, ["error"])
        assert (
            service.metrics()['patent_spark_requests_total{method="POST",route="/v1/predict",status="500"}']
            == 1
        )
    assert "secret" not in answer["error"] + caplog.text
    assert "ValueError" in caplog.text


def test_metrics_count_requests_documents_and_refusals(models):
    with running_service(models) as service:
        service.post("/v1/predict", {"documents": [{"title": "a"}, {"title": "b"}]})
        service.post("/v1/predict", {"title": 1})
        service.request("POST", "/v1/predict", "{}")
        service.request("GET", "/some/where")
        values = service.metrics()
    assert values['patent_spark_requests_total{method="POST",route="/v1/predict",status="200"}'] == 1
    assert values['patent_spark_requests_total{method="POST",route="/v1/predict",status="422"}'] == 1
    assert values['patent_spark_requests_total{method="GET",route="other",status="404"}'] == 1
    assert values['patent_spark_request_seconds_count{route="/v1/predict"}'] == 2
    assert values["patent_spark_documents_total"] == 2
    assert values['patent_spark_rejected_requests_total{reason="invalid"}'] == 1
    assert values['patent_spark_rejected_requests_total{reason="type"}'] == 1
    name = (
        'patent_spark_model_info{name="patent_spark_fake",release="release-1",task="technology",version="3"}'
    )
    assert values[name] == 1
    assert values["process_resident_memory_bytes"] > 0


@pytest.fixture
def slow(tmp_path):
    """One thread, two places in the queue, six requests at a time; predictions wait to be freed."""
    predictor = SlowPredictor(loaded_models(tmp_path).predictor)
    loaded = loaded_models(tmp_path, predictor=predictor)
    with running_service(loaded, workers=1, queue=2, concurrency=6) as running:
        running.predictor = predictor
        yield running
        predictor.free.set()


def asked_at_once(service, count):
    """Start requests that wait; the list gets their status."""
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(service.post("/v1/predict", TEXT)[0]))
        for _ in range(count)
    ]
    for thread in threads:
        thread.start()
    return threads, answers


def test_a_full_queue_is_503_with_retry_after(slow):
    threads, answers = asked_at_once(slow, 3)
    wait_for(lambda: slow.application.queue.pending == 3, 30, 0.01)
    values = slow.metrics()
    assert values["patent_spark_queue_length"] == 2
    assert values["patent_spark_predictions_in_progress"] == 1
    status, headers, _ = slow.request(
        "POST", "/v1/predict", '{"title": "a"}', {"Content-Type": "application/json"}
    )
    assert (status, int(headers["retry-after"]) > 0) == (503, True)
    assert slow.get("/ready")[0] == 503
    assert slow.get("/health")[0] == 200
    slow.predictor.free.set()
    for thread in threads:
        thread.join(60)
    assert answers == [200, 200, 200]
    assert slow.metrics()['patent_spark_rejected_requests_total{reason="busy"}'] == 2
    assert slow.get("/ready")[0] == 200


def test_too_many_requests_at_a_time_are_503(slow):
    threads, answers = asked_at_once(slow, 3)
    wait_for(lambda: slow.application.queue.pending == 3, 30, 0.01)
    held = [slow.connect() for _ in range(3)]
    for connection in held:
        connection.sendall(
            b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n"
            b"Content-Type: application/json\r\n\r\n"
        )
    wait_for(lambda: slow.get("/version")[0] == 503, 30, 0.01)
    assert slow.get("/health")[0] == 200
    for connection in held:
        connection.close()
    slow.predictor.free.set()
    for thread in threads:
        thread.join(60)
    assert answers == [200, 200, 200]
    wait_for(lambda: slow.get("/version")[0] == 200, 30, 0.01)


def test_requests_in_progress_are_answered_by_the_models_they_began_with(slow, tmp_path):
    answers = []
    thread = threading.Thread(target=lambda: answers.append(slow.post("/v1/predict", TEXT)))
    thread.start()
    wait_for(lambda: slow.predictor.running == 1, 30, 0.01)
    slow.live.current = loaded_models(tmp_path, version="4", predictor=Broken())
    slow.predictor.free.set()
    thread.join(60)
    assert answers[0][0] == 200
    assert slow.post("/v1/predict", TEXT)[0] == 500
    assert {model["version"] for model in slow.get("/version")[1]["models"]} == {"4"}


def test_requests_in_progress_end_before_the_server(slow):
    threads, answers = asked_at_once(slow, 2)
    wait_for(lambda: slow.application.queue.pending == 2, 30, 0.01)
    slow.server.should_exit = True
    wait_for(lambda: not slow.server.servers[0].is_serving(), 30, 0.01)
    slow.predictor.free.set()
    for thread in threads:
        thread.join(60)
    assert answers == [200, 200]
