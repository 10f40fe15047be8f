"""Opens the session of Sail (embedded, no Java) or Spark (spark-submit's, a Connect server's, or local).

Stages use the DataFrame API alone, so the same code gives the same tables on each.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from patent_spark.config import ConfigError, Engine
from patent_spark.core.engine_watch import bypass_proxies_on_loopback, require_answer, watched

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_SETTINGS = {
    "spark.sql.session.timeZone": "UTC",  # dates must not move with the machine's clock
    "spark.sql.ansi.enabled": "true",  # a bad cast is an error, never a silent null
}


def engine_name(config: Engine) -> str:
    """sail or spark; `auto` is spark under spark-submit, else sail."""
    if config.name != "auto":
        return config.name
    return "spark" if _under_spark_submit() else "sail"


@contextmanager
def open_session(config: Engine) -> Iterator[SparkSession]:
    """A session for one stage; what was started for it is stopped with it."""
    opened = _sail() if engine_name(config) == "sail" else _spark(config)
    with opened as session:
        for name, value in _SETTINGS.items():
            session.conf.set(name, value)
        if config.shuffle_partitions:
            session.conf.set("spark.sql.shuffle.partitions", str(config.shuffle_partitions))
        yield session


# pyspark sets it with a Connect session, and then refuses any other kind.
_CONNECTED = "SPARK_CONNECT_MODE_ENABLED"


def _under_spark_submit() -> bool:
    return "PYSPARK_GATEWAY_PORT" in os.environ  # set by spark-submit's Python runner


@contextmanager
def _sail() -> Iterator[SparkSession]:
    os.environ.setdefault("RUST_LOG", "error")
    # Sail forgets a session that is idle for two minutes; a stage may be busy without the engine for longer.
    os.environ.setdefault("SAIL_SPARK__SESSION_TIMEOUT_SECS", "604800")
    from pysail.spark import SparkConnectServer
    from pyspark.sql import SparkSession

    bypass_proxies_on_loopback()
    server = SparkConnectServer(ip="127.0.0.1", port=0)
    server.start(background=True)
    remote = f"sc://127.0.0.1:{server.listening_address[1]}"
    connected = _CONNECTED in os.environ
    try:
        # It runs in this process, so it cannot freeze by itself later.
        require_answer(remote)
        with _connected(SparkSession.builder.remote(remote).create()) as session:
            yield session
    finally:
        server.stop()
        if not connected:
            os.environ.pop(_CONNECTED, None)


@contextmanager
def _connected(session: SparkSession) -> Iterator[SparkSession]:
    try:
        yield session
    finally:
        session.stop()


@contextmanager
def _spark(config: Engine) -> Iterator[SparkSession]:
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.appName("patent_spark")
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    remote = "" if _under_spark_submit() else os.environ.get("SPARK_REMOTE", "")
    if not _under_spark_submit() and "SPARK_REMOTE" not in os.environ:
        # Otherwise the Python workers are the first python3 on PATH.
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        builder = (
            builder.master("local[*]")
            .config("spark.driver.memory", config.memory)
            # Throughput matters here, short pauses do not.
            .config("spark.driver.extraJavaOptions", "-XX:+UseParallelGC")
            .config("spark.sql.files.maxPartitionBytes", "80m")
            # The counts have millions of groups; the default map holds 65,536.
            .config("spark.sql.codegen.aggregate.fastHashMap.capacityBit", "21")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.ui.enabled", "false")
            .config("spark.ui.showConsoleProgress", "false")
            .config("spark.log.level", "ERROR")
        )
        if not config.shuffle_partitions:
            builder = builder.config("spark.sql.shuffle.partitions", "8")
    with watched(remote) if remote else nullcontext():
        # Left open: later stages of this process share it, and it ends with the process.
        yield _started(builder)


def _started(builder: SparkSession.Builder) -> SparkSession:
    from pyspark.errors import PySparkRuntimeError

    try:
        return builder.getOrCreate()
    except PySparkRuntimeError as error:
        if "JAVA_GATEWAY_EXITED" not in str(error):
            raise
        raise ConfigError(
            "engine.name = spark needs Java 17, which did not start; "
            "install it (Debian: openjdk-17-jre-headless) or set engine.name=sail",
            setting="engine.name",
        ) from error
