"""The stage index: who is in it, what is recorded, what is refused, and what a kill leaves."""

import datetime
import os
import signal
import subprocess
import sys

import numpy as np
import pyarrow.parquet as pq
import pytest

from patent_spark import cli
from patent_spark.config import load_config
from patent_spark.core.errors import DataError
from patent_spark.core.metadata import IndexMetadata
from patent_spark.inference.similar.index_folder import IndexFolder
from patent_spark.inference.similar.opening import open_similar
from patent_spark.inference.similar.similar_patents import SimilarPatents
from patent_spark.inference.similar.word_average import WordAverage
from tests.support.errors import raises
from tests.support.factories import shuffled_order
from tests.support.index_warehouse import (
    DIMENSIONS,
    WordCountModel,
    publish_texts,
    random_texts,
    use_model,
)  # fmt: skip
from tests.support.ingested_tables import run
from tests.support.small_index import DAY, FIRST, WordCounts, content_hash, nearest_by_hand
from tests.support.small_package import WORDS, small_package
from tests.support.small_run import ROOT

COUNT = 120
SETTINGS = ("index.threads=1",)


@pytest.fixture
def texts():
    return random_texts(COUNT)


@pytest.fixture
def model(monkeypatch):
    model = WordCountModel()
    use_model(monkeypatch, model)
    return model


def counts(texts):
    import pyarrow as pa

    return WordCounts(DIMENSIONS).vectors(pa.array(texts))[0]


def indexed(store):
    """INDEXED_PATENTS as rows."""
    return pq.read_table(store.directory("INDEXED_PATENTS")).to_pylist()


@pytest.mark.engine
def test_each_standing_patent_with_a_known_word_has_a_row(session, engine, tmp_path, texts, model):
    texts[5], texts[6], texts[7] = [], ["unheard", "of"], ["w1", "unheard"]
    store = publish_texts(tmp_path, texts, withdrawn={8}, families={9: -5, 11: -5}, without_class={10})
    manifest = run(store, "index", engine, *SETTINGS)
    rows = indexed(store)
    expected = [FIRST + row for row in range(COUNT) if row not in (5, 6, 8)]
    order = [
        key for key in shuffled_order([FIRST + row for row in range(COUNT)], seed=1) if key in set(expected)
    ]
    assert [row["patent_key"] for row in rows] == order
    assert [row["row"] for row in rows] == list(range(len(order)))
    of = {row["patent_key"] - FIRST: row for row in rows}
    assert of[20] == {
        "vectors": "document", "row": of[20]["row"], "patent_id": str(FIRST + 20), "patent_key": FIRST + 20,
        "title": "patent 20", "cpc_class": "A61", "grant_date": DAY + datetime.timedelta(weeks=20),
        "citations": 20, "family": FIRST + 20,
    }  # fmt: skip
    assert of[9]["family"] == of[11]["family"] == -5
    assert of[10]["cpc_class"] is None
    assert manifest.tables["INDEXED_PATENTS"]["rows"] == COUNT - 3
    found = SimilarPatents(IndexFolder.current(store)).to_patent(str(FIRST + 9), COUNT)
    assert {int(each.patent_id) for each in found} == set(expected) - {FIRST + 9, FIRST + 11}


def test_the_manifest_records_model_and_releases(engine, tmp_path, texts, model):
    texts[6] = ["unheard"]
    store = publish_texts(tmp_path, texts)
    manifest = run(store, "index", engine, *SETTINGS)
    assert manifest.release_id == "release-7"
    about = manifest.metadata_as(IndexMetadata).indexes["document"]
    assert about == IndexFolder.current(store).about
    assert (about.model, about.model_version, about.task) == (model.address, "3", "technology")
    assert (about.identity, about.model_release_id, about.release_id) == (
        "model-1",
        "trained-on",
        "release-7",
    )
    assert (about.patents, about.without_known_words, about.dimensions, about.graph) == (
        COUNT - 1,
        1,
        DIMENSIONS,
        False,
    )


@pytest.mark.parametrize("settings", [(), ("index.exact_up_to=50", "index.search_width=200")])
def test_neighbors_are_those_found_by_hand(engine, tmp_path, texts, model, settings):
    store = publish_texts(tmp_path, texts)
    run(store, "index", engine, *SETTINGS, *settings)
    index = IndexFolder.current(store)
    assert index.vectors.has_graph == bool(settings)
    vectors = counts(texts)
    for row in (0, 60, 119):
        others = [other for other in range(COUNT) if other != row]
        cosines = [cosine for _, cosine in nearest_by_hand(vectors, vectors[row], 10, others)]
        found = SimilarPatents(index).to_patent(str(FIRST + row))
        # Short texts of six words tie, so cosines are compared, and those of the patents that were found.
        np.testing.assert_allclose([each.similarity for each in found], cosines, atol=1e-4)
        rows = [int(each.patent_id) - FIRST for each in found]
        by_row = dict(nearest_by_hand(vectors, vectors[row], COUNT, others))
        np.testing.assert_allclose([by_row[other] for other in rows], cosines, atol=1e-3)


def test_document_vectors_are_those_of_a_real_package(engine, tmp_path):
    package = small_package(tmp_path / "package", tasks=("technology",))
    numbers = np.random.default_rng(5)
    texts = [[WORDS[i] for i in numbers.integers(0, len(WORDS), 12)] for _ in range(60)]
    store = publish_texts(tmp_path / "warehouse", texts)
    run(store, "index", engine, *SETTINGS, f"index.model={package.folder}", "index.batch=7")
    index, packed = IndexFolder.current(store), package.task("technology")
    assert (index.about.identity, index.about.model) == (package.identity, str(package.folder))
    expected = index.projection(packed.document_vectors(packed.encode([" ".join(text) for text in texts])))
    for row in indexed(store):
        np.testing.assert_allclose(
            index.vectors.vector(row["row"]), expected[row["patent_key"] - FIRST], atol=1e-4
        )
    similar = open_similar(load_config(sets=[f"warehouse.root={store.root}"])[0])
    found, known = similar.to_text(" ".join(texts[17]).upper(), 1)
    assert (found[0].patent_id, known) == (str(FIRST + 17), 12)
    assert found[0].similarity == pytest.approx(1, abs=1e-5)


