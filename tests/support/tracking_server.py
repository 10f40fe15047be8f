"""A real MLflow server on loopback that can be killed, paused and restarted with the same store."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from patent_spark.stages.train.launch.local import kill_group
from tests.support.cluster import free_port, wait_for


class TrackingServer:
    """Use as a context manager; its runs stay in `folder`, or the database `store`, whatever becomes of the
    process."""

    def __init__(self, folder: Path, store: str = "") -> None:
        self._port = free_port()
        self.uri = f"http://127.0.0.1:{self._port}"
        self.store = store or f"sqlite:///{folder}/m.db"
        self._folder = folder

    def __enter__(self) -> TrackingServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        kill_group(self.process)

    def start(self) -> None:
        """Return when it answers."""
        mlflow = Path(sys.executable).with_name("mlflow")
        options = {
            "--host": "127.0.0.1",
            "--port": str(self._port),
            "--workers": "1",
            "--backend-store-uri": self.store,
            "--artifacts-destination": str(self._folder / "artifacts"),
        }
        command = [mlflow, "server", *(word for option in options.items() for word in option)]
        with (self._folder / "server.log").open("ab") as output:
            self.process = subprocess.Popen(
                command,
                cwd=self._folder,
                stdout=output,
                stderr=output,
                # Its job runners are eight processes more.
                env=os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
                start_new_session=True,
            )
        wait_for(self._answers)

    def signal(self, number: signal.Signals) -> None:
        """SIGKILL ends it; after SIGSTOP it takes calls, and never answers."""
        os.killpg(self.process.pid, number)

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0
