import pytest

from patent_spark.core import shuffle
from patent_spark.core.shuffle import read_shuffled, write_shuffled
from tests.support.factories import shuffled_order

pytestmark = pytest.mark.engine

ORDER_OF_SEED_7 = shuffled_order(range(20), 7)


def shuffled_keys(session, directory, rows, seed=7, by=None):
    frame = session.createDataFrame(
        [(key, "odd" if key % 2 else "even") for key in range(20)], "patent_key bigint, kind string"
    )
    parts = [frame.where("patent_key < 7"), frame.where("patent_key >= 7")]
    write_shuffled(parts, directory, rows, seed, by)
    return directory


def keys(directory):
    return [key for table in read_shuffled(directory) for key in table["patent_key"].to_pylist()]


def test_the_order_is_the_same_for_any_number_of_buckets_and_on_any_engine(session, tmp_path, monkeypatch):
    assert keys(shuffled_keys(session, tmp_path / "two", 20)) == ORDER_OF_SEED_7
    monkeypatch.setattr(shuffle, "_BUCKET_ROWS", 1)
    many = shuffled_keys(session, tmp_path / "many", 20)
    assert len(list(many.iterdir())) > 8
    assert keys(many) == ORDER_OF_SEED_7


def test_parts_are_read_by_themselves_and_seeds_differ(session, tmp_path):
    directory = shuffled_keys(session, tmp_path / "parts", 20, by="kind")
    for kind, remainder in (("even", 0), ("odd", 1)):
        assert keys(directory / f"kind={kind}") == [key for key in ORDER_OF_SEED_7 if key % 2 == remainder]
    other = keys(shuffled_keys(session, tmp_path / "other", 20, seed=8))
    assert other != ORDER_OF_SEED_7
    assert sorted(other) == list(range(20))
