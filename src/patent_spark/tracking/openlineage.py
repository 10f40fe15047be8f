"""OpenLineage events of stages, for a catalogue such as Marquez; sent only where OPENLINEAGE_URL is set.

A version of a stage is a run of the job `<namespace>.<stage>`; its run id follows from the warehouse and the
version, so an event that is sent again is the same one. The tables and other outputs of a stage are data
sets, named by their folder without the version, which is a facet. Failures are logged, not raised.
"""

from __future__ import annotations

import datetime
import os
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from patent_spark import __version__
from patent_spark.config import without_password
from patent_spark.core.errors import StoppedError
from patent_spark.core.lineage import Lineage, ReleaseLineage, StageLineage, release_lineage, stage_lineage
from patent_spark.core.manifest import Manifest
from patent_spark.core.progress import say
from patent_spark.core.schemas import STAGE_OF, TABLES
from patent_spark.core.store import Store

if TYPE_CHECKING:
    from openlineage.client.event_v2 import InputDataset, OutputDataset, RunEvent
    from openlineage.client.facet_v2 import DatasetFacet, RunFacet

_SWITCHES = ("OPENLINEAGE_URL", "OPENLINEAGE_CONFIG")
_LONGEST_MESSAGE = 1000
_GIVEN_UP: set[str] = set()
"""Receivers that did not take an event; the client waits for seconds each time."""


def is_wanted() -> bool:
    """Whether the environment names a receiver of events."""
    return bool(_receiver())


def _receiver() -> str:
    """What tells one receiver from another; empty without one."""
    return " ".join(filter(None, (os.environ.get(name) for name in _SWITCHES)))


class LineageEvents:
    """The events of stages of one warehouse.

    After the first one that cannot be sent, this process tries no more.
    """

    def __init__(self, address: str) -> None:
        """address: of the warehouse, a folder or s3://bucket/prefix."""
        self._address = address
        bucket, _, prefix = address.removeprefix("s3://").partition("/")
        self._place = (f"s3://{bucket}", prefix) if "://" in address else ("file", address)
        """Namespace and name of a data set, as OpenLineage wants them."""

    def send(
        self,
        kind: str,
        stage: StageLineage,
        read: Mapping[str, StageLineage],
        release: ReleaseLineage | None = None,
        error: BaseException | None = None,
    ) -> None:
        """Send one event of a version of a stage.

        kind: START, COMPLETE, FAIL or ABORT. read: the versions of earlier stages, by stage. release: what
        ingest read.
        """
        receiver = _receiver()
        if not receiver or receiver in _GIVEN_UP:
            return
        try:
            from openlineage.client.client import OpenLineageClient

            OpenLineageClient().emit(self._event(kind, stage, read, release, error))
        except Exception as failure:
            _GIVEN_UP.add(receiver)
            reason = without_password(f"{type(failure).__name__}: {failure}")
            if isinstance(failure, ImportError):
                reason = "install patent_spark[lineage]"
            say(f"  OpenLineage events cannot be sent ({reason}); the work goes on without them")

    def send_all(self, lineage: Lineage) -> None:
        """Send the COMPLETE event of each stage of a lineage."""
        known = {stage.stage: stage for stage in lineage.stages}
        for stage in lineage.stages:
            self.send("COMPLETE", stage, known, lineage.release if stage.stage == "ingest" else None)

    def _event(
        self,
        kind: str,
        stage: StageLineage,
        read: Mapping[str, StageLineage],
        release: ReleaseLineage | None,
        error: BaseException | None,
    ) -> RunEvent:
        from openlineage.client.event_v2 import Job, Run, RunEvent, RunState
        from openlineage.client.facet_v2 import error_message_run, processing_engine_run

        engine = processing_engine_run.ProcessingEngineRunFacet(stage.code, stage.engine)
        facets: dict[str, RunFacet] = {"processing_engine": engine}
        if error is not None:
            text = f"{type(error).__name__}: {error}"[:_LONGEST_MESSAGE]
            facets["errorMessage"] = error_message_run.ErrorMessageRunFacet(text, "Python")
        namespace = os.environ.get("OPENLINEAGE_NAMESPACE", "patent_spark")
        done = kind == "COMPLETE"
        return RunEvent(
            eventType=RunState[kind],
            eventTime=stage.created if done else datetime.datetime.now(datetime.UTC).isoformat(),
            run=Run(str(run_id(self._address, stage)), facets),
            job=Job(namespace, f"{namespace}.{stage.stage}"),
            inputs=[*self._inputs(stage, read), *_files(release)],
            outputs=self._outputs(stage) if done else [],
            producer=f"urn:patent_spark:{__version__}",
        )

    def _inputs(self, stage: StageLineage, read: Mapping[str, StageLineage]) -> Iterable[InputDataset]:
        from openlineage.client.event_v2 import InputDataset

        for name in stage.inputs:
            if name in read:
                for output in _outputs_of(read[name]):
                    yield InputDataset(*self._data_set(name, output), facets=_version(read[name].version))

    def _outputs(self, stage: StageLineage) -> list[OutputDataset]:
        from openlineage.client.event_v2 import OutputDataset
        from openlineage.client.facet_v2 import output_statistics_output_dataset as statistics

        return [
            OutputDataset(
                *self._data_set(stage.stage, name),
                {"outputStatistics": statistics.OutputStatisticsOutputDatasetFacet(
                    size["rows"], size["bytes"], size["files"]
                )} if (size := stage.tables.get(name)) else {},
                facets=_version(stage.version),
            )
            for name in _outputs_of(stage)
        ]  # fmt: skip

    def _data_set(self, stage: str, output: str) -> tuple[str, str]:
        namespace, root = self._place
        return namespace, f"{root}/{stage}/{output}"


def run_id(address: str, stage: StageLineage) -> uuid.UUID:
    """The id of a version of a stage in OpenLineage."""
    root = address if "://" in address else f"file://{address}"
    return uuid.uuid5(uuid.NAMESPACE_URL, f"{root}/{stage.stage}/{stage.version}")


@contextmanager
def stage_events(store: Store, begun: StageLineage) -> Iterator[list[Manifest]]:
    """Send START, and COMPLETE, FAIL or ABORT with the block, which puts its manifest into the list."""
    done: list[Manifest] = []
    if not is_wanted():
        yield done
        return
    events = LineageEvents(store.address)
    read = {name: stage_lineage(each) for name in begun.inputs if (each := store.manifest(name))}
    events.send("START", begun, read)
    try:
        yield done
    except BaseException as error:
        stopped = isinstance(error, KeyboardInterrupt | StoppedError)
        events.send("ABORT" if stopped else "FAIL", begun, read, error=error)
        raise
    for manifest in done:
        events.send("COMPLETE", stage_lineage(manifest), read, release_lineage(manifest))


def _outputs_of(stage: StageLineage) -> list[str]:
    """Tables, and what else the stage makes."""
    others = [name for name, made_by in STAGE_OF.items() if made_by == stage.stage and name not in TABLES]
    return [*stage.tables, *others]


def _files(release: ReleaseLineage | None) -> Iterable[InputDataset]:
    from openlineage.client.event_v2 import InputDataset

    for name, file in (release.files if release else {}).items():
        place = f"{release.folder}/{name}" if release else name
        yield InputDataset("file", place, facets=_version(f"sha256:{file.sha256}"))


def _version(version: str) -> dict[str, DatasetFacet]:
    from openlineage.client.facet_v2 import dataset_version_dataset

    return {"version": dataset_version_dataset.DatasetVersionDatasetFacet(version)}
