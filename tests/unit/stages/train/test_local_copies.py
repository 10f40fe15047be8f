"""A rank's copies of its row groups: its own alone, checked, and gone afterwards."""

import shutil
from collections import namedtuple

import pytest

from patent_spark.config import load_config
from patent_spark.core.errors import DataError, WorkError
from patent_spark.core.metadata import ShardMetadata
from patent_spark.core.model_files import TextSource
from patent_spark.stages.shard.feed import Feed, FeedError
from patent_spark.stages.shard.layout import Layout
from patent_spark.stages.train.launch.horovod import Ranks
from patent_spark.stages.train.launch.job import Job
from patent_spark.stages.train.local_copies import row_groups_of
from tests.support.errors import raises
from tests.support.training_warehouse import publish_examples

SECOND_OF_TWO = Ranks(rank=1, size=2, local_rank=0, local_size=1)


@pytest.fixture
def job(tmp_path):
    """300 examples in 8 row groups of 4 virtual shards to train on, 100 in 4 to develop on."""
    store = publish_examples(tmp_path / "warehouse", train=300, development=100)
    return Job(
        model="technology",
        run_id="run",
        release_id="r1",
        key="key",
        examples=str(store.directory("EXAMPLES") / "technology"),
        vectors="/v",
        shards=store.metadata(ShardMetadata),
        text=TextSource(fields=("title",), claims="first"),
        folder=str(tmp_path / "job"),
    )


@pytest.fixture
def settings(tmp_path):
    return load_config(sets=[f"train.cache_dir={tmp_path}/disk"])[0].train


def feed(job, folder, split):
    layout = Layout.of(job.shards, job.model, split)
    return Feed(folder / split, layout, world=2, rank=1, batch=8, seed=1)


def test_without_the_setting_a_rank_reads_the_originals(job):
    with row_groups_of(job, load_config()[0].train, SECOND_OF_TWO) as folder:
        assert str(folder) == job.examples


def test_a_rank_copies_its_own_row_groups_and_removes_them(job, settings, tmp_path):
    with row_groups_of(job, settings, SECOND_OF_TWO) as folder:
        copied = {path.relative_to(folder).as_posix() for path in folder.rglob("*.parquet")}
        # Virtual shards 1 and 3 of 0 to 3.
        assert copied == {f"train/group-0000{group}.parquet" for group in (1, 3, 5, 7)} | {
            f"development/group-0000{group}.parquet" for group in (1, 3)
        }
        for split in ("train", "development"):
            feed(job, folder, split).require_unchanged()
    assert list((tmp_path / "disk").iterdir()) == []


def test_a_copy_that_differs_from_the_manifest_is_refused(job, settings):
    with row_groups_of(job, settings, SECOND_OF_TWO) as folder:
        (folder / "train" / "group-00003.parquet").write_bytes(b"cut")
        with raises(FeedError, file="group-00003.parquet", stage="shard"):
            feed(job, folder, "train").require_unchanged()


def test_copies_that_do_not_fit_are_not_begun(job, settings, tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10, 9, 1))
    with raises(WorkError, setting="train.cache_dir"), row_groups_of(job, settings, SECOND_OF_TWO):
        pass
    assert not list(tmp_path.glob("disk/**/*.parquet"))


def test_a_row_group_that_is_missing_is_named(job, settings):
    shutil.rmtree(f"{job.examples}/train")
    with raises(DataError, stage="shard"), row_groups_of(job, settings, SECOND_OF_TWO):
        pass
