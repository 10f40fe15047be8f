"""Rows of CITATIONS that may repeat: each pair that stands twice is doubted, whatever the blocks; few others are."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from patent_spark.stages.ingest.duplicate_pairs import Pairs, doubt_all


def doubted(rows, blocks):
    """(bool of each row, whether all was grouped) with rows cut at `blocks`."""
    pairs, found = Pairs(), []
    for block in np.split(np.arange(len(rows)), blocks):
        citing, cited = ([rows[i][side] for i in block] for side in (0, 1))
        found += pairs.may_repeat(pa.array(citing, pa.int64()), pa.array(cited, pa.int64())).to_pylist()
    return found, pairs.grouped


def test_copies_within_a_citing_patent_are_doubted_and_others_are_not():
    rows = [(1, 9), (2, 5), (2, 6), (2, 5), (3, 5), (3, 6), (4, None), (4, None), (5, 9)]
    found, grouped = doubted(rows, [])
    # The first and the last patent can go on in another block; ids without a key never count.
    assert found == [True, True, False, True, False, False, True, True, True]
    assert grouped


@pytest.mark.parametrize("seed", range(5))
def test_each_pair_that_stands_twice_is_doubted_whatever_the_blocks(seed):
    draw = np.random.default_rng(seed)
    citing = np.sort(draw.integers(0, 40, 400)) * 10**13 + 7
    rows = list(zip(citing.tolist(), draw.integers(0, 30, 400).tolist(), strict=True))
    twice = {pair for pair, n in Counter(rows).items() if n > 1}
    found, grouped = doubted(rows, np.sort(draw.integers(0, 400, 6)))
    assert grouped and twice
    assert all(may for row, may in zip(rows, found, strict=True) if row in twice)
    assert not all(found)


@pytest.mark.parametrize("blocks", [[], [2], [1, 2, 3]])
def test_a_citing_patent_in_two_places_is_noticed(blocks):
    assert doubted([(1, 5), (2, 5), (1, 5), (3, 5)], blocks)[1] is False
    assert doubted([(1, 5), (1, 6), (2, 5), (3, 5)], blocks)[1] is True


def test_doubt_all_changes_nothing_but_the_doubt(tmp_path):
    rows = pa.table(
        {
            "citing_key": pa.array(range(10)),
            "may_repeat": pa.array([False] * 9 + [True]),
            "category": pa.array(["a", None] * 5),
        }
    )
    pq.write_table(rows, tmp_path / "part-0.parquet", row_group_size=3)
    doubt_all(tmp_path / "part-0.parquet")
    assert pq.read_table(tmp_path / "part-0.parquet").to_pylist() == [
        row | {"may_repeat": True} for row in rows.to_pylist()
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["part-0.parquet"]
