"""Stage simulate: a release in the warehouse and, when source.path is set, the same files there."""

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
from patent_spark.stages.simulate.generator import Maker


def run(context: StageContext) -> None:
    """Make the release; it is checked beforehand that nothing else stands at source.path."""
    target = Path(context.config.source.path).absolute() if context.config.source.path else None
    if target:
        require_free(target)
    folder = context.draft.path("RELEASE")
    about = Maker(folder, context.config.simulate).make()
    if target:
        put(folder, target)
        say(f"  the release is in {target}")
    context.record_metadata(
        SimulateMetadata(
            **{name: about[name] for name in ("release_id", "data_to_date", "rows", "broken")},
            generator_rates=about["bayes_rates"],
        )
    )


def require_free(target: Path) -> None:
    """Raise DataError unless the folder is missing, empty, or holds a simulated release, which is then replaced."""
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return
    try:
        simulated = json.loads((target / "release.json").read_text())["source"] == "simulated"
    except (OSError, ValueError, KeyError, TypeError):
        simulated = False
    if not simulated:
        raise DataError(
            f"source.path = {target} holds files that are not a simulated release, and they would be replaced; "
            "name another folder, or set source.kind=folder to read them"
        )


def put(folder: Path, target: Path) -> None:
    """Put the files of a folder at another place, by hard link or copy; a folder that stands there is replaced.

    Readers see the old folder, for a moment none, then the whole new one. On any error the old one is put back; it is
    removed when the new one stands. A kill in that moment leaves it beside its place, as .<name>.<letters>.old.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".{target.name}.{uuid.uuid4().hex[:6]}")
    old = aside.with_suffix(".old")
    try:
        aside.mkdir()
        for file in sorted(folder.iterdir()):
            try:
                os.link(file, aside / file.name)
            except OSError:  # another file system
                shutil.copyfile(file, aside / file.name)
        if target.exists():
            target.rename(old)
        aside.rename(target)
    except BaseException:
        if old.exists() and not target.exists():
            old.rename(target)
        raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    shutil.rmtree(old, ignore_errors=True)
