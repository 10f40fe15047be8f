"""Reusing the steps of the stage: outputs of an unchanged step are linked from the version before."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from patent_spark.config import digest, flatten
from patent_spark.core.code_version import code_digest
from patent_spark.core.context import StageContext
from patent_spark.core.manifest import Manifest
from patent_spark.core.metadata import EvaluateMetadata
from patent_spark.core.progress import say


@dataclass(frozen=True)
class Step:
    """One step: its module, the settings and stages it depends on, and what it writes."""

    name: str
    module: str
    settings: tuple[str, ...]
    reads: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass
class Steps:
    """The steps of one run of the stage."""

    context: StageContext
    keys: dict[str, str] = field(default_factory=dict)
    """Digest of all that a step depends on, by step: kept in the manifest."""

    def reuse(self, step: Step, after: Sequence[str] = ()) -> bool:
        """Link a step's outputs from the version before, if everything it depends on is unchanged.

        after: names of steps whose outputs it reads. With --force nothing is reused.
        """
        context = self.context
        key = self._key(step, after)
        self.keys[step.name] = key
        previous = context.store.manifest("evaluate")
        if previous is None or context.force or _keys_of(previous).get(step.name) != key:
            return False
        sources = [context.store.directory_in(previous, name) for name in step.outputs]
        if not all(source.is_dir() for source in sources):
            return False
        for source, name in zip(sources, step.outputs, strict=True):
            link_tree(source, context.draft.path(name))
        say(
            f"  evaluate: {', '.join(step.outputs)} reused from version {previous.version}: "
            "nothing they depend on changed"
        )
        return True

    def _key(self, step: Step, after: Sequence[str]) -> str:
        context = self.context
        values = flatten(context.config)
        manifests = {name: context.store.manifest(name) for name in step.reads}
        inputs = {name: manifest.version for name, manifest in manifests.items() if manifest is not None}
        settings = {name: values[name] for name in step.settings}
        code = code_digest(step.module)
        return digest([step.name, code, settings, inputs, [self.keys[name] for name in after]])


def _keys_of(manifest: Manifest) -> dict[str, str]:
    """Keys of the steps of a version; none of a version that an older program made."""
    metadata = manifest.metadata_if_readable(EvaluateMetadata)
    return metadata.steps if metadata else {}


def link_tree(source: Path, target: Path) -> None:
    """Hard links to all files of a folder in another one; copies where the file system has no links."""
    for path in sorted(source.rglob("*")):
        place = target / path.relative_to(source)
        if path.is_dir():
            place.mkdir(parents=True, exist_ok=True)
            continue
        try:
            os.link(path, place)
        except OSError:
            shutil.copy2(path, place)
