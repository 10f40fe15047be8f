"""Packs what the executors of a cluster need from this environment into an archive for `spark.archives`.

`etl` is what tasks of the ETL stages and of `score` import, `train` also what ranks import. Packages are
those of the environment that runs this, which `make setup` built from the lock file; Spark brings its own.
bin/python in the archive is a link to this machine's Python 3.11: executors must have it in the same place.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import sys
import sysconfig
import tarfile
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from isal import igzip
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOTS = {
    "etl": (
        "numpy",
        "pandas",
        "pyarrow",
        "pydantic",
        "PyYAML",
        "tqdm",
        "onnxruntime",
        "cloudpickle",
        "psutil",
    ),
    "train": ("horovod",),
}
"""Packages that are imported; what they require follows. `train` also has the extra train of setup.py."""

SPARKS_OWN = {"pyspark", "py4j"}
DISTRIBUTION = "patent_spark"
PYTHON = Path(sys.executable).resolve()
PACKAGES = f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"


def main() -> None:
    """Write build/env-<kind>.tar.gz unless it is there already, and print its path."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("kind", choices=sorted(ROOTS))
    parser.add_argument("--to", type=Path, default=Path(__file__).parents[1] / "build", help="folder")
    options = parser.parse_args()
    packages = packed_distributions(options.kind)
    stamp = hashlib.sha256(
        "\n".join([str(PYTHON), *(f"{each.name}=={each.version}" for each in packages)]).encode()
    ).hexdigest()
    archive = options.to / f"env-{options.kind}.tar.gz"
    packed = archive.with_suffix(".stamp")
    if not (archive.exists() and packed.exists() and packed.read_text() == stamp):
        options.to.mkdir(parents=True, exist_ok=True)
        pack(packages, archive)
        packed.write_text(stamp)
    print(archive)


def packed_distributions(kind: str) -> list[Distribution]:
    """The installed packages that an archive of this kind holds, by name."""
    names = set(ROOTS["etl"])
    if kind == "train":
        names |= set(ROOTS["train"]) | set(_required(distribution(DISTRIBUTION), {"train"}))
    found: dict[str, Distribution] = {}
    waiting = sorted(names)
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name in found or name in SPARKS_OWN:
            continue
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            sys.exit(f"pack_env: {name} is not installed in {sys.prefix}; run `make setup`")
        waiting += _required(found[name], set())
    return [found[name] for name in sorted(found)]


def _required(package: Distribution, extras: set[str]) -> Iterator[str]:
    """Names of what a package requires here, with some of its extras."""
    for text in package.requires or ():
        requirement = Requirement(text)
        if requirement.marker is None or any(
            requirement.marker.evaluate({"extra": extra}) for extra in extras or {""}
        ):
            yield requirement.name


def pack(packages: list[Distribution], archive: Path) -> None:
    """Write the archive under another name first, so that what has its name is whole."""
    part = archive.with_suffix(".part")
    with igzip.open(part, "wb", compresslevel=1) as stream, tarfile.open(fileobj=stream, mode="w|") as tar:
        _add_text(tar, "pyvenv.cfg", f"home = {PYTHON.parent}\ninclude-system-site-packages = false\n")
        _add_link(tar, "bin/python", str(PYTHON))
        for package in packages:
            for file in files_of(package):
                tar.add(str(file), f"{PACKAGES}/{file.relative_to(_site())}", recursive=False)
    part.replace(archive)


def files_of(package: Distribution) -> Iterator[Path]:
    """Files below site-packages. Scripts are left out: they name the interpreter of this environment."""
    for name in package.files or ():
        path = Path(str(name.locate()))
        if ".." not in name.parts and name.suffix != ".pyc" and path.is_file():
            yield path


def _site() -> Path:
    return Path(sysconfig.get_path("purelib"))


def _add_text(tar: tarfile.TarFile, name: str, text: str) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(text.encode()), 0o644
    tar.addfile(info, io.BytesIO(text.encode()))


def _add_link(tar: tarfile.TarFile, name: str, target: str) -> None:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = tarfile.SYMTYPE, target
    tar.addfile(info)


if __name__ == "__main__":
    main()
