"""The stage on both engines: each patent once, the digits of a single answer, what a killed run keeps."""

import csv

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from patent_spark.config import load_config
from patent_spark.core.errors import DataError, WorkError
from patent_spark.core.metadata import ScoreMetadata
from patent_spark.core.schemas import SCORES
from patent_spark.inference.model_source import open_models
from patent_spark.inference.prediction.documents import Document
from patent_spark.inference.prediction.predictor import Predictor
from patent_spark.inference.prediction.scoring import shown
from patent_spark.stages.score import stage
from tests.support.errors import raises
from tests.support.small_package import small_package
from tests.support.texts_to_score import (
    RELEASE,
    WITHDRAWN,
    WITHOUT_WORDS,
    alone,
    patents,
    publish_patents,
    score,
    scores_of,
)

pytestmark = pytest.mark.engine
TASKS = ("technology", "citation_level")


@pytest.fixture(scope="module")
def scored(tmp_path_factory, engine, package):
    """A warehouse whose patents are scored, and its patents."""
    rows = patents()
    store = publish_patents(tmp_path_factory.mktemp("scored"), rows)
    score(store, engine, package)
    return store, rows


@pytest.fixture
def written(monkeypatch):
    """The folders that the engine filled; those of the numbers in `failing` are filled, and fail then."""
    places, write = [], stage.write_parquet

    def counting(frame, place):
        write(frame, place)
        places.append(place)
        if len(places) in counting.failing:
            raise RuntimeError("the machine is gone")

    counting.failing = set()
    counting.places = places
    monkeypatch.setattr(stage, "write_parquet", counting)
    return counting


@pytest.mark.parametrize("task", TASKS)
def test_each_standing_patent_has_the_digits_of_a_single_answer(scored, package, task):
    store, rows = scored
    found = scores_of(store, task)
    assert found.keys() == {row["patent_id"] for row in rows} - {WITHDRAWN}
    for row in rows:
        if row["patent_id"] in (WITHDRAWN, WITHOUT_WORDS):
            continue
        labels, probabilities = alone(package, task, row)
        one = found[row["patent_id"]]
        assert one["top_labels"] == labels and one["top_probabilities"] == probabilities
        assert (one["label"], one["probability"]) == (labels[0], probabilities[0])
    assert found[WITHOUT_WORDS]["label"] is None


def test_predict_shows_the_same_digits(scored, package):
    store, rows = scored
    asked = [row for row in rows if row["patent_id"] not in (WITHDRAWN, WITHOUT_WORDS)]
    models = open_models(load_config()[0], str(package.folder))
    documents = [Document(row["title"] or "", row["abstract"] or "", row["patent_id"]) for row in asked]
    classes, levels = (scores_of(store, task) for task in TASKS)
    for answer in Predictor(models).predict(documents):
        mine, its = classes[answer.id], answer.technology.classes
        assert mine["top_labels"] == [each.label for each in its]
        assert [shown(each) for each in mine["top_probabilities"]] == [each.probability for each in its]
        mine, its = levels[answer.id], answer.citation_level.levels
        assert [shown(each) for each in mine["level_probabilities"]] == [each.probability for each in its]


def test_each_row_says_which_model_answered(scored, package):
    store, _ = scored
    rows = store.read_arrow("SCORES").to_pylist()
    named = {(row["model_name"], row["model_version"], row["model_identity"]) for row in rows}
    assert named == {(str(package.folder), "", package.identity)}
    assert {(row["model_release_id"], row["release_id"], row["row"]) for row in rows} == {
        ("small", RELEASE, None)
    }


def test_the_manifest_tells_what_was_scored(scored, package):
    store, rows = scored
    manifest = store.manifest("score")
    record = manifest.metadata_as(ScoreMetadata)
    assert record.input == "" and record.partitions > 2
    assert manifest.tables["SCORES"]["rows"] == 2 * (len(rows) - 1)
    assert manifest.release_id == RELEASE
    for task in TASKS:
        told = record.tasks[task]
        assert (told.rows, told.without_label, told.too_short) == (len(rows) - 1, 1, 1)
        assert told.model_identity == package.identity


