"""The stages in order: their inputs, the settings they depend on, and how one is run, skipped or published.

Stages exchange tables only and do not import one another.
"""

from __future__ import annotations

import datetime
import importlib
import time
import zipfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

from patent_spark.config import Config, digest, flatten
from patent_spark.core.code_version import code_digest, code_version
from patent_spark.core.context import StageContext
from patent_spark.core.errors import DataError, GateError
from patent_spark.core.lineage import StageLineage
from patent_spark.core.log_lines import log_context
from patent_spark.core.manifest import Manifest
from patent_spark.core.metadata import IngestMetadata, SimulateMetadata, StageMetadata
from patent_spark.core.progress import say
from patent_spark.core.session import engine_name
from patent_spark.core.store import Draft, Store, open_store
from patent_spark.sources.local import release_folder
from patent_spark.tracking.openlineage import stage_events
from patent_spark.tracking.stage_metrics import log_stage


@dataclass(frozen=True)
class Stage:
    """One stage: its module, the stages it reads, and the sections of settings it depends on."""

    name: str
    module: str
    reads: tuple[str, ...]
    sections: tuple[str, ...]
    about: str
    outside: bool = False
    """It reads or changes state outside the warehouse: it decides itself whether there is work, and it is
    not part of `patent-spark run`."""
    self_contained: Callable[[Config], bool] = lambda config: False
    """With which settings it reads none of `reads`."""
    shows: tuple[str, ...] = ()
    """Stages whose metadata its report shows if they have run; it runs without them, too."""

    @property
    def code(self) -> str:
        """A digest of the code of this stage, its reports included."""
        return code_digest(self.module, presentation=True)

    def settings(self, config: Config) -> dict[str, JsonValue]:
        """The settings that this stage depends on, by `section.setting`."""
        return {
            name: value
            for name, value in flatten(config).items()
            if any(name == each or name.startswith(f"{each}.") for each in self.sections)
        }

    def run(self, context: StageContext) -> None:
        """Do the work. The module is imported here, so that the command line starts fast."""
        run: Callable[[StageContext], None] = importlib.import_module(self.module).run
        run(context)


_PER_TASK = ("technology", "citation_level", "tasks")
_MODEL_INPUTS = ("ingest", "label", "split", "text", "shard", "train")
_REGISTER_INPUTS = (*_MODEL_INPUTS, "evaluate", "audit")
_STAGES = (
    Stage(
        "simulate",
        "patent_spark.stages.simulate.stage",
        (),
        ("simulate", "source.path"),
        "make a release in PatentsView's format",
    ),
    Stage(
        "ingest",
        "patent_spark.stages.ingest.stage",
        ("simulate",),
        ("ingest", "release", "text.fields"),
        "zipped TSV to Parquet, bad rows to REJECTS",
    ),
    Stage(
        "label",
        "patent_spark.stages.label.stage",
        ("ingest",),
        ("label", "technology.level"),
        "citations within the horizon, level within the class",
    ),
    Stage(
        "quality",
        "patent_spark.stages.quality.stage",
        ("ingest", "label"),
        (),
        "data quality report",
    ),
    Stage(
        "split",
        "patent_spark.stages.split.stage",
        ("ingest", "label"),
        ("split", *_PER_TASK),
        "who trains and who tests",
    ),
    Stage(
        "text",
        "patent_spark.stages.text.stage",
        ("ingest", "split"),
        ("text",),
        "tokens, vocabulary, skip-gram vectors",
    ),
    Stage(
        "shard",
        "patent_spark.stages.shard.stage",
        ("ingest", "label", "split", "text"),
        ("shard", "model.features", *_PER_TASK),
        "examples as equal row groups",
    ),
    Stage(
        "train",
        "patent_spark.stages.train.stage",
        ("text", "shard"),
        ("model", "train", "tasks"),
        "LSTM on Horovod ranks",
    ),
    Stage(
        "evaluate",
        "patent_spark.stages.evaluate.stage",
        _MODEL_INPUTS,
        ("evaluate", "tasks", "audit.top1_auc"),
        "predictions, baselines, report",
        shows=("quality",),
    ),
    Stage(
        "audit",
        "patent_spark.stages.audit.stage",
        (*_MODEL_INPUTS, "evaluate"),
        ("audit", "tasks"),
        "checks that look for leaks",
    ),
    Stage(
        "register",
        "patent_spark.stages.register.stage",
        _REGISTER_INPUTS,
        ("register", "evaluate", "tasks"),
        "quality gate and model registry",
        outside=True,
    ),
    Stage(
        "index",
        "patent_spark.stages.index.stage",
        ("ingest", "label", "split", "text"),
        ("index",),
        "vectors of all patents, for `similar`",
        outside=True,
    ),
    Stage(
        "score",
        "patent_spark.stages.score.stage",
        ("ingest",),
        ("score", "tasks"),
        "a registered model's answers on many texts",
        outside=True,
        self_contained=lambda config: bool(config.score.input),
    ),
)
STAGES = {stage.name: stage for stage in _STAGES}
"""Every stage by name, in the order of a whole run."""


