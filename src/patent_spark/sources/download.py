"""A whole release into a folder of its own: room checked first, file after file, release.json last."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from patent_spark.core.errors import WorkError
from patent_spark.core.files import write_json
from patent_spark.core.progress import Progress, say
from patent_spark.sources.http import Client
from patent_spark.sources.ledger import Ledger, fsync_folder
from patent_spark.sources.local import RELEASE_FILE
from patent_spark.sources.release import Release, ReleaseFile
from patent_spark.sources.reuse import reuse_unchanged
from patent_spark.sources.transfer import Transfer, part_of
from patent_spark.sources.verify import checksums


class Downloader:
    """Downloads releases of one kind of source below a folder. ledger: None when there is no budget."""

    def __init__(
        self, kind: str, folder: Path, client: Client, resumes: int, ledger: Ledger | None = None
    ) -> None:
        self._kind, self._folder, self._client = kind, folder, client
        self._resumes, self._ledger = resumes, ledger

    def fetch(self, release: Release) -> Path:
        """The folder of a release with all its files.

        Raises SourceError or WorkError before any request when the budget or the room is not enough, and
        DataError for a file that is not what the source describes.
        """
        folder = self._folder / release.id
        if is_complete(folder, release):
            say(f"  {release.id} is in {folder} already")
            return folder
        folder.mkdir(parents=True, exist_ok=True)
        with _only_download(self._folder):
            reuse_unchanged(self._folder, folder, release, missing_files(folder, release))
            missing = missing_files(folder, release)
            for file in missing if self._ledger else ():
                self._ledger.require(file.name)  # type: ignore[union-attr]
            self._require_room(folder, missing)
            with Progress(f"download {release.id}", total=release.size, unit="B") as bar:
                self._fetch_files(release, folder, missing, bar)
            write_json(folder / RELEASE_FILE, _description(self._kind, folder, release))
            fsync_folder(folder)
        return folder

    def _fetch_files(self, release: Release, folder: Path, missing: list[ReleaseFile], bar: Progress) -> None:
        bar.update(sum(_size(folder / file.name) for file in release.files if file not in missing))
        bar.update(sum(_size(part_of(folder / file.name)) for file in missing))
        for file in missing:
            transfer = Transfer(
                self._client, file, folder / file.name, self._charge_for(file, release), bar.update
            )
            transfer.run(self._resumes)

    def _charge_for(self, file: ReleaseFile, release: Release) -> Callable[[], None]:
        def charge() -> None:
            if self._ledger is not None:
                self._ledger.charge(file.name, release.id)

        return charge

    @staticmethod
    def _require_room(folder: Path, missing: list[ReleaseFile]) -> None:
        needed = sum((file.size or 0) - _size(part_of(folder / file.name)) for file in missing)
        free = shutil.disk_usage(folder).free
        if needed > free:
            raise WorkError(
                f"{folder} needs {needed / 1e6:,.1f} MB more, but its disk has {free / 1e6:,.1f} MB free; "
                "free some space or set source.downloads",
                setting="source.downloads",
                folder=str(folder),
            )


def is_complete(folder: Path, release: Release) -> bool:
    """Whether a folder has all files of a release, verified."""
    return (folder / RELEASE_FILE).exists() and not missing_files(folder, release)


def missing_files(folder: Path, release: Release) -> list[ReleaseFile]:
    """Files of a release that are not in a folder, or have another size. Only verified files are there."""
    return [
        file
        for file in release.files
        if not (folder / file.name).exists() or file.size not in (None, _size(folder / file.name))
    ]


def _description(kind: str, folder: Path, release: Release) -> Mapping[str, object]:
    """release.json: what ingest and `download --list` need to know. Equal for equal files."""
    files = {}
    for file in release.files:
        sha256, md5 = checksums(folder / file.name)
        files[file.name] = {
            "bytes": _size(folder / file.name), "sha256": sha256, "md5": md5, "released": file.released,
        }  # fmt: skip
    return {
        "release_id": release.id,
        "data_to_date": release.data_to_date and str(release.data_to_date),
        "released": release.released and str(release.released),
        "kind": kind,
        "source": release.source,
        "files": files,
    }


@contextmanager
def _only_download(folder: Path) -> Iterator[None]:
    """One download at a time below a folder; raises WorkError that names the process at work."""
    with (folder / ".lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            holder = json.loads(lock.read() or "{}").get("process", "unknown")
            raise WorkError(
                f"another download (process {holder}) is at work in {folder}", folder=str(folder)
            ) from error
        lock.truncate(0)
        lock.write(json.dumps({"process": os.getpid()}))
        lock.flush()
        yield


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
