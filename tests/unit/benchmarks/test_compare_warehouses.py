"""Two small hand-made warehouses: equal in all but what a test changes in one of them."""

import json
import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from benchmarks.compare_warehouses import main


def floats(values):
    """An array of float32, or of lists of them."""
    return pa.array(values, pa.list_(pa.float32()) if isinstance(values[0], list) else pa.float32())


LABELS = {
    "patent_id": ["1", "2", "3"],
    "cpc_class": ["A01", None, "H04"],
    "q90": pa.array([1.5, None, float("nan")], pa.float64()),
}
SPLITS = {"patent_id": ["1", "1", "2"], "task": ["a", "b", "a"], "split": ["train", "test", "train"]}
VECTORS = {"word": ["x", "y"], "vector": floats([[0.0, 1.0], [2.0, None]])}
PREDICTIONS = {
    "patent_id": ["1", "2"],
    "task": ["a", "a"],
    "split": ["test", "test"],
    "probability": floats([0.25, 0.5]),
}
METRICS = {"accuracy": 0.5, "by_year": {"2013": {"pr_auc": float("nan")}}, "curve": [1, 2], "model": "lstm"}


def write(root, stage, name, *files):
    """Files of a current version: {path: columns} as Parquet, or a JSON value."""
    (root / stage / "v1" / name).mkdir(parents=True, exist_ok=True)
    (root / stage / "CURRENT").write_text("v1\n")
    for path, content in files:
        target = root / stage / "v1" / name / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.endswith(".json"):
            target.write_text(json.dumps(content))
        else:
            pq.write_table(pa.table(content), target)


def warehouse(root):
    write(root, "label", "LABELS", ("part-0.parquet", LABELS))
    write(root, "split", "SPLITS", ("part-0.parquet", SPLITS))
    write(root, "text", "VECTORS", ("part-0.parquet", VECTORS))
    write(root, "evaluate", "PREDICTIONS", ("part-0.parquet", PREDICTIONS))
    for file, keys in (("a/train/00.parquet", [5, 6]), ("a/train/01.parquet", [7, -1])):
        write(root, "shard", "EXAMPLES", (file, {"patent_key": keys, "tokens": [b"\0\1", b"\2"]}))
    write(root, "evaluate", "METRICS", ("a.json", METRICS))
    return root


@pytest.fixture
def roots(tmp_path):
    return warehouse(tmp_path / "old"), warehouse(tmp_path / "new")


def compare(roots, capsys):
    """Exit code, whether each name is equal, and all lines."""
    code = main([str(root) for root in roots])
    lines = capsys.readouterr().out.splitlines()
    actual = [re.match(r"(.+): (equal|DIFFERENT) \(", line) for line in lines]
    return code, {match[1]: match[2] == "equal" for match in actual if match}, lines


def test_equal_warehouses(roots, capsys):
    code, equal, _ = compare(roots, capsys)
    assert code == 0
    names = ("LABELS", "SPLITS", "VECTORS", "PREDICTIONS", "EXAMPLES a/train", "METRICS a")
    assert equal == dict.fromkeys(names, True)


def test_order_and_files_of_a_keyed_table_do_not_matter(roots, capsys):
    table = pa.table(LABELS)
    write(
        roots[1],
        "label",
        "LABELS",
        ("part-0.parquet", table.slice(2, 1).to_pydict() | {"q90": table["q90"].slice(2, 1)}),
        ("part-1.parquet", table.slice(0, 2)),
    )
    code, equal, _ = compare(roots, capsys)
    assert code == 0 and equal["LABELS"]


