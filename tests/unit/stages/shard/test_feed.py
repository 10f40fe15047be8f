import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from patent_spark.stages.shard import feed as feed_module
from patent_spark.stages.shard.feed import Feed, FeedError
from patent_spark.stages.shard.layout import Layout, content_digest, group_file, keys_digest
from patent_spark.stages.shard.row_groups import write_groups
from tests.support.errors import raises
from tests.support.factories import examples, write_shards

VIRTUAL_SHARDS, WORDS = 4, 12
SIZES = {"even": 96, "odd": 101, "few": 2}


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    """Splits with recognisable examples: key 10 + i has label i % 7 and the ids i, i + 1, ..."""
    directory = tmp_path_factory.mktemp("examples")
    splits = {
        name: examples(
            range(10, 10 + n),
            [i % 7 for i in range(n)],
            [list(range(i + 1, i + 2 + i % 11)) for i in range(n)],
            WORDS,
        )
        for name, n in SIZES.items()
    }
    metadata = write_shards(
        directory, {"technology": (list("abcdefg"), WORDS, splits)}, VIRTUAL_SHARDS, row_group_rows=9
    )
    return directory / "technology", {name: Layout.of(metadata, "technology", name) for name in SIZES}


def open_feed(shards, split="odd", **kwargs):
    directory, layouts = shards
    return Feed(
        directory / split, layouts[split], **({"world": 1, "rank": 0, "batch": 8, "seed": 1} | kwargs)
    )


def keys_by_step(feed, epoch=0, start_step=0):
    return [sorted(batch.key.numpy().tolist()) for batch in feed.epoch(epoch, start_step)]


def ordered_keys(feed, epoch):
    return [key for batch in feed.epoch(epoch) for key in batch.key.numpy().tolist()]


@pytest.mark.parametrize("bucket", [False, True])
@pytest.mark.parametrize("split", SIZES)
def test_any_number_of_ranks_sees_the_same_examples_at_each_step(shards, split, bucket):
    alone = keys_by_step(open_feed(shards, split, bucket_by_length=bucket), epoch=3)
    for ranks in (2, 4):
        parts = [
            keys_by_step(open_feed(shards, split, world=ranks, rank=r, bucket_by_length=bucket), epoch=3)
            for r in range(ranks)
        ]
        assert [sorted(key for part in step for key in part) for step in zip(*parts, strict=True)] == alone
    examples_seen = [key for step in alone for key in step if key >= 0]
    assert sorted(examples_seen) == list(range(10, 10 + SIZES[split]))


def test_steps_follow_from_the_manifest(shards):
    # 101 rows in groups of at most 9 over 4 virtual shards: 12 groups, so 3 rounds of 9 rows a virtual shard.
    # A step takes 2 rows a virtual shard, so a round has 5 steps.
    feed = open_feed(shards)
    assert (feed.layout.groups, feed.layout.rows_per_group, feed.layout.padding, feed.steps_per_epoch) == (
        12,
        9,
        7,
        15,
    )
    sizes = [len(step) for step in keys_by_step(feed)]
    assert sizes == [8, 8, 8, 8, 4] * 3


def test_a_batch_holds_the_examples_own_arrays(shards):
    for batch in open_feed(shards, bucket_by_length=True).epoch(0):
        rows = zip(*(array.numpy() for array in batch), strict=True)
        for tokens, label, weight, key, length, features in rows:
            i = key - 10
            text = list(range(i + 1, i + 2 + i % 11)) if key >= 0 else []
            expected = (
                text + [0] * (WORDS - len(text)),
                i % 7 if key >= 0 else 0,
                float(key >= 0),
                len(text),
            )
            assert (tokens.tolist(), label, weight, length) == expected
            assert features.shape == (0,)
        kinds = ["int32", "int32", "float32", "int64", "int32", "float32"]
        assert [array.dtype.name for array in batch] == kinds


@pytest.fixture(scope="module")
def shards_with_features(tmp_path_factory):
    """The same examples with two numbers each: the key and its half."""
    table = examples(range(10, 40), [0] * 30, [[1, 2]] * 30, WORDS)
    numbers = np.stack([np.arange(10, 40), np.arange(10, 40) / 2], axis=1).astype("<f4")
    table = table.append_column("features", pa.array([row.tobytes() for row in numbers], pa.binary()))
    directory = tmp_path_factory.mktemp("with_features")
    described = write_groups(directory, [table], 30, VIRTUAL_SHARDS, 9, WORDS, feature_width=2)
    layout = Layout(
        **described.model_dump(), virtual_shards=VIRTUAL_SHARDS, max_tokens=WORDS, feature_width=2
    )
    return directory, layout


