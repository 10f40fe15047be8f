"""The refresh as an Airflow 3 DAG: one task a stage, so that ETL and training run on machines of their own.

Each task calls the project's own environment; nothing of patent_spark is imported here. All tasks share the
warehouse. A task that is repeated skips what is done. Set in the environment of Airflow:

    PATENT_SPARK         the command (default: patent-spark)
    PATENT_SPARK_CONFIG  the YAML file of the settings (default: /etc/patent_spark/refresh.yaml)
    PATENT_SPARK_QUEUES  queues of stages, such as `train=gpu evaluate=gpu`; the others use the default queue

Exit codes: 99 (nothing new) skips the rest, 4 (a gate said no) fails without a retry. After any other, the
task is tried again and goes on where it was.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from datetime import datetime, timedelta

from airflow.sdk import Asset, dag, task
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

COMMAND = shlex.split(os.environ.get("PATENT_SPARK", "patent-spark"))
CONFIG = os.environ.get("PATENT_SPARK_CONFIG", "/etc/patent_spark/refresh.yaml")
QUEUES = dict(each.split("=", 1) for each in os.environ.get("PATENT_SPARK_QUEUES", "").split())
STAGES = ("ingest", "label", "quality", "split", "text", "shard", "train", "evaluate", "audit")
NOTHING_NEW, REFUSED = 99, 4

champion = Asset("patent_spark_champion", uri="x-patent-spark://champion")


def refresh(*options: str) -> None:
    """Call the refresh, and turn its exit code into Airflow's states."""
    done = subprocess.run([*COMMAND, "refresh", "--config", CONFIG, *options])
    if done.returncode == NOTHING_NEW:
        raise AirflowSkipException("there is no new release")
    if done.returncode == REFUSED:
        raise AirflowFailException("a gate said no; the champion stays, see refresh.html")
    if done.returncode:
        raise RuntimeError(f"patent-spark refresh ended with exit code {done.returncode}")


@dag(
    dag_id="patent_spark_refresh",
    schedule="0 3 * * *",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=10)},
    tags=["patent_spark"],
)
def patent_spark_refresh() -> None:
    """A new release becomes published tables and a champion, or changes nothing."""
    before = None
    for stage in STAGES:
        step = task(task_id=stage, queue=QUEUES.get(stage, "default"))(refresh)(
            "--through", stage, "--nothing-new-exit-code", str(NOTHING_NEW)
        )
        if before is not None:
            before >> step
        before = step
    publish = task(task_id="publish", outlets=[champion])(refresh)()
    before >> publish


patent_spark_refresh()
