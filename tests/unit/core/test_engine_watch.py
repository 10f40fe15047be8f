"""No stage waits in silence: proxies of the environment, servers that never answer, and one that freezes."""

import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from patent_spark.core.engine_watch import _NO_PROXY, bypass_proxies_on_loopback, require_answer, watched
from patent_spark.core.errors import WorkError
from tests.support.errors import raises

COUNT = """
from patent_spark.config import Engine
from patent_spark.core.session import open_session
with open_session(Engine(name="sail")) as session:
    print(session.range(5).count())
"""
SERVER = """
import time
from pysail.spark import SparkConnectServer
server = SparkConnectServer(ip="127.0.0.1", port=0)
server.start(background=True)
print(server.listening_address[1], flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("name", ["http_proxy", "https_proxy", "grpc_proxy", "all_proxy", "HTTP_PROXY"])
def test_the_embedded_engine_goes_through_no_proxy(name):
    nobody = {name: "http://127.0.0.1:9", "no_proxy": "example.org"}
    counted = subprocess.run(
        [sys.executable, "-c", COUNT], env=os.environ | nobody, capture_output=True, text=True, timeout=100
    )
    assert (counted.returncode, counted.stdout) == (0, "5\n"), counted.stderr


def test_hosts_that_are_excepted_already_stay_excepted(monkeypatch):
    monkeypatch.delenv(_NO_PROXY, raising=False)
    monkeypatch.setenv("no_proxy", "example.org")
    bypass_proxies_on_loopback(), bypass_proxies_on_loopback()
    assert os.environ[_NO_PROXY] == "example.org,127.0.0.1"


def test_a_server_that_never_answers_is_an_error():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        with raises(WorkError, engine=address), watched(f"sc://{address}", within_s=1):
            raise AssertionError("the engine cannot have answered")


def test_a_server_that_freezes_under_the_work_is_an_error():
    with subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True) as server:
        address = f"127.0.0.1:{server.stdout.readline().strip()}"
        try:
            with raises(WorkError, engine=address), watched(f"sc://{address}", within_s=2, every_s=0.2):
                server.send_signal(signal.SIGSTOP)
                time.sleep(100)
        finally:
            server.kill()


def test_a_server_without_health_checks_answers_by_refusing_them():
    server = grpc.server(ThreadPoolExecutor(1))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        require_answer(f"sc://127.0.0.1:{port}", within_s=20)
    finally:
        server.stop(None)


def test_an_interruption_by_the_user_stays_one():
    with subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True) as server:
        address = f"127.0.0.1:{server.stdout.readline().strip()}"
        try:
            with pytest.raises(KeyboardInterrupt), watched(f"sc://{address}", within_s=20):
                raise KeyboardInterrupt
        finally:
            server.kill()
