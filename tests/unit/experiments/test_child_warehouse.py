"""Warehouses below the main one: what they share is linked, and a stage that runs there changes nothing above."""

import os
import shutil
from types import SimpleNamespace

from patent_spark.config import load_config, with_settings
from patent_spark.core.store import Store
from patent_spark.experiments import child_warehouse
from patent_spark.experiments.child_warehouse import labelled, places, warehouse_below
from tests.support.factories import publish


def configured(root, *sets):
    return load_config(sets=[f"warehouse.root={root}", *sets])[0]


def test_labels_of_the_same_rule_are_the_main_ones_and_others_have_a_place_of_their_own(
    tmp_path, monkeypatch
):
    made = []
    monkeypatch.setattr(
        child_warehouse,
        "run_stage",
        lambda name, config, **_: made.append((name, config.warehouse.root, config.label.reference_set)),
    )
    main = configured(tmp_path, "train.epochs=3")
    assert labelled(main, with_settings(main, {"train.epochs": 4}), "backtest") == tmp_path
    other = with_settings(main, {"label.reference_set": "class"})
    elsewhere = labelled(main, other, "backtest")
    assert elsewhere.parent == tmp_path / "backtest" / "work" and elsewhere.name.startswith("labels-")
    assert (
        labelled(main, other, "backtest")
        == elsewhere
        != labelled(main, with_settings(main, {"label.horizon_months": 36}), "backtest")
    )
    assert made[:3] == [
        ("label", str(tmp_path), "class_year"),
        ("label", str(elsewhere), "class"),
        ("label", str(elsewhere), "class"),
    ]


def test_what_is_shared_is_read_through_links_and_follows_the_main_one(tmp_path):
    root = tmp_path / "w"
    main, store = configured(root), Store(root)
    publish(store, "ingest", {"PATENTS": [{"patent_id": "7"}]})
    publish(store, "label", {"LABELS": [{"patent_id": "7", "q90": 1.0}]})
    folder = warehouse_below(main, "backtest", "as_of_2006", root)
    assert folder == root / "backtest" / "work" / "as_of_2006"
    lower = Store(folder)
    assert lower.read_arrow("PATENTS", ["patent_id"]).to_pydict() == {"patent_id": ["7"]}
    assert not (folder / "simulate").exists()  # the release was a folder's
    publish(lower, "split", {"SPLITS": [{"patent_id": "7"}]})
    assert store.manifest("split") is None
    publish(store, "ingest", {"PATENTS": [{"patent_id": "8"}]})
    assert warehouse_below(main, "backtest", "as_of_2006", root) == folder
    assert lower.read_arrow("PATENTS", ["patent_id"]).to_pydict() == {"patent_id": ["8"]}
    shutil.move(root, tmp_path / "moved")
    moved = Store(tmp_path / "moved" / "backtest" / "work" / "as_of_2006")
    assert moved.read_arrow("LABELS", ["q90"]).to_pydict() == {"q90": [1.0]}


def test_labels_of_another_rule_take_the_link_over(tmp_path):
    main, store = configured(tmp_path), Store(tmp_path)
    publish(store, "label", {"LABELS": [{"patent_id": "7", "q90": 1.0}]})
    other = tmp_path / "backtest" / "work" / "labels-x"
    publish(Store(other), "label", {"LABELS": [{"patent_id": "7", "q90": 2.0}]})
    folder = warehouse_below(main, "backtest", "as_of_2006", tmp_path)
    assert warehouse_below(main, "backtest", "as_of_2006", other) == folder
    assert os.readlink(folder / "label") == "../labels-x/label"
    assert Store(folder).read_arrow("LABELS", ["q90"]).to_pydict() == {"q90": [2.0]}
    assert store.read_arrow("LABELS", ["q90"]).to_pydict() == {"q90": [1.0]}


def test_trainings_below_are_runs_of_the_main_mlflow_named_after_their_place(tmp_path):
    main, root = configured(tmp_path), tmp_path / "backtest" / "work" / "as_of_2006"
    tracking = with_settings(main, places(main, root, SimpleNamespace(run_id="7" * 32))).tracking
    assert (tracking.uri, tracking.parent_run, tracking.run_name) == (
        f"sqlite:///{tmp_path}/mlflow/mlflow.db",
        "7" * 32,
        "as_of_2006",
    )