def planned(config: Config) -> list[Stage]:
    """The stages of a whole run, in order; a release that is already there is not simulated."""
    return [
        stage
        for stage in STAGES.values()
        if not stage.outside and (stage.name != "simulate" or config.source.kind == "simulate")
    ]


@dataclass(frozen=True)
class Done:
    """How one stage of a run ended."""

    manifest: Manifest
    skipped: bool


def run_stage(
    name: str,
    config: Config,
    *,
    force: bool = False,
    resume: bool = False,
    candidate: bool = False,
    accepted: Mapping[str, str] | None = None,
) -> Done:
    """Run one stage and publish its tables; skip it when inputs, settings and code did not change.

    candidate: read the candidates of earlier stages and publish a candidate (core/pointers.py).
    accepted: why a person accepts what a gate says against a model, by gate.

    Raises GateError, after publishing, when the stage rejected a model.
    """
    with log_context(stage=name):
        store = open_store(config.warehouse, candidate).pinned()
        return _run_stage(STAGES[name], config, store, force, resume, accepted)


def _run_stage(
    stage: Stage,
    config: Config,
    store: Store,
    force: bool,
    resume: bool,
    accepted: Mapping[str, str] | None,
) -> Done:
    inputs, settings, code = _inputs(stage, config, store), stage.settings(config), stage.code
    key = _key(stage, config, store, inputs)
    current = store.manifest(stage.name)
    if current is not None and current.key == key and not (force or stage.outside):
        return _skipped(current)
    started = time.monotonic()
    with (
        log_context(release_id=_release_id(None, store, inputs)),
        store.draft(stage.name) as draft,
        stage_events(store, _begun(stage, draft, key, inputs, config)) as events,
        ExitStack() as resources,
    ):
        say(f"{stage.name:9} {stage.about}")
        context = StageContext(config, store, draft, resources, force, code, resume, accepted)
        stage.run(context)
        resources.close()
        if current is not None and context.up_to_date:
            events.append(current)
            return _skipped(current)
        reused = context.write_parts()
        seconds = time.monotonic() - started
        manifest = draft.publish(
            key=key,
            release_id=_release_id(draft.metadata, store, inputs),
            settings=settings,
            inputs=inputs,
            seconds=seconds,
            code=code_version(),
            engine=engine_name(config.engine),
            reused=reused,
        )
        events.append(manifest)
    _say_done(manifest)
    log_stage(config, store, manifest)
    if context.refusal:
        raise GateError(context.refusal)
    return Done(manifest, skipped=False)


def _say_done(manifest: Manifest) -> None:
    rows = {table: size["rows"] for table, size in manifest.tables.items()}
    listed = ", ".join(f"{table} {number:,}" for table, number in rows.items())
    say(
        f"{manifest.stage:9} done in {manifest.seconds:.1f} s{': ' + listed if listed else ''}",
        release_id=manifest.release_id,
        version=manifest.version,
        seconds=manifest.seconds,
        rows=rows,
    )
    if manifest.reused:
        parts = ", ".join(f"{table} {each.parts:,} of {each.of:,}" for table, each in manifest.reused.items())
        say(f"{manifest.stage:9} parts taken over from earlier versions: {parts}")


