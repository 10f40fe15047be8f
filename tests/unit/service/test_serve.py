"""`patent-spark serve` as a process: how it starts, refuses to start, and stops."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys

import pytest

from patent_spark.cli import main
from patent_spark.service.access import TOKEN
from tests.support.cluster import wait_for
from tests.support.small_package import small_package

TEXT = json.dumps({"title": "A neural network device", "abstract": "The battery cell of an antenna."})
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    return small_package(tmp_path_factory.mktemp("models") / "mine").folder


class Served:
    """The command in a process of its own."""

    def __init__(self, process, errors):
        self.process, self._errors = process, errors

    @property
    def stderr(self):
        return self._errors.read_text()

    @property
    def port(self):
        return int(self.stderr.partition("://")[2].partition("/")[0].rpartition(":")[2])

    def post(self, body=TEXT):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(connection):
            connection.request("POST", "/v1/predict", body, JSON)
            answer = connection.getresponse()
            return answer.status, answer.read()


@contextlib.contextmanager
def serving(folder, *options, **environment):
    errors = folder / "stderr.txt"
    command = [sys.executable, "-m", "patent_spark.cli", "serve", "--set", f"warehouse.root={folder}/w"]
    with errors.open("wb") as file:
        process = subprocess.Popen(
            [*command, "--set", "service.port=0", *map(str, options)],
            stderr=file,
            env=os.environ | environment,
        )
    served = Served(process, errors)
    try:
        wait_for(lambda: " answers " in served.stderr or process.poll() is not None)
        assert process.poll() is None, served.stderr
        yield served
    finally:
        process.kill()
        process.wait()


def test_it_starts_answers_and_stops_with_sigterm(tmp_path, package):
    with serving(tmp_path, "--model", package) as served:
        status, answer = served.post()
        assert status == 200
        assert json.loads(answer)["predictions"][0]["technology"]["model"]["name"] == "mine"
        assert str(package) not in answer.decode()
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(60) == 0
        assert "Traceback" not in served.stderr
    (log,) = (tmp_path / "w" / "logs").iterdir()
    assert "battery" not in log.read_text() + served.stderr


def test_requests_in_progress_are_finished(tmp_path, package):
    """The body comes after the signal, when the service reads it already."""
    head = f"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(TEXT)}\r\n"
    with serving(tmp_path, "--model", package) as served:
        with socket.create_connection(("127.0.0.1", served.port), timeout=60) as waiting:
            waiting.sendall(f"{head}Content-Type: application/json\r\nExpect: 100-continue\r\n\r\n".encode())
            assert waiting.recv(1_000).startswith(b"HTTP/1.1 100 ")
            served.process.send_signal(signal.SIGTERM)
            wait_for(lambda: not listens(served.port))
            waiting.sendall(TEXT.encode())
            assert waiting.recv(20).startswith(b"HTTP/1.1 200 ")
        assert served.process.wait(60) == 0


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_using_a_model_loads_no_training_library(tmp_path, package):
    """The service runs where there is no TensorFlow, Keras, Spark or gensim."""
    heavy = ("tensorflow", "keras", "horovod", "petastorm", "pyspark", "pysail", "gensim", "sklearn")
    code = (
        f"import sys\n"
        f"from patent_spark.cli import main\n"
        f"from patent_spark.service import serve\n"
        f"class Stop:\n"
        f"    def run(self, sockets): print([name for name in {heavy} if name in sys.modules])\n"
        f"serve.http_server = lambda asgi, settings: Stop()\n"
        f"sets = ['--set', 'warehouse.root={tmp_path}', '--set', 'service.port=0']\n"
        f"sys.exit(main(['serve', '--model', '{package}', *sets]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def run(capsys, folder, *options):
    code = main(["serve", "--set", f"warehouse.root={folder}", *map(str, options)])
    return code, capsys.readouterr().err


def test_without_a_champion_it_says_what_to_run(capsys, tmp_path):
    code, errors = run(capsys, tmp_path, "--set", "service.port=0")
    assert (code, errors.count("\n")) == (3, 1)
    assert "`patent-spark register`" in errors and "--model" in errors


def test_other_machines_need_a_token(capsys, tmp_path, monkeypatch, package):
    monkeypatch.delenv(TOKEN, raising=False)
    code, errors = run(capsys, tmp_path, "--model", package, "--set", "service.host=0.0.0.0")
    assert (code, errors.count("\n")) == (2, 1)
    assert TOKEN in errors and "service.host" in errors


@pytest.mark.parametrize("host", ["127.0.0.1", "nowhere.invalid"])
def test_an_address_that_cannot_be_listened_on(capsys, tmp_path, monkeypatch, package, host):
    monkeypatch.setenv(TOKEN, "a-token-of-many-characters")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        sets = ["--set", f"service.host={host}", "--set", f"service.port={port}"]
        code, errors = run(capsys, tmp_path, "--model", package, *sets)
    assert (code, errors.count("\n")) == (2, 1)
    assert f"service.port = {port}" in errors


def test_a_folder_that_is_no_model(capsys, tmp_path):
    code, errors = run(capsys, tmp_path, "--model", tmp_path, "--set", "service.port=0")
    assert (code, errors.count("\n")) == (3, 1)
