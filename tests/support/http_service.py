"""The service on a real socket, in a thread, with models that are known by hand."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import threading
from contextlib import contextmanager

from patent_spark.config import Service
from patent_spark.inference.prediction.predictor import Predictor
from patent_spark.service.app import Application
from patent_spark.service.http_server import http_server, listening_socket
from patent_spark.service.live_models import LiveModels, LoadedModels, ModelVersion
from tests.support.cluster import wait_for
from tests.support.fake_models import fake_models

TEXT = {"title": "A network", "abstract": "The packet of a network."}
"""By the votes of its words: H04 with 4 of 7, level top1 with 3 of 6."""


def loaded_models(folder, version="3", **changes):
    """Fake models of both tasks with the real predictor. changes: of LoadedModels."""
    models = fake_models(folder)
    versions = {
        task: ModelVersion(
            task,
            model.name,
            version,
            model.release_id,
            f"identity-{version}",
            tuple(model.packed.about.labels),
        )
        for task, model in models.items()
    }
    return LoadedModels(**({"predictor": Predictor(models), "versions": versions} | changes))


class SlowPredictor:
    """Answers when `free` is set; `running` counts the calls inside."""

    def __init__(self, predictor):
        self._predictor = predictor
        self.free = threading.Event()
        self.running = 0

    def predict(self, *arguments, **options):
        self.running += 1
        assert self.free.wait(60)
        self.running -= 1
        return self._predictor.predict(*arguments, **options)


class RunningService:
    """A service that listens. `live` is what it answers with."""

    def __init__(self, application, server, port):
        self.application, self.server, self.port = application, server, port
        self.live = application.live

    def request(self, method, path, body=None, headers=(), timeout=60):
        """Status, headers and body of the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, body=body, headers=dict(headers))
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def post(self, path, content, headers=(), **options):
        """Status and JSON of the answer to a JSON body."""
        body = content if isinstance(content, str | bytes) else json.dumps(content)
        own = {"Content-Type": "application/json"} | dict(headers)
        status, _, answer = self.request("POST", path, body, own, **options)
        return status, json.loads(answer)

    def get(self, path, headers=()):
        """Status and JSON."""
        status, _, answer = self.request("GET", path, headers=headers)
        return status, json.loads(answer)

    def metrics(self, headers=()):
        """Values by name with labels."""
        text = self.request("GET", "/metrics", headers=headers)[2].decode()
        lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
        return {name: float(value) for name, _, value in lines}

    def connect(self):
        """A plain connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=60)


@contextmanager
def running_service(models, token="", registry=None, **settings):
    """A service on a free port."""
    configured = Service(**({"port": 0} | settings))
    options = {} if registry is None else {"registry": registry}
    bound = listening_socket(configured)
    application = Application(configured, LiveModels(models), token, **options)
    server = http_server(application.asgi, configured)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[bound])), daemon=True)
    thread.start()
    wait_for(lambda: server.started, pause=0.01)
    try:
        yield RunningService(application, server, bound.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(60)
        bound.close()