@pytest.mark.parametrize("bucket", [False, True])
def test_a_batch_holds_the_features_of_its_examples(shards_with_features, bucket):
    directory, layout = shards_with_features
    feed = Feed(directory, layout, world=1, rank=0, batch=8, seed=1, bucket_by_length=bucket)
    keys = []
    for batch in feed.epoch(0):
        for key, features in zip(batch.key.numpy().tolist(), batch.features.numpy().tolist(), strict=True):
            assert features == ([key, key / 2] if key >= 0 else [0, 0])
            keys.append(key)
    assert sorted(key for key in keys if key >= 0) == list(range(10, 40))


def test_features_of_another_width_are_refused(shards_with_features):
    directory, layout = shards_with_features
    feed = Feed(directory, dataclasses.replace(layout, feature_width=3), world=1, rank=0, batch=8, seed=1)
    with raises(FeedError, width=3):
        list(feed.epoch(0))


def test_order_follows_from_seed_and_epoch(shards):
    feed = open_feed(shards)
    first = ordered_keys(feed, 0)
    assert ordered_keys(open_feed(shards), 0) == first
    others = [
        ordered_keys(feed, 1),
        ordered_keys(open_feed(shards, seed=2), 0),
        ordered_keys(open_feed(shards, bucket_by_length=True), 0),
    ]
    assert all(order != first and sorted(order) == sorted(first) for order in others)
    together = [set(map(tuple, keys_by_step(feed, epoch))) for epoch in (0, 1)]
    assert together[0].isdisjoint(together[1])  # other batches, not the same ones in another order


def test_buckets_hold_texts_of_like_length_in_any_order(shards):
    feed = open_feed(shards, "even", batch=VIRTUAL_SHARDS, bucket_by_length=True)
    lengths = [batch.length.numpy() for batch in feed.epoch(0)]
    mixed = [batch.length.numpy() for batch in open_feed(shards, "even", batch=VIRTUAL_SHARDS).epoch(0)]
    assert np.mean([np.ptp(step) for step in lengths]) < 0.7 * np.mean([np.ptp(step) for step in mixed])
    longest = [step.max() for step in lengths[: feed.steps_per_round]]
    assert longest != sorted(longest)


@pytest.mark.parametrize("start_step", [1, 5, 7, 14, 15])
def test_an_epoch_can_be_entered_at_any_step(shards, start_step):
    feed = open_feed(shards, bucket_by_length=True)
    assert (
        keys_by_step(feed, 2, start_step)
        == keys_by_step(open_feed(shards, bucket_by_length=True), 2)[start_step:]
    )


def test_deliveries_of_all_ranks_add_up_to_the_manifest(shards):
    feeds = [open_feed(shards, world=4, rank=rank) for rank in range(4)]
    for feed in feeds:
        list(feed.epoch(0))
    total = np.sum([feed.delivered for feed in feeds], axis=0)
    assert total[0] == 101
    feeds[0].require_complete(total)
    with raises(FeedError, stage="shard", examples=100, expected=101):
        feeds[0].require_complete(total - [1, 0])
    digest = f"{(int(total[1]) + 1) % 2**64:016x}"
    with raises(FeedError, stage="shard", examples=101, expected=101, digest=digest):
        feeds[0].require_complete(total + [0, 1])


def test_any_of_the_usual_numbers_of_ranks_shares_one_layout(tmp_path):
    """Feeds of all ranks in one process: equal steps, and every example once an epoch."""
    split = examples(range(10, 511), [0] * 501, [[1]] * 501, WORDS)
    metadata = write_shards(tmp_path, {"technology": (["a"], WORDS, {"train": split})}, 16, row_group_rows=16)
    layout = Layout.of(metadata, "technology", "train")
    alone = None
    for world in (1, 2, 4, 8, 16):
        feeds = [
            Feed(tmp_path / "technology" / "train", layout, world=world, rank=rank, batch=64, seed=1)
            for rank in range(world)
        ]
        parts = [keys_by_step(feed, epoch=1) for feed in feeds]
        steps = [sorted(key for part in step for key in part) for step in zip(*parts, strict=True)]
        alone = alone or steps
        assert steps == alone
        assert {len(part) for part in parts} == {feeds[0].steps_per_epoch}
        feeds[0].require_complete(np.sum([feed.delivered for feed in feeds], axis=0))


@pytest.mark.parametrize(
    ("damage", "cause"),
    [
        (lambda path: path.write_bytes(path.read_bytes().replace(b"PAR1", b"PAR2", 1)), None),
        (lambda path: path.unlink(), FileNotFoundError),
        (lambda path: (path.unlink(), path.mkdir()), IsADirectoryError),
    ],
    ids=["a byte changed", "missing", "unreadable"],
)
def test_a_changed_file_is_noticed_before_the_first_step_by_the_rank_that_owns_it(
    shards, tmp_path, damage, cause
):
    directory = shutil.copytree(shards[0] / "odd", tmp_path / "odd")
    feeds = [Feed(directory, shards[1]["odd"], world=2, rank=rank, batch=8, seed=1) for rank in range(2)]
    for feed in feeds:
        feed.require_unchanged()
    damage(directory / group_file(3))
    feeds[0].require_unchanged()
    with raises(FeedError, file="group-00003.parquet", stage="shard") as caught:
        feeds[1].require_unchanged()
    assert type(caught.value.__cause__) is (cause or type(None))
    if cause is None:
        assert caught.value.facts["digest"] == content_digest(directory / group_file(3))
        assert caught.value.facts["expected"] == shards[1]["odd"].contents[3]


