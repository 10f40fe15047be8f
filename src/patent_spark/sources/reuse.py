"""Files of a release that an earlier download has already: published at the same moment, with the same size.

A release of which one file was corrected then costs one request, not one for each file.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from patent_spark.core.progress import say
from patent_spark.sources.local import RELEASE_FILE
from patent_spark.sources.release import Release, ReleaseFile
from patent_spark.sources.verify import checksums


def reuse_unchanged(downloads: Path, folder: Path, release: Release, missing: list[ReleaseFile]) -> None:
    """Put what earlier downloads of the same source have into the folder: by hard link, or as a copy."""
    for path in sorted(downloads.glob(f"*/{RELEASE_FILE}"), reverse=True):
        about = json.loads(path.read_text())
        if about.get("source") != release.source or path.parent == folder:
            continue
        for file in missing:
            old, known = path.parent / file.name, about["files"].get(file.name, {})
            if not (folder / file.name).exists() and _is_same(file, known) and _is_intact(old, known):
                _put(old, folder / file.name)
                say(f"  {file.name} did not change since {path.parent.name}")


def _is_same(file: ReleaseFile, known: dict[str, object]) -> bool:
    """Whether the source describes the file as it did then; a source without times never does."""
    return bool(file.released) and (file.released, file.size) == (known.get("released"), known.get("bytes"))


def _is_intact(path: Path, known: dict[str, object]) -> bool:
    return path.exists() and checksums(path)[0] == known.get("sha256")


def _put(old: Path, new: Path) -> None:
    temporary = new.with_name(f"{new.name}.part")
    for left in (temporary, new.with_name(f"{new.name}.part.json")):  # of a download that was cut
        left.unlink(missing_ok=True)
    try:
        os.link(old, temporary)
    except OSError:  # another file system, or one without links
        shutil.copyfile(old, temporary)
    temporary.replace(new)
