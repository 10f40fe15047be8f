"""A warehouse in a folder: renames publish, and the locks of the file system (flock) tell who is at work.

The system frees the locks of a process that ends, however it ends.
"""

from __future__ import annotations

import datetime
import fcntl
import json
import os
import shutil
import socket
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from patent_spark.core import old_versions
from patent_spark.core.files import write_json, write_text
from patent_spark.core.manifest import Manifest
from patent_spark.core.old_versions import MANIFEST, WRITER
from patent_spark.core.storage import ControlFile, HeldError, OldVersion, Storage


def local_storage(root: Path) -> Storage:
    """A warehouse in a folder."""
    return Storage(LocalControlFiles(root), LocalVersionFiles(root))


class LocalControlFiles:
    """See core/storage.py. Writers hold a lock, so none can have replaced what another one has read."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self, name: str) -> ControlFile | None:
        """As the interface says."""
        try:
            return ControlFile((self._root / name).read_text().strip(), tag="")
        except FileNotFoundError:
            return None

    def write(self, name: str, text: str) -> None:
        """As the interface says."""
        path = self._root / name
        try:
            write_text(path, text)
        except FileNotFoundError:  # the folder's first file
            path.parent.mkdir(parents=True, exist_ok=True)
            write_text(path, text)

    def replace(self, name: str, text: str, seen: ControlFile | None) -> None:
        """As `write`."""
        self.write(name, text)

    def remove(self, name: str) -> None:
        """As the interface says."""
        (self._root / name).unlink(missing_ok=True)

    def folders(self) -> list[str]:
        """As the interface says."""
        return [path.name for path in self._root.glob("*/")]

    def names(self, folder: str) -> list[str]:
        """As the interface says."""
        return sorted(path.name for path in (self._root / folder).glob("*") if path.is_file())

    @contextmanager
    def hold(self, name: str, *, wait: bool) -> Iterator[None]:
        """As the interface says. The file stays behind, with a note of its last holder."""
        path = self._root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError as error:
                holder = self._note(name)
                message = f"{path} is held by process {holder.get('process')}"
                raise HeldError(message, holder) from error
            file.truncate(0)
            file.write(json.dumps(this_process()))
            file.flush()
            yield

    def holder(self, name: str) -> dict[str, str]:
        """As the interface says. Of another host only the note is known, which its last holder left."""
        holder = self._note(name)
        here = holder.get("host") == socket.gethostname()
        ended = here and not Path(f"/proc/{holder.get('process')}").exists()
        return {} if ended else holder

    def _note(self, name: str) -> dict[str, str]:
        try:
            note = json.loads((self._root / name).read_text())
        except (OSError, ValueError):
            return {}  # it is just taking the lock
        return {field: str(value) for field, value in note.items()}


def this_process() -> dict[str, str]:
    """Process id, host and time, as a lock names its holder."""
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return {"process": str(os.getpid()), "host": socket.gethostname(), "since": now}


class LocalVersionFiles:
    """See core/storage.py. A writer holds the lock of `.writer` in its draft, a reader that of a manifest."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.address = folder, str(folder)

    def manifest(self, stage: str, version: str) -> Manifest:
        """As the interface says."""
        return Manifest.load(self._of(stage, version) / MANIFEST)

    def manifests(self, stage: str) -> list[Manifest]:
        """As the interface says."""
        return [Manifest.load(path) for path in (self.folder / stage).glob(f"*/{MANIFEST}")]

    def pin(self, stage: str, version: str) -> IO[bytes]:
        """As the interface says."""
        return old_versions.reader_lock(self._of(stage, version) / MANIFEST)

    def fetch(self, manifest: Manifest, name: str) -> Path:
        """As the interface says."""
        return self._of(manifest.stage, manifest.version) / name

    def addresses(self, manifest: Manifest, name: str) -> list[str]:
        """As the interface says."""
        files = sorted(path for path in self.fetch(manifest, name).rglob("*") if path.is_file())
        return [path.absolute().as_uri() for path in files]

    def size(self, stage: str, version: str = "") -> int:
        """As the interface says."""
        files = [path.stat() for path in self._of(stage, version).rglob("*") if path.is_file()]
        return sum({(file.st_dev, file.st_ino): file.st_size for file in files}.values())

    @contextmanager
    def draft(self, stage: str, version: str) -> Iterator[Path]:
        """As the interface says."""
        folder = self._of(stage, version)
        folder.mkdir(parents=True)
        with (folder / WRITER).open("w") as writer:
            fcntl.flock(writer, fcntl.LOCK_EX)  # held as long as this process lives, on whichever machine
            yield folder

    def complete(self, manifest: Manifest, folder: Path) -> Manifest:
        """As the interface says."""
        write_json(folder / MANIFEST, manifest.to_json())
        return manifest

    def finish(self, manifest: Manifest) -> None:
        """As the interface says."""
        (self._of(manifest.stage, manifest.version) / WRITER).unlink()

    def discard(self, stage: str, version: str) -> None:
        """As the interface says."""
        shutil.rmtree(self._of(stage, version), ignore_errors=True)

    def remove_abandoned(self, stage: str, used: Callable[[], Collection[str]]) -> None:
        """As the interface says: nobody holds the lock on its note."""
        for note in (self.folder / stage).glob(f"*/{WRITER}"):
            try:
                with note.open() as file:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                continue  # its writer lives, or has just finished
            if note.parent.name in used():  # ended between publishing and tidying up
                note.unlink(missing_ok=True)
            else:
                shutil.rmtree(note.parent, ignore_errors=True)

    def old_versions(self, stage: str, used: Collection[str], keep: int, days: float) -> list[OldVersion]:
        """As the interface says; what another version has, too, frees nothing."""
        folders = old_versions.old_versions(self.folder / stage, used, keep, days)
        return [OldVersion(stage, folder.name, old_versions.own_bytes(folder)) for folder in folders]

    def remove(self, version: OldVersion) -> bool:
        """As the interface says."""
        return old_versions.remove(self._of(version.stage, version.version))

    def _of(self, stage: str, version: str) -> Path:
        return self.folder / stage / version