def _begun(stage: Stage, draft: Draft, key: str, inputs: dict[str, str], config: Config) -> StageLineage:
    """What is known of a version before its work."""
    return StageLineage(
        stage=stage.name,
        version=draft.directory.name,
        key=key,
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        code=code_version(),
        engine=engine_name(config.engine),
        inputs=inputs,
        tables={},
    )


def outdated(config: Config, *, candidate: bool = False) -> list[str]:
    """The stages of a whole run that would not be skipped, in order."""
    store = open_store(config.warehouse, candidate).pinned()
    names: list[str] = []
    for stage in planned(config):
        current = store.manifest(stage.name)
        if current is None or set(stage.reads) & set(names):
            names.append(stage.name)
            continue
        inputs = _inputs(stage, config, store)
        if current.key != _key(stage, config, store, inputs):
            names.append(stage.name)
    return names


def _skipped(current: Manifest) -> Done:
    say(
        f"{current.stage:9} skipped: version {current.version} is up to date (--force redoes it)",
        release_id=current.release_id,
        version=current.version,
        skipped=True,
    )
    return Done(current, skipped=True)


def _inputs(stage: Stage, config: Config, store: Store) -> dict[str, str]:
    """The version of each stage that is read; for a release in a folder, a digest of its zips'
    directories."""
    inputs = {}
    for name in () if stage.self_contained(config) else stage.reads:
        if name == "simulate" and config.source.kind != "simulate":
            inputs["source"] = release_fingerprint(release_folder(config))
            continue
        upstream = store.manifest(name)
        if upstream is None:
            raise DataError(
                f"stage {stage.name} needs the output of stage {name}, which is missing in {store.address}; "
                f"run `patent-spark {name}` first",
                stage=name,
            )
        _require_current(upstream, store)
        inputs[name] = upstream.version
    return inputs


def _key(stage: Stage, config: Config, store: Store, inputs: dict[str, str]) -> str:
    """A digest of all that the stage's result depends on."""
    return digest([stage.name, stage.settings(config), inputs, _shown(stage, store), stage.code])


def _shown(stage: Stage, store: Store) -> dict[str, object]:
    """What the stage's report shows of other stages, as far as they have run."""
    manifests = {name: store.manifest(name) for name in stage.shows}
    return {name: manifest.metadata for name, manifest in manifests.items() if manifest is not None}


def _require_current(manifest: Manifest, store: Store) -> None:
    """A stage's inputs must descend from the current versions; otherwise ids would mean different words."""
    for name, read in manifest.inputs.items():
        current = store.manifest(name) if name in STAGES else None
        if current is not None and current.version != read:
            raise DataError(
                f"{manifest.stage} was made from version {read} of {name}, "
                f"but version {current.version} is current; "
                f"run `patent-spark {manifest.stage}` first, or `patent-spark run` for all stages",
                stage=manifest.stage,
                version=read,
                current=current.version,
            )


def release_fingerprint(folder: Path) -> str:
    """A digest of the names, sizes and checksums of a release's files.

    A file that is no zip counts with its size alone, as does a link that leads nowhere: ingest names it.
    """
    files: list[object] = []
    for file in sorted(folder.iterdir()):
        if file.suffix == ".zip":
            try:
                with zipfile.ZipFile(file) as archive:
                    files.append(
                        [file.name, [(member.filename, member.CRC) for member in archive.infolist()]]
                    )
            except (OSError, zipfile.BadZipFile):
                files.append([file.name, file.lstat().st_size])
        elif file.suffix == ".json":
            files.append([file.name, file.read_text(errors="replace")])
    return digest(files)


def _release_id(metadata: StageMetadata | None, store: Store, inputs: dict[str, str]) -> str:
    """The release that a stage worked on: its own when it read or made one, else that of its inputs."""
    if isinstance(metadata, SimulateMetadata | IngestMetadata):
        return metadata.release_id
    for name in inputs:
        upstream = store.manifest(name) if name in STAGES else None
        if upstream is not None:
            return upstream.release_id
    return ""
