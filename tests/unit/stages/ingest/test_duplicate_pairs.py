"""Rows of CITATIONS that may repeat: every repeated pair is marked, wherever blocks end."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from patent_spark.stages.ingest.duplicate_pairs import DuplicatePairs, mark_all_rows


def marked(rows, blocks):
    """(bool of each row, whether all was grouped) with rows cut at `blocks`."""
    pairs, marks = DuplicatePairs(), []
    for block in np.split(np.arange(len(rows)), blocks):
        citing, cited = ([rows[i][side] for i in block] for side in (0, 1))
        marks += pairs.may_repeat(pa.array(citing, pa.int64()), pa.array(cited, pa.int64())).to_pylist()
    return marks, pairs.grouped


def test_copies_within_a_citing_patent_are_marked_and_others_are_not():
    rows = [(1, 9), (2, 5), (2, 6), (2, 5), (3, 5), (3, 6), (4, None), (4, None), (5, 9)]
    marks, grouped = marked(rows, [])
    # The first and the last patent can go on in another block; ids without a key never count.
    assert marks == [True, True, False, True, False, False, True, True, True]
    assert grouped


@pytest.mark.parametrize("seed", range(5))
def test_each_repeated_pair_is_marked_wherever_blocks_end(seed):
    draw = np.random.default_rng(seed)
    citing = np.sort(draw.integers(0, 40, 400)) * 10**13 + 7
    rows = list(zip(citing.tolist(), draw.integers(0, 30, 400).tolist(), strict=True))
    twice = {pair for pair, n in Counter(rows).items() if n > 1}
    marks, grouped = marked(rows, np.sort(draw.integers(0, 400, 6)))
    assert grouped and twice
    assert all(may for row, may in zip(rows, marks, strict=True) if row in twice)
    assert not all(marks)


@pytest.mark.parametrize("blocks", [[], [2], [1, 2, 3]])
def test_a_citing_patent_in_two_places_is_noticed(blocks):
    assert marked([(1, 5), (2, 5), (1, 5), (3, 5)], blocks)[1] is False
    assert marked([(1, 5), (1, 6), (2, 5), (3, 5)], blocks)[1] is True


def test_marking_all_rows_changes_nothing_but_the_mark(tmp_path):
    rows = pa.table(
        {
            "citing_key": pa.array(range(10)),
            "may_repeat": pa.array([False] * 9 + [True]),
            "category": pa.array(["a", None] * 5),
        }
    )
    pq.write_table(rows, tmp_path / "part-0.parquet", row_group_size=3)
    mark_all_rows(tmp_path / "part-0.parquet")
    assert pq.read_table(tmp_path / "part-0.parquet").to_pylist() == [
        row | {"may_repeat": True} for row in rows.to_pylist()
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["part-0.parquet"]
