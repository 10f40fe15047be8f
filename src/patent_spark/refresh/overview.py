"""The state of a warehouse: refresh, champions, tables, and what the next refresh would do.

It changes nothing and waits for nobody: where MLflow or the source does not answer, it says so.
"""

from __future__ import annotations

from patent_spark.config import Config, PatentSparkError
from patent_spark.core.metadata import IngestMetadata
from patent_spark.core.store import Store, open_store
from patent_spark.pipeline import STAGES, outdated, planned
from patent_spark.refresh.lock import living_holder
from patent_spark.refresh.overview_schema import Champion, NextCall, StageState, WarehouseStatus
from patent_spark.refresh.release import find_release, is_here
from patent_spark.refresh.run import is_new
from patent_spark.refresh.status import read_status
from patent_spark.tracking.registry import PROMOTED_AT, Registry
from patent_spark.tracking.server import has_runs


def warehouse_status(config: Config) -> WarehouseStatus:
    """Read it from manifests, the status file, MLflow and, for the next call, the source."""
    store = open_store(config.warehouse).pinned()
    ingest = store.manifest("ingest")
    read = ingest.metadata_if_readable(IngestMetadata) if ingest else None
    champions, problem = _champions(config)
    return WarehouseStatus(
        root=store.address,
        release_id=ingest.release_id if ingest else "",
        data_to_date=read.data_to_date if read else None,
        refresh=read_status(store.control),
        worker=living_holder(store.control),
        champions=champions,
        champions_problem=problem,
        stages=tuple(state for stage in STAGES if (state := _stage_state(store, stage))),
        candidates=store.pointers.candidates(),
        bytes=sum(store.size(stage) for stage in STAGES),
        next_call=next_call(config),
    )


def next_call(config: Config) -> NextCall:
    """What a refresh would do now; `problem` where that is not known."""
    try:
        release, status = find_release(config), read_status(open_store(config.warehouse).control)
        if not is_new(release, status, {}):
            return NextCall(release_id=release.id)
        stages, here = [stage.name for stage in planned(config)], is_here(config, release)
        runs = outdated(config, candidate=True) if here else stages
        return NextCall(
            release_id=release.id,
            new=True,
            fetches=not here,
            runs=(*runs, "register"),
            reuses=tuple(stage for stage in stages if stage not in runs),
        )
    except PatentSparkError as error:
        return NextCall(problem=str(error))


def _champions(config: Config) -> tuple[tuple[Champion, ...], str]:
    """The champion of each model of the configuration, or why they are not known."""
    if not has_runs(config):
        return tuple(Champion(model=model, address=None) for model in config.models), ""
    try:
        champions = {model: Registry(config, model).champion() for model in config.models}
    except PatentSparkError as error:
        return (), str(error)
    return tuple(
        Champion(
            model=model,
            address=version.address if version else None,
            release_id=version.tags.get("release_id", "") if version else "",
            promoted_at=version.tags.get(PROMOTED_AT, "") if version else "",
        )
        for model, version in champions.items()
    ), ""


def _stage_state(store: Store, stage: str) -> StageState | None:
    manifest = store.manifest(stage)
    if manifest is None:
        return None
    return StageState(
        stage=stage,
        version=manifest.version,
        created=manifest.created,
        release_id=manifest.release_id,
        tables=manifest.tables,
        bytes=store.size(stage, manifest.version),
        kept_versions=len(store.manifests(stage)),
    )
