"""A refresh from release to status file, with stages that publish at once."""

import pytest

from patent_spark.config import load_config
from patent_spark.core.errors import DataError, GateError
from patent_spark.core.reuse import Reused
from patent_spark.core.store import Store
from patent_spark.pipeline import Done
from patent_spark.refresh import run as module
from patent_spark.refresh.plan import plan
from patent_spark.refresh.report_schema import GateResult
from patent_spark.refresh.run import Options, refresh
from patent_spark.refresh.status import read_history, read_status
from tests.support.errors import raises
from tests.support.factories import publish

NO = GateResult(gate="rows", subject="CPC", value=0.5, limit=0.95, at_least=True, passed=False, reason="few")
YES = NO.model_copy(update={"passed": True})


class Pipeline:
    """Stages that publish an empty version, the gates' results by stage, and what register refuses."""

    def __init__(self, root, monkeypatch):
        self.root, self.calls, self.gates, self.broken = root, [], {}, None
        self.champion, self.refused, self.reused = "models:/m/1", (), {}
        monkeypatch.setattr(module, "run_stage", self.run_stage)
        monkeypatch.setattr(module, "champions", lambda config: dict.fromkeys(config.models, self.champion))
        monkeypatch.setattr(module, "model_gates", lambda _, config: list(map(self.verdict, config.models)))
        monkeypatch.setattr(module._Refresh, "_gates_after", lambda _, stage: self.gates.get(stage, []))

    def run_stage(self, name, config, *, candidate, resume=False, accepted=None):
        assert candidate
        if name == self.broken:
            raise DataError("x is broken", file="x")
        self.calls.append(name)
        manifest = publish(Store(self.root, candidate=True), name, {})
        manifest = manifest.model_copy(update={"reused": self.reused.get(name, {})})
        if name == "register":
            if self.refused:
                raise GateError("it is worse")
            self.champion = "models:/m/2"
        return Done(manifest, skipped=False)

    def verdict(self, model):
        return GateResult(
            gate="champion", subject=model, value=None, limit=None, passed=model not in self.refused
        )


@pytest.fixture
def pipeline(tmp_path, monkeypatch):
    return Pipeline(tmp_path, monkeypatch)


def configured(root, **settings):
    sets = {"warehouse.root": root, "source.kind": "simulate"} | settings
    return load_config(sets=[f"{name}={value}" for name, value in sets.items()])[0]


STAGES = ["simulate", "ingest", "label", "quality", "split", "text", "shard", "train", "evaluate", "audit"]


def current(root):
    return set(Store(root).pointers.snapshot())


def test_a_release_that_passes_is_published_and_then_nothing_is_new(pipeline, tmp_path):
    record = refresh(configured(tmp_path), Options())
    assert pipeline.calls == [*STAGES, "register"]
    assert (record.verdict, record.exit_code) == ("promoted", 0)
    assert set(record.champions.values()) == {"models:/m/2"}
    assert current(tmp_path) == {*STAGES, "register"}
    assert refresh(configured(tmp_path), Options()) is None
    assert len(pipeline.calls) == 11
    later = configured(tmp_path, **{"simulate.data_to_date": "2020-01-07"})
    assert refresh(later, Options()).verdict == "promoted"
    assert {each.release_id[-10:] for each in read_history(Store(tmp_path).control)} == {
        "2025-09-30",
        "2020-01-07",
    }


def test_a_gate_that_says_no_keeps_everything_until_a_person_accepts_it(pipeline, tmp_path):
    pipeline.gates = {"quality": [NO, YES]}
    with raises(GateError, gates="rows"):
        refresh(configured(tmp_path), Options())
    assert pipeline.calls[-1] == "quality"
    assert current(tmp_path) == set()
    last = read_status(Store(tmp_path).control).last
    assert (last.verdict, last.exit_code, last.gates) == ("refused", 4, (NO, YES))
    assert refresh(configured(tmp_path), Options()) is None
    assert refresh(configured(tmp_path), Options(accepted={"holes": "known"})) is None
    record = refresh(configured(tmp_path), Options(accepted={"rows": "a table was cut on purpose"}))
    assert record.verdict == "promoted"
    assert record.gates[0].accepted == "a table was cut on purpose"


def test_no_model_of_a_release_passes(pipeline, tmp_path):
    pipeline.refused = ("technology", "citation_level")
    with raises(GateError):
        refresh(configured(tmp_path), Options())
    assert current(tmp_path) == set()
    assert read_status(Store(tmp_path).control).published is None


def test_one_model_of_two_passes(pipeline, tmp_path):
    pipeline.refused = ("technology",)
    with raises(GateError):
        refresh(configured(tmp_path), Options())
    status = read_status(Store(tmp_path).control)
    assert (status.last.verdict, status.last.exit_code) == ("partly_promoted", 4)
    assert status.published == status.last
    assert "train" in current(tmp_path)


def test_an_error_is_in_the_status_and_the_next_call_goes_on(pipeline, tmp_path):
    pipeline.broken = "label"
    with raises(DataError, file="x"):
        refresh(configured(tmp_path), Options())
    last = read_status(Store(tmp_path).control).last
    assert (last.verdict, last.exit_code, last.message) == ("failed", 3, "x is broken")
    pipeline.broken = None
    assert refresh(configured(tmp_path), Options()).verdict == "promoted"


def test_stages_can_run_in_calls_of_their_own(pipeline, tmp_path):
    first = refresh(configured(tmp_path), Options(through="label"))
    assert (first.verdict, pipeline.calls) == ("running", STAGES[:3])
    assert current(tmp_path) == set()
    assert refresh(configured(tmp_path), Options()).started == first.started
    assert len(read_history(Store(tmp_path).control)) == 1


def test_the_page_says_what_happened(pipeline, tmp_path):
    pipeline.gates = {"text": [NO]}
    with raises(GateError):
        refresh(configured(tmp_path), Options())
    page = (tmp_path / "refresh" / "refresh.html").read_text()
    for shown in ("refused", "rows", "CPC", "50.0 %", "95.0 %", "models:/m/1", "few"):
        assert shown in page


def test_what_was_taken_over_is_in_status_and_page(pipeline, tmp_path):
    pipeline.reused = {"ingest": {"CLAIMS": Reused(parts=49, of=50)}}
    refresh(configured(tmp_path), Options())
    reused = {
        stage.stage: stage.reused
        for stage in read_status(Store(tmp_path).control).last.stages
        if stage.reused
    }
    assert reused == pipeline.reused
    assert "CLAIMS 49 of 50 parts" in (tmp_path / "refresh" / "refresh.html").read_text()


def test_a_dry_run_names_what_would_run_and_does_nothing(pipeline, tmp_path):
    lines = plan(configured(tmp_path), Options(accepted={"rows": "known"})).splitlines()
    assert lines[1].split()[2:] == [f"{stage}," for stage in STAGES] + ["then", "register"]
    assert lines[-1].split() == ["accepted", "rows:", "known"]
    assert list(tmp_path.iterdir()) == []
    refresh(configured(tmp_path), Options())
    assert "nothing new" in plan(configured(tmp_path), Options())
