"""A refresh: every stage on a new release, as candidates that nobody reads until all gates have passed.

A refresh that was killed goes on where it was: stages that are done are skipped, a training goes on from its
checkpoint, and what was published stays published.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from patent_spark.config import Config
from patent_spark.core.errors import GateError
from patent_spark.core.metadata import IngestMetadata
from patent_spark.core.store import Store, open_store
from patent_spark.pipeline import Done, planned, run_stage
from patent_spark.refresh.gates import accepted, release_gates, vocabulary_gate
from patent_spark.refresh.lock import refresh_lock
from patent_spark.refresh.messages import gate_message
from patent_spark.refresh.models import champions, model_gates
from patent_spark.refresh.notify import notify
from patent_spark.refresh.release import FoundRelease, fetched, find_release
from patent_spark.refresh.report import write_page
from patent_spark.refresh.report_schema import GateResult, RefreshRecord, RefreshStatus, StageRun, Verdict
from patent_spark.refresh.status import read_status, utc_now, write_status
from patent_spark.stages.quality.release_diff import JSON
from patent_spark.stages.quality.report_schema import QualityReport


@dataclass(frozen=True)
class Options:
    """How a refresh is called."""

    force: bool = False
    """Also with a release that was refused or published before."""
    accepted: Mapping[str, str] = field(default_factory=dict)
    """Why a person accepts a gate that says no, by gate."""
    through: str = ""
    """Stop after this stage; a later call goes on. Empty: to the end."""


def refresh(config: Config, options: Options) -> RefreshRecord | None:
    """Make the newest release the published one, or keep everything; None when there is no new release.

    Raises GateError when a gate said no, WorkError while another refresh runs, and what a stage raises.
    Status file, page and notifications say how it ended.
    """
    files = open_store(config.warehouse).control
    with refresh_lock(files):
        release = find_release(config)
        status = read_status(files)
        if not (options.force or is_new(release, status, options.accepted)):
            status = status.model_copy(update={"checked": utc_now()})
            write_status(files, status)
            notify(config, status, nothing_new=True)
            return None
        return _Refresh(config, options, release, status).run()


def is_new(release: FoundRelease, status: RefreshStatus, reasons: Mapping[str, str]) -> bool:
    """Whether a release is worth a refresh: not published yet, and not refused, unless a person now accepts
    the gates that refused it."""
    last = status.last
    if last is None or last.fingerprint != release.fingerprint or last.verdict in ("running", "failed"):
        return True
    return any(gate.stops and gate.gate in reasons for gate in last.gates)


def _started(status: RefreshStatus, release: FoundRelease) -> str:
    """When the refresh of this release that has not ended began; empty: there is none."""
    last = status.last
    unfinished = last and last.verdict == "running" and last.fingerprint == release.fingerprint
    return last.started if last and unfinished else ""


class _Refresh:
    """One refresh, and its record so far, which the status file has after every step."""

    def __init__(
        self, config: Config, options: Options, release: FoundRelease, status: RefreshStatus
    ) -> None:
        self._config, self._options, self._release, self._status = config, options, release, status
        store = open_store(config.warehouse)
        self._files, self._pointers = store.control, store.pointers
        self._current = store.pinned()
        """What was published before."""
        self._record = RefreshRecord(
            release_id=release.id,
            fingerprint=release.fingerprint,
            started=_started(status, release) or utc_now(),
            champions_before=champions(config),
        )

    def run(self) -> RefreshRecord:
        """Run, publish and report; raises what ended it."""
        self._update()
        try:
            config = fetched(self._config, self._release)
            if not self._run_stages(config):
                return self._record
            refusal = self._publish(config)
        except Exception as error:
            refused = isinstance(error, GateError)
            self._close("refused" if refused else "failed", error)
            raise
        self._close("partly_promoted" if refusal else "promoted", refusal)
        if refusal:
            raise refusal
        return self._record

    def _run_stages(self, config: Config) -> bool:
        """The stages and their gates, as far as the options say; returns whether all are done."""
        for stage in planned(config):
            self._add(run_stage(stage.name, config, resume=True, candidate=True))
            self._ask(self._gates_after(stage.name))
            if stage.name == self._options.through:
                return False
        return True

    def _publish(self, config: Config) -> GateError | None:
        """Register the models, then publish the candidates; returns what refused some of the models."""
        refusal = self._register(config)
        self._pointers.publish_candidates()
        return refusal

    def _candidates(self) -> Store:
        return open_store(self._config.warehouse, True)

    def _gates_after(self, stage: str) -> list[GateResult]:
        candidate, current, limits = self._candidates(), self._current, self._config.refresh
        known = current.manifest(stage) is not None
        if stage == "quality":
            report = candidate.read_record(QualityReport, "QUALITY", JSON)
            before = current.read_record(QualityReport, "QUALITY", JSON) if known else None
            return release_gates(report, before, candidate.metadata(IngestMetadata), limits)
        if stage == "text" and known:
            words, before_words = candidate.read_arrow("VOCABULARY"), current.read_arrow("VOCABULARY")
            return vocabulary_gate(words, before_words, limits.max_new_words)
        return []

    def _ask(self, results: list[GateResult]) -> None:
        """Keep the results of some gates; raises GateError when one stops the refresh."""
        results = accepted(results, self._options.accepted)
        self._update(gates=(*self._record.gates, *results))
        if stopping := [result for result in results if result.stops]:
            raise self._refusal(stopping, "; ".join(map(gate_message, stopping)))

    def _register(self, config: Config) -> GateError | None:
        """Register the models that pass; returns what refused some, and raises when it refused all."""
        refusal = None
        try:
            self._add(run_stage("register", config, candidate=True, accepted=self._options.accepted))
        except GateError as error:
            refusal = error
        results = model_gates(self._candidates(), config)
        self._update(gates=(*self._record.gates, *results))
        stopping = [result for result in results if result.stops]
        if refusal and {result.subject for result in stopping} == set(config.models):
            raise self._refusal(stopping, str(refusal))
        return refusal

    def _refusal(self, stopping: list[GateResult], reasons: str) -> GateError:
        return GateError(
            f"release {self._release.id} is not published: {reasons}",
            gates=", ".join(sorted({result.gate for result in stopping})),
        )

    def _add(self, done: Done) -> None:
        manifest = done.manifest
        run = StageRun(
            stage=manifest.stage,
            version=manifest.version,
            skipped=done.skipped,
            seconds=manifest.seconds,
            rows={table: size["rows"] for table, size in manifest.tables.items()},
            reused=manifest.reused,
        )
        self._update(stages=(*self._record.stages, run))

    def _close(self, verdict: Verdict, error: Exception | None) -> None:
        """The last record of this refresh: status file, page, notifications."""
        self._update(
            verdict=verdict,
            finished=utc_now(),
            champions=champions(self._config) if verdict != "failed" else {},
            message=str(error or ""),
            exit_code=getattr(error, "exit_code", 1) if error else 0,
        )
        write_page(self._files, self._status)
        notify(self._config, self._status)

    def _update(self, **values: object) -> None:
        self._record = self._record.model_copy(update=values)
        published = self._record if self._record.publishes else self._status.published
        self._status = RefreshStatus(checked=utc_now(), last=self._record, published=published)
        write_status(self._files, self._status)
