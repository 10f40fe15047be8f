"""Candidate and champion on patents that are new to both, each with its own words and labels."""

import json
from contextlib import ExitStack

import keras
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from mlflow import MlflowClient

from patent_spark.core.context import StageContext
from patent_spark.core.errors import DataError
from patent_spark.core.metadata import IngestMetadata
from patent_spark.inference.model_package import Package
from patent_spark.metrics.groups import read_patent_groups
from patent_spark.stages.register.candidate_vs_champion import (
    candidate_predictions,
    champion_predictions,
    new_to,
)
from patent_spark.stages.register.report_schema import NotComparable
from patent_spark.tracking.registry import Registry
from patent_spark.tracking.runs import tracking_uri
from tests.support.errors import raises
from tests.support.evaluation_warehouse import TWINS
from tests.support.factories import publish
from tests.support.registration_warehouse import champion_in, command, configured, decision


def changed_package(package, about=None, words=None, labels=None):
    """Change a package: its task.json, and the order of its words or labels (indices of the old ones)."""
    folder = package.folder / "technology"
    model = keras.models.load_model(folder / "model.keras", compile=False)
    described = json.loads((folder / "task.json").read_text())
    if words is not None:
        known = (folder / "vocabulary.txt").read_text().splitlines()
        (folder / "vocabulary.txt").write_text("".join(f"{known[place]}\n" for place in words))
        (vectors,) = model.get_layer("embedding").get_weights()
        model.get_layer("embedding").set_weights([vectors[[0, *(place + 1 for place in words)]]])
    if labels is not None:
        weights, bias = model.get_layer("logits").get_weights()
        model.get_layer("logits").set_weights([weights[:, labels], bias[labels]])
        described["labels"] = [described["labels"][place] for place in labels]
    model.save(folder / "model.keras")
    (folder / "model.onnx").unlink(missing_ok=True)  # made of the Keras model when it is needed
    (folder / "task.json").write_text(json.dumps(described | (about(described) if about else {})))
    return Package(package.folder)


def both_predictions(store, package, config=None):
    """Predictions for the test patents of a package's technology model, and of the current one."""
    config = config or configured(store.root)
    with store.draft("register") as draft, ExitStack() as resources:
        context = StageContext(config, store, draft, resources)
        candidate = candidate_predictions(store, "technology")
        (draft.directory / "scratch").mkdir()
        return champion_predictions(
            context, package.task("technology"), candidate, draft.directory / "scratch"
        ), candidate


def test_a_champion_with_other_words_and_labels_predicts_in_its_own(copy, tmp_path):
    """Its words and labels have another order. One label is unknown today, so its patents are errors."""
    plain = champion_in(copy, "technology", tmp_path)
    count = len(plain.task("technology").vocabulary)
    last = "H01"
    packed = changed_package(
        plain,
        words=np.random.default_rng(1).permutation(count).tolist(),
        labels=list(range(7, -1, -1)),
        about=lambda about: {"labels": [{last: "Z99"}.get(label, label) for label in about["labels"]]},
    )
    champion, candidate = both_predictions(copy, packed)
    assert champion.patents.labels == (*candidate.patents.labels, "Z99")
    renamed = [
        {last: "Z99"}.get(label, label) for label in np.array(candidate.patents.labels)[candidate.predicted]
    ]
    assert np.array(champion.patents.labels)[champion.predicted].tolist() == renamed
    assert champion.confidence == pytest.approx(candidate.confidence, abs=1e-5)
    assert last in renamed or "Z99" in renamed


def test_a_champion_that_reads_other_fields_is_given_them(copy, tmp_path):
    """It reads titles alone; here they are the tokens but for the first two, and one patent has none."""
    texts = copy.read_arrow("TOKENS", ["patent_key", "tokens"]).to_pylist()
    titles = {row["patent_key"]: row["tokens"][2:] for row in texts}
    titles[5_000_451] = []
    rows = [
        {"patent_key": key, "title": " ".join(words).upper() + "!", "withdrawn": False}
        for key, words in titles.items()
    ]
    publish(copy, "ingest", {"PATENTS": rows}, copy.metadata(IngestMetadata))
    package = changed_package(
        champion_in(copy, "technology", tmp_path),
        about=lambda about: {"text": {"fields": ["title"], "claims": "first"}},
    )
    champion, candidate = both_predictions(copy, package)
    packed = package.task("technology")
    words = [titles[key] for key in candidate.patents.keys.tolist()]
    wanted = packed.probabilities(packed.encode_words(pa.array(words, pa.list_(pa.string()))))
    assert champion.confidence == pytest.approx(wanted.max(axis=1), abs=1e-5)
    assert (champion.predicted == wanted.argmax(axis=1)).all()
    with raises(DataError, setting="text.fields", stage="ingest"):
        both_predictions(
            copy,
            changed_package(
                package, about=lambda about: {"text": {"fields": ["title", "claims"], "claims": "first"}}
            ),
        )


def test_patents_of_the_champions_training_data_are_excluded(copy, tmp_path):
    """It was trained on the test patents 450 to 460 and 475, of which 460 and 475 have twins: 461 and 474."""
    package = champion_in(copy, "technology", tmp_path)
    learned = [*range(5_000_450, 5_000_461), 5_000_475]
    pq.write_table(
        pa.table({"patent_key": pa.array(learned, pa.int64())}), package.folder / "learned_from.parquet"
    )
    candidate = candidate_predictions(copy, "technology")
    groups = read_patent_groups(copy)
    assert 5_000_461 in TWINS and 5_000_474 in TWINS
    left = set(candidate.patents.keys[~new_to(package, candidate.patents, groups)].tolist())
    assert left == {*learned, 5_000_461, 5_000_474}


def test_without_a_patent_that_is_new_to_the_champion_the_candidate_is_rejected(copy, capsys):
    package_of = Registry(configured(copy.root), "technology").champion()
    about = copy.read_json("MODEL", "technology/task.json")
    (copy.directory("MODEL") / "technology" / "task.json").write_text(json.dumps(about | {"key": "third"}))
    client = MlflowClient(tracking_uri(configured(copy.root)))
    place = (
        client.get_run(package_of.run_id).info.artifact_uri.removeprefix("file://")
        + f"/registered/{package_of.tags['identity']}"
    )
    saved = pq.read_table(f"{place}/learned_from.parquet")
    try:
        pq.write_table(
            pa.table({"patent_key": pa.array(range(5_000_450, 5_000_540), pa.int64())}),
            f"{place}/learned_from.parquet",
        )
        code, stderr = command(capsys, copy, "tasks=technology")
    finally:
        pq.write_table(saved, f"{place}/learned_from.parquet")  # the copies of the world share these files
    assert code == 4
    reason = NotComparable(task="technology", metric="accuracy", patents=0, excluded=90)
    assert decision(copy, "technology").reasons == (reason,)
    assert "90" in stderr.splitlines()[-1]
