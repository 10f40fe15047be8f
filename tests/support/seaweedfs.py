"""A SeaweedFS server on loopback: a real S3 server, with credentials and conditional writes."""

from __future__ import annotations

import json
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from tests.support.object_server import BUCKET, KEYS

_UP_S = 60
_GRPC = 10_000
"""SeaweedFS also listens on each port plus this."""


@contextmanager
def seaweedfs(folder: Path) -> Iterator[str]:
    """The address of a server with an empty bucket; its data lie in the folder."""
    master, volume, filer, s3 = _free_ports(4)
    identity = {
        "name": "test",
        "credentials": [{"accessKey": KEYS["AWS_ACCESS_KEY_ID"], "secretKey": KEYS["AWS_SECRET_ACCESS_KEY"]}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    folder.mkdir()
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [
                Path(sys.executable).with_name("weed"), "server", "-s3", f"-dir={folder}",
                "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-s3.config={folder / 's3.json'}",
                f"-master.port={master}", f"-volume.port={volume}", f"-filer.port={filer}",
                f"-s3.port={s3}", "-master.volumeSizeLimitMB=64", "-volume.max=40",
                "-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false",
            ],
            stdout=log,
            stderr=log,
        )  # fmt: skip
    try:
        address = f"http://127.0.0.1:{s3}"
        _make_bucket(address, server)
        yield address
    finally:
        server.kill()
        server.wait()


def _make_bucket(address: str, server: subprocess.Popen[bytes]) -> None:
    """Make the bucket as soon as the server answers, and see that it takes an object."""
    client = boto3.client(
        "s3",
        endpoint_url=address,
        region_name="us-east-1",
        aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
    )
    end = time.monotonic() + _UP_S
    while True:
        try:
            if not client.list_buckets()["Buckets"]:
                client.create_bucket(Bucket=BUCKET)
            client.put_object(Bucket=BUCKET, Key="ready", Body=b"yes")
            return
        except (BotoCoreError, ClientError):
            if time.monotonic() > end or server.poll() is not None:
                raise
            time.sleep(0.5)


def _free_ports(count: int) -> list[int]:
    chosen: list[int] = []
    while len(chosen) < count:
        port = random.Random().randint(20_000, 50_000)
        if port not in chosen and _is_free(port) and _is_free(port + _GRPC):
            chosen.append(port)
    return chosen


def _is_free(port: int) -> bool:
    with socket.socket() as trial:
        try:
            trial.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
