"""Which keys of a table are taken depends on their rows alone; small tables are taken whole."""

import numpy as np
import pyarrow as pa
import pytest

from patent_spark.core.patent_ids import patent_keys
from patent_spark.stages.ingest import key_samples
from patent_spark.stages.ingest.key_samples import NO_KEY, KeySample


def sample_of(ids, block):
    sample = KeySample()
    for start in range(0, len(ids), block):
        part = pa.array(ids[start : start + block], pa.string())
        sample.add(patent_keys(part), part)
    return sample


@pytest.fixture(autouse=True)
def ten_at_most(monkeypatch):
    monkeypatch.setattr(key_samples, "_MOST", 10)


@pytest.mark.parametrize("block", [1, 3, 7, 100])
@pytest.mark.parametrize(("rows", "stride"), [(0, 1), (10, 1), (11, 3), (30, 3), (31, 9), (91, 27)])
def test_rows_are_taken_evenly_whatever_the_blocks(rows, stride, block):
    ids = [str(5_000_000 + row) for row in range(rows)]
    taken = [5_000_000 + row for row in range(0, rows, stride)]
    assert sample_of(ids, block).keys.tolist() == taken


def test_a_part_of_a_table_whose_ids_have_no_key_is_seen():
    ids = [str(5_000_000 + row) for row in range(60)] + [f"x{row}" for row in range(30)]
    sample = sample_of(ids, 8)
    assert np.mean(sample.keys == NO_KEY) == pytest.approx(1 / 3, abs=0.1)
    assert sample.without_key == ["x0", "x1", "x2"]
