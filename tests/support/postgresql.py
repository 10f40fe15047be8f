"""A PostgreSQL server on loopback with a database `mlflow`, run by a user that is not root."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.cluster import free_port


def programs() -> Path | None:
    """The folder of PostgreSQL's programs; None where it is not installed. Debian keeps them off PATH."""
    found = [
        *Path("/usr/lib/postgresql").glob("*/bin/initdb"),
        *map(Path, filter(None, [shutil.which("initdb")])),
    ]
    return found[0].parent if found else None


@contextmanager
def running_postgresql() -> Iterator[str]:
    """Yields the address for SQLAlchemy; server and data are gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix="patent-spark-postgresql-"))  # the user postgres must reach it
    bin_, port = programs(), free_port()
    assert bin_ is not None
    user = "postgres" if os.getuid() == 0 else None
    if user:
        shutil.chown(folder, user, user)
    data = folder / "data"
    listen = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"

    def call(program: str, *words: str | Path) -> None:
        subprocess.run(
            [bin_ / program, *words], user=user, group=user, cwd=folder, check=True, stdout=subprocess.DEVNULL
        )

    try:
        call("initdb", "-D", data, "-A", "trust", "-U", "mlflow", "--no-sync")
        call("pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", listen, "start")
        try:
            call("createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "mlflow", "mlflow")
            yield f"postgresql+psycopg2://mlflow@127.0.0.1:{port}/mlflow"
        finally:
            call("pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)
