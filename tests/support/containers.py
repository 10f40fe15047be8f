"""Images and containers with Debian's buildah, podman and runc.

They are kept below build/, or in the store of CONTAINERS_STORAGE_CONF.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

T = TypeVar("T")

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "build" / "containers"
IMAGES = ROOT / "deploy" / "images"
BASE = "localhost/debian:bookworm-slim"
"""What `FROM debian:bookworm-slim` finds without asking a registry."""

PROGRAMS = ("buildah", "podman", "runc", "mmdebstrap")
TOOLS = FOLDER / "tools" / "bin"
"""hadolint and podman-compose, which `make test-images` installs."""

# As root in a container or a small virtual machine: no limits to raise, no systemd, hybrid control groups.
_SETTINGS = """[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[network]
network_backend = "netavark"
"""
_STORE = """[storage]
driver = "overlay"
graphroot = "{folder}/images"
runroot = "{folder}/running"
"""


def missing() -> str:
    """Why containers cannot be built and run here; empty: they can."""
    lacking = [name for name in PROGRAMS if not shutil.which(name)]
    if lacking:
        return f"missing: {', '.join(lacking)} (Debian: apt-get install {' '.join(lacking)})"
    return "" if os.getuid() == 0 else "building images needs root here"


def built_by(target: str) -> Callable[[T], T]:
    """Marks a test that builds and runs images, as `make <target>` does."""
    marks = (
        pytest.mark.slow,
        pytest.mark.timeout(3000),
        pytest.mark.skipif(bool(missing()), reason=missing()),
        pytest.mark.skipif(not TOOLS.exists(), reason=f"run `make {target}`"),
    )

    def marked(test: T) -> T:
        for mark in marks:
            test = mark(test)
        return test

    return marked


def environment() -> dict[str, str]:
    """For every call of buildah and podman."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    settings = {"containers.conf": _SETTINGS, "storage.conf": _STORE.format(folder=FOLDER)}
    for name, text in settings.items():
        (FOLDER / name).write_text(text)
    return os.environ | {
        "CONTAINERS_CONF": str(FOLDER / "containers.conf"),
        "CONTAINERS_STORAGE_CONF": os.environ.get("CONTAINERS_STORAGE_CONF", str(FOLDER / "storage.conf")),
        "BUILDAH_FORMAT": "docker",  # that of OCI knows no HEALTHCHECK
    }


def call(*words: str | Path, seconds: float = 1200, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a program; a failure shows the end of its output."""
    done = subprocess.run(
        [str(word) for word in words],
        env=environment(),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=seconds,
    )
    assert not check or done.returncode == 0, f"{words[:2]}: {done.stdout[-2000:]}\n{done.stderr[-3000:]}"
    return done


def make_base() -> None:
    """Debian without extras under the name that the images begin with, made once."""
    if call("podman", "image", "exists", BASE, check=False).returncode == 0:
        return
    root = FOLDER / "base.tar"
    call("mmdebstrap", "--variant=minbase", "bookworm", root)
    call("podman", "import", root, BASE)
    root.unlink()


def build(file: Path, tag: str, *options: str) -> float:
    """Build an image of the checkout, from layers that are there; returns the seconds that it took."""
    make_base()
    begun = time.monotonic()
    certificates = os.environ.get("SSL_CERT_FILE")  # of a proxy before the package index
    secret = ["--secret", f"id=ca,src={certificates}"] if certificates else []
    how = ["--layers", "--force-rm", "--pull=never", "--isolation", "chroot", "--network", "host"]
    call("buildah", "bud", "-q", *how, *secret, *options, "-f", file, "-t", tag, ".")
    return time.monotonic() - begun
