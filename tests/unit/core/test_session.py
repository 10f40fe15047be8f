"""Sessions of both engines in one process, and of a Connect server.

Each test uses a new process, because pyspark keeps global state.
"""

import os
import subprocess
import sys

import pytest

from patent_spark.config import Engine
from patent_spark.core.session import engine_name

SESSIONS = """
from patent_spark.config import Engine
from patent_spark.core.session import open_session

def described(name):
    with open_session(Engine(name=name, memory="1g", shuffle_partitions=3)) as session:
        kind = "remote" if "connect" in type(session).__module__ else "classic"
        settings = ("spark.sql.session.timeZone", "spark.sql.shuffle.partitions")
        return kind, session.range(5).count(), *map(session.conf.get, settings)
"""


def printed(code):
    # Another test of this process may have opened Sail, which sets SPARK_CONNECT_MODE_ENABLED.
    fresh = {name: value for name, value in os.environ.items() if not name.startswith("SPARK_CONNECT")}
    done = subprocess.run([sys.executable, "-c", SESSIONS + code], capture_output=True, text=True, env=fresh)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    ("name", "under", "expected"),
    [("auto", False, "sail"), ("auto", True, "spark"), ("sail", True, "sail"), ("spark", False, "spark")],
)
def test_the_engine_is_sail_but_under_spark_submit(monkeypatch, name, under, expected):
    monkeypatch.delenv("PYSPARK_GATEWAY_PORT", raising=False)
    if under:
        monkeypatch.setenv("PYSPARK_GATEWAY_PORT", "1")  # as spark-submit does
    assert engine_name(Engine(name=name)) == expected


def test_one_process_opens_each_engine_after_the_other():
    remote, classic = "('remote', 5, 'UTC', '3')", "('classic', 5, 'UTC', '3')"
    assert printed("for name in ('sail', 'sail', 'spark', 'sail', 'spark'): print(described(name))") == [
        remote,
        remote,
        classic,
        remote,
        classic,
    ]


def test_sail_ends_nobody_elses_session():
    code = """
with open_session(Engine(name="sail")) as outer:
    print(described("sail"))
    from pyspark.sql import functions as F
    print(outer.range(3).agg(F.sum("id")).collect()[0][0])
"""
    assert printed(code) == ["('remote', 5, 'UTC', '3')", "3"]


def test_spark_is_the_server_that_spark_remote_names():
    """Any server that speaks Spark Connect: here Sail's, so that no Java can have done it."""
    code = """
import os
from pysail.spark import SparkConnectServer
server = SparkConnectServer(ip="127.0.0.1", port=0)
server.start(background=True)
os.environ["SPARK_REMOTE"] = f"sc://127.0.0.1:{server.listening_address[1]}"
print(described("spark"))
"""
    assert printed(code) == ["('remote', 5, 'UTC', '3')"]
