"""Child warehouses: shared stages are links, and a stage that runs in a child changes no other."""

import os
import shutil
from types import SimpleNamespace

from patent_spark.config import ConfigError, load_config, with_settings
from patent_spark.core.store import Store
from patent_spark.experiments import child_warehouse as module
from patent_spark.experiments.child_warehouse import (
    child_settings,
    child_warehouse,
    label_warehouse,
    require_possible,
)
from tests.support.errors import raises
from tests.support.factories import publish


def configured(root, *sets):
    return load_config(sets=[f"warehouse.root={root}", *sets])[0]


def test_labels_with_the_main_settings_are_shared_and_others_have_a_warehouse_of_their_own(
    tmp_path, monkeypatch
):
    made = []
    monkeypatch.setattr(
        module,
        "run_stage",
        lambda name, config, **_: made.append((name, config.warehouse.root, config.label.reference_set)),
    )
    main = configured(tmp_path, "train.epochs=3")
    assert label_warehouse(main, with_settings(main, {"train.epochs": 4}), "backtest") == tmp_path
    other = with_settings(main, {"label.reference_set": "class"})
    elsewhere = label_warehouse(main, other, "backtest")
    assert elsewhere.parent == tmp_path / "backtest" / "work" and elsewhere.name.startswith("labels-")
    assert (
        label_warehouse(main, other, "backtest")
        == elsewhere
        != label_warehouse(main, with_settings(main, {"label.horizon_months": 36}), "backtest")
    )
    assert made[:3] == [
        ("label", str(tmp_path), "class_year"),
        ("label", str(elsewhere), "class"),
        ("label", str(elsewhere), "class"),
    ]


def test_shared_stages_are_links_that_follow_the_main_warehouse(tmp_path):
    root = tmp_path / "w"
    main, store = configured(root), Store(root)
    publish(store, "ingest", {"PATENTS": [{"patent_id": "7"}]})
    publish(store, "label", {"LABELS": [{"patent_id": "7", "q90": 1.0}]})
    folder = child_warehouse(main, "backtest", "as_of_2006", root)
    assert folder == root / "backtest" / "work" / "as_of_2006"
    lower = Store(folder)
    assert lower.read_arrow("PATENTS", ["patent_id"]).to_pydict() == {"patent_id": ["7"]}
    assert not (folder / "simulate").exists()  # the release was a folder's
    publish(lower, "split", {"SPLITS": [{"patent_id": "7"}]})
    assert store.manifest("split") is None
    publish(store, "ingest", {"PATENTS": [{"patent_id": "8"}]})
    assert child_warehouse(main, "backtest", "as_of_2006", root) == folder
    assert lower.read_arrow("PATENTS", ["patent_id"]).to_pydict() == {"patent_id": ["8"]}
    shutil.move(root, tmp_path / "moved")
    moved = Store(tmp_path / "moved" / "backtest" / "work" / "as_of_2006")
    assert moved.read_arrow("LABELS", ["q90"]).to_pydict() == {"q90": [1.0]}


def test_a_child_can_switch_to_labels_with_other_settings(tmp_path):
    main, store = configured(tmp_path), Store(tmp_path)
    publish(store, "label", {"LABELS": [{"patent_id": "7", "q90": 1.0}]})
    other = tmp_path / "backtest" / "work" / "labels-x"
    publish(Store(other), "label", {"LABELS": [{"patent_id": "7", "q90": 2.0}]})
    folder = child_warehouse(main, "backtest", "as_of_2006", tmp_path)
    assert child_warehouse(main, "backtest", "as_of_2006", other) == folder
    assert os.readlink(folder / "label") == "../labels-x/label"
    assert Store(folder).read_arrow("LABELS", ["q90"]).to_pydict() == {"q90": [2.0]}
    assert store.read_arrow("LABELS", ["q90"]).to_pydict() == {"q90": [1.0]}


def test_a_childs_training_is_a_run_in_the_main_mlflow_named_after_its_folder(tmp_path):
    main, root = configured(tmp_path), tmp_path / "backtest" / "work" / "as_of_2006"
    tracking = with_settings(main, child_settings(main, root, SimpleNamespace(run_id="7" * 32))).tracking
    assert (tracking.uri, tracking.parent_run, tracking.run_name) == (
        f"sqlite:///{tmp_path}/mlflow/mlflow.db",
        "7" * 32,
        "as_of_2006",
    )


def test_an_experiment_needs_a_folder():
    with raises(ConfigError, setting="warehouse.root"):
        require_possible(load_config(sets=["warehouse.root=s3://patents/w"])[0], "a back-test")
    require_possible(load_config()[0], "a back-test")