def test_engines_read_it_as_a_partitioned_table(scored, session):
    store, rows = scored
    frame = store.read(session, "SCORES")
    assert [field.name for field in frame.schema] == SCORES.schema.fieldNames()
    counts = {(row["task"], row["count"]) for row in frame.groupBy("task").count().collect()}
    assert counts == {(task, len(rows) - 1) for task in TASKS}
    one = frame.where("task = 'technology' and partition = 1").select("patent_key").collect()
    inside = store.read_arrow("SCORES")
    assert sorted(row["patent_key"] for row in one) == sorted(
        row["patent_key"]
        for row in inside.to_pylist()
        if row["task"] == "technology" and row["partition"] == 1
    )


def test_grant_years_choose_patents(store, rows, engine, package):
    score(store, engine, package, "score.from_year=1995", "score.until_year=1999", "tasks=technology")
    expected = {row["patent_id"] for row in rows if 1995 <= row["year"] <= 1999} - {WITHDRAWN}
    assert scores_of(store, "technology").keys() == expected
    assert not scores_of(store, "citation_level")


def test_no_patent_of_those_years_is_an_error(store, engine, package):
    with raises(DataError, table="PATENTS"):
        score(store, engine, package, "score.from_year=2090")


def test_a_failed_run_goes_on_with_what_is_missing(store, engine, package, written, scored):
    written.failing = {4}
    with pytest.raises(RuntimeError, match="the machine is gone"):
        score(store, engine, package)
    assert store.manifest("score") is None, "half of the answers are published"
    before = len(written.places)
    record = score(store, engine, package).metadata_as(ScoreMetadata)
    assert len(written.places) - before == 2 * record.partitions - 3
    assert scores_of(store, "technology") == scores_of(scored[0], "technology")
    assert scores_of(store, "citation_level") == scores_of(scored[0], "citation_level")
    assert not list((store.root / "score" / "unfinished").iterdir())


def test_a_partition_with_a_row_twice_is_not_kept(store, engine, package, monkeypatch):
    write = stage.write_parquet
    monkeypatch.setattr(stage, "write_parquet", lambda frame, place: write(frame.unionByName(frame), place))
    with raises(WorkError, task="technology", partition=0):
        score(store, engine, package)
    assert store.manifest("score") is None
    monkeypatch.setattr(stage, "write_parquet", write)
    score(store, engine, package, "tasks=technology")
    assert scores_of(store, "technology")


def test_another_model_starts_anew(store, engine, package, written, tmp_path):
    written.failing = {2}
    with pytest.raises(RuntimeError, match="the machine is gone"):
        score(store, engine, package, "tasks=technology")
    other = small_package(tmp_path / "other", ("technology",), seed=2)
    before = len(written.places)
    record = score(store, engine, other, "tasks=technology").metadata_as(ScoreMetadata)
    assert len(written.places) - before == record.partitions
    assert {row["model_identity"] for row in scores_of(store, "technology").values()} == {other.identity}


def test_another_input_starts_anew(store, rows, engine, package, written):
    written.failing = {2}
    with pytest.raises(RuntimeError, match="the machine is gone"):
        score(store, engine, package, "tasks=technology")
    publish_patents(store.root, rows[:-5])
    before = len(written.places)
    record = score(store, engine, package, "tasks=technology").metadata_as(ScoreMetadata)
    assert len(written.places) - before == record.partitions
    assert len(scores_of(store, "technology")) == len(rows) - 5 - 1


def test_what_is_there_is_not_done_again(scored, engine, package, written, capsys):
    store, _ = scored
    version = store.manifest("score").version
    assert score(store, engine, package).version == version
    assert not written.places and "skipped" in capsys.readouterr().err