def test_averages_of_word_vectors_stand_beside_document_vectors(engine, tmp_path, texts, model):
    store = publish_texts(tmp_path, texts)
    manifest = run(store, "index", engine, *SETTINGS, "index.vectors=[document,words]")
    assert {row["vectors"] for row in indexed(store)} == {"document", "words"}
    index = IndexFolder.current(store, "words")
    about = manifest.metadata_as(IndexMetadata).indexes["words"]
    text = store.manifest("text")
    assert (about.identity, about.model_version, about.task) == (
        WordAverage(index.words_folder).identity,
        text.version,
        "",
    )
    # Each word is a direction of its own and all are equally frequent: an average is a count of words.
    found, known = SimilarPatents(index, WordAverage(index.words_folder)).to_text("w1 w1 w3", 5)
    vectors = counts(texts) / counts(texts).sum(axis=1, keepdims=True)
    query = np.array([0, 2, 0, 1, 0, 0]) / 3
    cosines = [cosine for _, cosine in nearest_by_hand(vectors, query, 5, range(COUNT))]
    np.testing.assert_allclose([each.similarity for each in found], cosines, atol=1e-4)
    assert known == 3
    assert IndexFolder.current(store).about.vectors == "document"


def test_word_vectors_alone_need_no_model(engine, tmp_path, texts, monkeypatch):
    calls = use_model(monkeypatch, None)
    store = publish_texts(tmp_path, texts)
    run(store, "index", engine, *SETTINGS, "index.vectors=[words]")
    assert calls == []
    assert IndexFolder.current(store).about.vectors == "words"
    with raises(DataError, setting="index.vectors", vectors="document"):
        IndexFolder.current(store, "document")


def test_it_is_done_anew_with_the_same_bytes(engine, tmp_path, texts, model):
    store = publish_texts(tmp_path, texts)
    settings = (*SETTINGS, "index.exact_up_to=50", "index.links=4")
    digests = []
    for _ in range(2):
        run(store, "index", engine, *settings)
        folder = store.directory("INDEX") / "document"
        digests.append({path.name: content_hash(path) for path in folder.iterdir() if path.is_file()})
    assert digests[0] == digests[1]
    assert len(store.manifests("index")) == 2


def test_the_setting_names_the_model(engine, tmp_path, texts, monkeypatch):
    calls = use_model(monkeypatch, WordCountModel())
    store = publish_texts(tmp_path, texts)
    run(store, "index", engine, *SETTINGS)
    arguments = ["index", "--set", f"warehouse.root={store.root}", "--model", "models:/m/2"]
    assert cli.main(arguments) == 0
    assert calls == [("champion", ["technology"]), ("models:/m/2", ["technology"])]


def test_a_model_that_reads_other_parts_than_tokens_has_is_refused(engine, tmp_path, texts, monkeypatch):
    use_model(monkeypatch, WordCountModel(fields=("title", "abstract", "claims")))
    store = publish_texts(tmp_path, texts)
    with raises(DataError, table="TOKENS", setting="text.fields"):
        run(store, "index", engine, *SETTINGS)
    assert store.manifest("index") is None


def test_without_texts_or_with_unknown_words_alone_it_is_an_error(engine, tmp_path, model):
    with raises(DataError, table="TOKENS"):
        run(publish_texts(tmp_path / "empty", [[], []]), "index", engine, *SETTINGS)
    with raises(DataError, table="TOKENS", texts=2, setting="index.model"):
        run(publish_texts(tmp_path / "unknown", [["unheard"], ["of"]]), "index", engine, *SETTINGS)


HALF_WAY = """
import os, sys, time
from types import SimpleNamespace
from patent_spark.config import load_config
from patent_spark.pipeline import run_stage
from patent_spark.stages.index import encoders, write
from tests.support.index_warehouse import WordCountModel
batches = 0
def before():
    global batches
    batches += 1
    if batches == 3:
        print("half way", flush=True)
        time.sleep(600)
write._TEXTS_A_STEP = 20
encoders.open_models = lambda *_: {"technology": WordCountModel(identity="model-2", before=before)}
sets = [f"warehouse.root={sys.argv[1]}", "engine.name=sail", "index.threads=1"]
run_stage("index", load_config(sets=sets)[0])
"""


def test_a_job_that_is_killed_half_way_publishes_nothing(engine, tmp_path, texts, model):
    store = publish_texts(tmp_path, texts)
    before = run(store, "index", engine, *SETTINGS)
    process = subprocess.Popen(
        [sys.executable, "-c", HALF_WAY, str(store.root)], cwd=ROOT, stdout=subprocess.PIPE, text=True,
        env={k: v for k, v in os.environ.items() if not k.startswith("SPARK_CONNECT")},
    )  # fmt: skip
    assert process.stdout.readline() == "half way\n"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert store.manifest("index") == before
    assert len(SimilarPatents(IndexFolder.current(store)).to_patent(str(FIRST))) == 10
    assert len([path for path in (store.root / "index").iterdir() if path.is_dir()]) == 2  # what it left
    run(store, "index", engine, *SETTINGS)
    assert len([path for path in (store.root / "index").iterdir() if path.is_dir()]) == 2  # two versions
