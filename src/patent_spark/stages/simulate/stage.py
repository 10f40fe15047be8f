"""Stage simulate: make a release in the warehouse and, if source.path is set, put the same files there."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from pathlib import Path

from patent_spark.core.context import StageContext
from patent_spark.core.errors import DataError
from patent_spark.core.metadata import SimulateMetadata
from patent_spark.core.progress import say
from patent_spark.stages.simulate.generator import ReleaseGenerator


def run(context: StageContext) -> None:
    """Make the release. Raises DataError before any work if other files stand at source.path."""
    target = Path(context.config.source.path).absolute() if context.config.source.path else None
    if target:
        require_free(target)
    folder = context.draft.path("RELEASE")
    release = ReleaseGenerator(folder, context.config.simulate).generate()
    if target:
        put(folder, target)
        say(f"  the release is in {target}")
    context.record_metadata(
        SimulateMetadata(
            release_id=release.release_id,
            data_to_date=context.config.simulate.data_to_date,
            rows=release.rows,
            broken=dict(release.broken),
            generator_rates=release.bayes_rates.model_dump(),
        )
    )


def require_free(target: Path) -> None:
    """Raise DataError unless the folder is missing, empty, or holds a simulated release to be replaced."""
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return
    try:
        simulated = json.loads((target / "release.json").read_text())["source"] == "simulated"
    except (OSError, ValueError, KeyError, TypeError):
        simulated = False
    if not simulated:
        raise DataError(
            f"source.path = {target} holds files that are not a simulated release. They would be replaced. "
            "Name another folder, or set source.kind=folder to read them",
            setting="source.path",
            file=str(target),
        )


def put(folder: Path, target: Path) -> None:
    """Put the files of a folder at another place, by hard link or copy, and replace a folder that is there.

    Readers see the old folder, for a moment none, then the whole new one. After an error the old folder is
    back. A kill in that moment leaves the old one beside its place, as .<name>.<letters>.old.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex[:6]}")
    old = temporary.with_suffix(".old")
    try:
        temporary.mkdir()
        for file in sorted(folder.iterdir()):
            try:
                os.link(file, temporary / file.name)
            except OSError:  # another file system
                shutil.copyfile(file, temporary / file.name)
        if target.exists():
            target.rename(old)
        temporary.rename(target)
    except BaseException:
        if old.exists() and not target.exists():
            old.rename(target)
        raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    shutil.rmtree(old, ignore_errors=True)
