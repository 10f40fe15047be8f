"""Parts of a stage's output that an earlier version has already: made of the same input, by the same code.

A part is some files of a version under a key, a digest of all that they depend on; `parts.json` in the folder
of each version lists its parts. A draft takes the files of an equal part by hard link, or as a copy.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field, JsonValue, ValidationError

from patent_spark.config import digest
from patent_spark.core.files import write_json
from patent_spark.core.metadata import Record
from patent_spark.core.storage import VersionFiles

if TYPE_CHECKING:
    from patent_spark.core.manifest import Manifest

PARTS = "parts.json"


class Part(Record):
    """Some files of a version."""

    table: str
    """The table or other output that it belongs to."""
    key: str
    """Digest of all that the files depend on."""
    files: tuple[str, ...]
    """Below the folder of the version; none for a part without rows."""
    facts: dict[str, JsonValue] = Field(default_factory=dict)
    """What else was found out while they were made."""


class PartList(Record):
    """parts.json."""

    parts: tuple[Part, ...]


class Reused(Record):
    """How much of a table an earlier version had already."""

    parts: int
    of: int
    """All parts of the table."""


class Parts:
    """The parts of a draft. Several threads may use them."""

    def __init__(
        self, draft: Path, files: VersionFiles, earlier: Mapping[str, tuple[Manifest, Part]]
    ) -> None:
        """earlier: version and part, by key."""
        self._draft, self._files, self._earlier = draft, files, earlier
        self._parts: dict[str, Part] = {}
        self._reused: set[str] = set()

    def reuse(self, table: str, depends_on: object) -> dict[str, JsonValue] | None:
        """Put the files of an equal part into the draft; returns its facts, or None if there is no such part.

        depends_on: plain values that name everything that the files depend on, code included.
        """
        key = _key(table, depends_on)
        if key not in self._earlier:
            return None
        version, part = self._earlier[key]
        files = {name: self._files.fetch(version, name) for name in part.files}
        if not all(path.is_file() for path in files.values()):
            return None
        for name, path in files.items():
            _put(path, self._draft / name)
        self._parts[key] = part
        self._reused.add(key)
        return part.facts

    def add(
        self,
        table: str,
        depends_on: object,
        files: Iterable[Path],
        facts: Mapping[str, JsonValue] | None = None,
    ) -> None:
        """Keep a part that was made anew. No file may change afterwards."""
        key = _key(table, depends_on)
        names = tuple(sorted(str(file.relative_to(self._draft)) for file in files))
        self._parts[key] = Part(table=table, key=key, files=names, facts=dict(facts or {}))

    def write(self) -> dict[str, Reused]:
        """Write parts.json; returns how much was reused, by table, of tables with a part that was."""
        parts = tuple(self._parts[key] for key in sorted(self._parts))
        if parts:
            write_json(self._draft / PARTS, PartList(parts=parts).to_json())
        counts = Counter(part.table for part in parts)
        reused = Counter(self._parts[key].table for key in self._reused)
        return {table: Reused(parts=reused[table], of=counts[table]) for table in sorted(reused)}


@contextmanager
def parts_of(draft: Path, files: VersionFiles, stage: str, *, anew: bool = False) -> Iterator[Parts]:
    """The parts of a draft, and those of the stage's versions, which stay until the block ends.

    anew: reuse nothing.
    """
    with ExitStack() as locks:
        earlier: dict[str, tuple[Manifest, Part]] = {}
        versions = [] if anew else files.manifests(stage)
        for version in sorted(versions, key=lambda each: each.version):
            try:
                locks.enter_context(files.pin(stage, version.version))
                parts = PartList.model_validate_json(files.fetch(version, PARTS).read_bytes()).parts
            except (FileNotFoundError, ValidationError):
                continue  # without parts, removed meanwhile, or of another version of the code
            earlier |= {part.key: (version, part) for part in parts}
        yield Parts(draft, files, earlier)


def _key(table: str, depends_on: object) -> str:
    return digest([table, depends_on])


def _put(old: Path, new: Path) -> None:
    new.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(old, new)
    except OSError:  # a file system without links
        shutil.copyfile(old, new)