def test_the_digest_knows_no_order_and_adds_up():
    keys = np.array([5, 3930271, 48 * 10**12 + 9], np.int64)
    assert (
        keys_digest(keys)
        == keys_digest(keys[::-1])
        == keys_digest(np.append(keys, -1))
        == sum(keys_digest(keys[i : i + 1]) for i in range(3)) % 2**64
    )
    assert keys_digest(keys) != keys_digest(keys + [1, -1, 0])
    # The finaliser's first outputs from seed 0 are published with splitmix64.
    assert keys_digest(np.array([0], np.int64)) == 0xE220A8397B1DCDAF


def test_ranks_and_batches_that_do_not_suit_the_lanes(shards):
    with raises(FeedError, setting="shard.world_sizes", virtual_shards=4, ranks=3):
        open_feed(shards, world=3)
    with raises(FeedError, setting="train.batch", batch=6, virtual_shards=4):
        open_feed(shards, batch=6)
    with raises(FeedError, directory=Path("/a#b")):
        Feed(Path("/a#b"), shards[1]["odd"], world=1, rank=0, batch=8, seed=1)


def test_shards_that_changed_since_the_manifest(shards, tmp_path):
    directory, layout = tmp_path / "odd", shards[1]["odd"]
    directory.mkdir()
    tables = [pq.read_table(shards[0] / "odd" / group_file(group)) for group in range(layout.groups)]
    lost_a_row = tables[3].slice(1)
    swapped = {3: tables[5], 5: tables[3]}
    damages = [
        ({3: lost_a_row}, {"file": "group-00003.parquet", "rows": 8}, None),
        (swapped, {"rows": 9}, None),
        ({3: None}, {"directory": directory}, OSError),
        ({3: b"not Parquet"}, {"directory": directory}, ValueError),
    ]
    for damaged, facts, cause in damages:
        for group, table in (dict(enumerate(tables)) | damaged).items():
            path = directory / group_file(group)
            path.unlink(missing_ok=True)
            if isinstance(table, bytes):
                path.write_bytes(table)
            elif table is not None:
                pq.write_table(table, path)
        feed = Feed(directory, layout, world=1, rank=0, batch=8, seed=1)
        with raises(FeedError, stage="shard", **facts) as caught:
            list(feed.epoch(0))
        error = caught.value
        assert cause is None or isinstance(error.__cause__, cause)
        if damaged is swapped:
            assert error.facts["position"] != layout.first_position(int(error.facts["file"][6:11]))
    wider = dataclasses.replace(layout, max_tokens=WORDS + 1)
    with raises(FeedError, max_tokens=WORDS + 1):
        list(Feed(shards[0] / "odd", wider, world=1, rank=0, batch=8, seed=1).epoch(0))


class StoppedEarly:
    """Petastorm's reader with its known fault: it can end an epoch before it has read anything."""

    def __init__(self, reader, opens):
        self.reader, self.opens = reader, opens

    def __enter__(self):
        return iter(()) if next(self.opens) else self.reader.__enter__()

    def __exit__(self, *error):
        self.reader.__exit__(*error)


@pytest.mark.parametrize(("empty_opens", "fails"), [([True, False], False), ([True] * 3, True)])
def test_an_epoch_that_petastorm_ends_early_is_noticed(shards, monkeypatch, empty_opens, fails):
    import petastorm

    real, opens = petastorm.make_batch_reader, iter(empty_opens)
    monkeypatch.setattr(
        petastorm, "make_batch_reader", lambda *args, **kwargs: StoppedEarly(real(*args, **kwargs), opens)
    )
    feed = open_feed(shards)
    if fails:
        with raises(FeedError, delivered=0, expected=12, attempts=feed_module._OPENS):
            list(feed.epoch(0))
    else:
        list(feed.epoch(0))
        feed.require_complete(feed.delivered)


def test_many_epochs_deliver_all_and_leave_no_memory_behind(shards):
    feed = open_feed(shards)
    resident = []
    for epoch in range(50):
        for _ in feed.epoch(epoch):
            pass
        feed.require_complete(feed.delivered)
        resident.append(int(Path("/proc/self/statm").read_text().split()[1]) * 4096)
    assert resident[-1] - resident[9] < 30e6