@pytest.mark.parametrize(
    ("stage", "name", "columns", "changed"),
    [
        ("label", "LABELS", LABELS | {"q90": [1.5, None, 2.0]}, "q90: 1 rows"),
        ("label", "LABELS", LABELS | {"q90": [np.nextafter(1.5, 2), None, float("nan")]}, "patent_id 1"),
        ("label", "LABELS", LABELS | {"cpc_class": ["A01", "B01", "H04"]}, "patent_id 2"),
        ("label", "LABELS", {name: column[:2] for name, column in LABELS.items()}, "1 rows only in OLD"),
        ("label", "LABELS", LABELS | {"patent_id": ["1", "2", "4"]}, "1 rows only in NEW"),
        ("label", "LABELS", LABELS | {"cpc_class": [1, None, 2]}, "cpc_class: type"),
        ("split", "SPLITS", SPLITS | {"split": ["train", "test", "test"]}, "split: 1 rows"),
        ("text", "VECTORS", VECTORS | {"vector": floats([[-0.0, 1], [2, None]])}, "word x"),
        ("text", "VECTORS", VECTORS | {"vector": floats([[0, 1], [2]])}, "word y"),
        ("evaluate", "PREDICTIONS", PREDICTIONS | {"probability": floats([0.25, 0.75])}, "0.75"),
    ],
)  # fmt: skip
def test_a_table_that_differs(roots, capsys, stage, name, columns, changed):
    write(roots[1], stage, name, ("part-0.parquet", columns))
    code, equal, lines = compare(roots, capsys)
    assert code == 1
    assert [each for each, same in equal.items() if not same] == [name]
    assert any(changed in line for line in lines)


def test_columns_of_one_warehouse_alone_are_listed_and_no_difference(roots, capsys):
    write(roots[1], "label", "LABELS", ("part-0.parquet", LABELS | {"extra": [1, 2, 3]}))
    code, equal, lines = compare(roots, capsys)
    assert code == 0 and equal["LABELS"]
    assert any("extra" in line and "NEW" in line for line in lines)


def test_order_and_files_of_examples_matter(roots, capsys):
    write(
        roots[1],
        "shard",
        "EXAMPLES",
        ("a/train/01.parquet", {"patent_key": [-1, 7], "tokens": [b"\0\1", b"\2"]}),
    )
    code, equal, lines = compare(roots, capsys)
    assert code == 1 and not equal["EXAMPLES a/train"]
    assert any("01.parquet" in line and "patent_key: 2 rows" in line for line in lines)
    write(roots[0], "shard", "EXAMPLES", ("a/train/02.parquet", {"patent_key": [9], "tokens": [b""]}))
    assert any("02.parquet" in line and "only in OLD" in line for line in compare(roots, capsys)[2])


def test_numbers_of_metrics_by_their_path(roots, capsys):
    changed = METRICS | {
        "by_year": {"2013": {"pr_auc": 0.5}},
        "curve": [1, 3],
        "new": {"lift": 2},
        "model": "gru",
    }
    write(roots[1], "evaluate", "METRICS", ("a.json", changed))
    code, equal, lines = compare(roots, capsys)
    assert code == 1 and not equal["METRICS a"]
    shown = [line.strip() for line in lines if line.startswith(" ")]
    assert shown == ["by_year.2013.pr_auc: nan, now 0.5", "curve.1: 2, now 3", "number new.lift only in NEW"]


def test_records_in_lists_are_known_by_their_code(roots, capsys):
    first, second, new = ({"code": code, "value": value} for code, value in (("a", 1), ("b", 2), ("c", 3)))
    twice = [{"code": "a", "value": 1}, {"code": "a", "value": 2}]
    write(roots[0], "evaluate", "METRICS", ("a.json", {"checks": [first, second], "warnings": twice}))
    write(roots[1], "evaluate", "METRICS", ("a.json", {"checks": [new, first, second], "warnings": twice}))
    code, equal, lines = compare(roots, capsys)
    assert code == 0 and equal["METRICS a"]
    assert [line.strip() for line in lines if line.startswith(" ")] == ["number checks.c.value only in NEW"]
    write(
        roots[1],
        "evaluate",
        "METRICS",
        ("a.json", {"checks": [second | {"value": 9}, first], "warnings": twice[1:]}),
    )
    shown = [line.strip() for line in compare(roots, capsys)[2] if line.startswith(" ")]
    assert "checks.b.value: 2, now 9" in shown


def test_a_table_that_one_lacks_is_named(roots, capsys):
    (roots[1] / "text" / "CURRENT").unlink()
    code, equal, lines = compare(roots, capsys)
    assert code == 0 and "VECTORS" not in equal
    assert any(line.startswith("VECTORS: not compared") and str(roots[1]) in line for line in lines)


def test_nothing_to_compare_is_no_success(tmp_path, capsys):
    assert compare((tmp_path / "one", tmp_path / "other"), capsys)[:2] == (1, {})