def with_columns(rows, path):
    """The patents as a CSV or Parquet file; null becomes empty in CSV."""
    columns = ("patent_id", "title", "abstract")
    if path.suffix == ".csv":
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, columns, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)
    else:
        pq.write_table(pa.Table.from_pylist([{name: row[name] for name in columns} for row in rows]), path)
    return path


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_files_get_the_answers_of_the_warehouse(scored, tmp_path, engine, package, ending):
    store, rows = scored
    files = tmp_path / "texts"
    files.mkdir()
    with_columns(rows[:33], files / f"a.{ending}")
    with_columns(rows[33:], files / f"b.{ending}")
    alone_in = publish_patents(tmp_path / "other", [])
    manifest = score(alone_in, engine, package, f"score.input={files}")
    assert manifest.inputs == {}
    own = ("row", "release_id", "partition")
    for task in TASKS:
        expected, found = scores_of(store, task), scores_of(alone_in, task)
        assert [found[row["patent_id"]]["row"] for row in rows] == list(range(len(rows)))
        assert {row["release_id"] for row in found.values()} == {None}
        assert found.pop(WITHDRAWN)["label"]
        assert {
            patent: {name: value for name, value in row.items() if name not in own}
            for patent, row in found.items()
        } == {
            patent: {name: value for name, value in row.items() if name not in own}
            for patent, row in expected.items()
        }


def test_an_id_of_another_form_and_one_that_stands_twice(tmp_path, engine, package):
    rows = [{"patent_id": each, "title": "pump", "abstract": ""} for each in ("US-9,000,001-B2", "x", "x")]
    path = with_columns(rows, tmp_path / "new.csv")
    store = publish_patents(tmp_path / "warehouse", [])
    score(store, engine, package, f"score.input={path}", "tasks=technology")
    found = sorted(store.read_arrow("SCORES").to_pylist(), key=lambda row: row["row"])
    assert [(row["row"], row["patent_id"], row["patent_key"]) for row in found] == [
        (0, "US-9,000,001-B2", 9000001),
        (1, "x", None),
        (2, "x", None),
    ]


def test_changed_content_of_a_file_is_scored_anew(tmp_path, rows, engine, package, written):
    path = with_columns(rows, tmp_path / "new.csv")
    store = publish_patents(tmp_path / "warehouse", [])
    sets = (f"score.input={path}", "tasks=technology")
    score(store, engine, package, *sets)
    before = len(written.places)
    rows[0]["title"] = rows[0]["title"].swapcase()  # the same size
    with_columns(rows, path)
    score(store, engine, package, *sets)
    assert len(written.places) == 2 * before


def test_a_file_without_rows_is_an_error(tmp_path, engine, package):
    path = with_columns([], tmp_path / "new.csv")
    store = publish_patents(tmp_path / "warehouse", [])
    with raises(DataError, setting="score.input"):
        score(store, engine, package, f"score.input={path}")


def test_a_model_that_reads_claims(tmp_path, engine):
    """Of two claims the first counts: the model learned from it alone."""
    reading = small_package(tmp_path / "claims", ("technology",), fields=("title", "claims"))
    packed = reading.task("technology")
    expected = max(map(float, packed.probabilities(packed.encode(["The pump a valve"]))[0]))
    rows = [{"patent_id": "9000001", "title": "The pump", "abstract": "laser", "year": 2000}]
    claims = [
        {"patent_id": "9000001", "claim_sequence": number, "claim_text": text}
        for number, text in ((1, "a robot"), (0, "a valve"))
    ]
    store = publish_patents(tmp_path / "warehouse", rows, claims)
    score(store, engine, reading, "tasks=technology")
    assert scores_of(store, "technology")["9000001"]["probability"] == expected
    path = tmp_path / "new.csv"
    path.write_text("patent_id,title,claims\n1,The pump,a valve\n")
    score(store, engine, reading, f"score.input={path}", "tasks=technology")
    assert scores_of(store, "technology")["1"]["probability"] == expected
