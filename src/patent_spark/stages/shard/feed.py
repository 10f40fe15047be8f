"""What a rank trains from: its share of every batch, read by Petastorm. The only file that imports petastorm.

A step takes batch / lanes rows of each lane (see layout.py); within a round the rows of a lane are permuted by a
generator seeded with (seed, epoch, lane, round). So the ranks' batches of a step hold the same examples together,
whatever the number of ranks, and the steps of an epoch follow from the manifest alone.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from patent_spark.core.errors import DataError
from patent_spark.core.progress import log
from patent_spark.stages.shard.layout import Layout, content_digest, group_file, keys_digest

if TYPE_CHECKING:
    import tensorflow as tf

_COLUMNS = ("patent_key", "position", "label", "length", "tokens")
_ROUNDS, _ROWS, _STEPS = range(3)  # so that no two generators share a seed
_OPENS = 3
_IDLE_S = 0.05
"""How often Petastorm's idle worker looks whether it is to stop; its own thousand times a second cost 4 % of a training on 2 cores."""


class FeedError(DataError):
    """What was read is not what the manifest promises; the message names both."""


class Batch(NamedTuple):
    """A rank's part of one step: n rows, some of which can be padding."""

    tokens: tf.Tensor
    """int32 [n, max_tokens], 0 to the right."""
    label: tf.Tensor
    """int32 [n]."""
    weight: tf.Tensor
    """float32 [n]: 1, or 0 for padding."""
    key: tf.Tensor
    """int64 [n]: patent_key, negative for padding."""
    length: tf.Tensor
    """int32 [n]: tokens before padding."""


class Feed:
    """The batches of one rank, epoch by epoch.

    `directory` is EXAMPLES/<task>/<split>, `batch` the examples of a step over all ranks together.
    Raises FeedError when the layout does not suit the number of ranks or the batch.
    """

    def __init__(
        self,
        directory: Path,
        layout: Layout,
        *,
        world: int,
        rank: int,
        batch: int,
        seed: int,
        bucket_by_length: bool = False,
    ) -> None:
        if layout.lanes % world:
            raise FeedError(
                f"{directory} is laid out in {layout.lanes} lanes, which {world} ranks cannot share evenly; "
                f"add {world} to shard.world_sizes and run `patent-spark shard`, or change train.ranks"
            )
        if batch % layout.lanes:
            raise FeedError(
                f"train.batch = {batch} must be a multiple of the {layout.lanes} lanes of {directory}"
            )
        if any(character in str(directory) for character in "#?;"):
            raise FeedError(
                f"{directory}: Petastorm takes URLs, so the path of the warehouse must be without # ? and ;"
            )
        self.directory, self.layout, self.seed, self.bucket_by_length = (
            directory,
            layout,
            seed,
            bucket_by_length,
        )
        self._lanes = [lane for lane in range(layout.lanes) if lane % world == rank]
        self._lane_rows = batch // layout.lanes
        self.steps_per_round = layout.steps_per_round(batch)
        self.steps_per_epoch = layout.steps_per_epoch(batch)
        self.delivered = np.zeros(2, np.int64)
        """Examples and digest of their keys since epoch() was called. Sums over ranks, wrapping around like int64, go to require_complete()."""
        self._failure: FeedError | None = None

    def require_unchanged(self) -> None:
        """Check that this rank's files are byte for byte those that the manifest describes; raises FeedError naming one that is not."""
        for group, written in enumerate(self.layout.contents):
            if group % self.layout.lanes not in self._lanes:
                continue
            file = self.directory / group_file(group)
            try:
                found = content_digest(file)
            except OSError as error:
                raise FeedError(
                    f"{file} cannot be read ({error.strerror}); run `patent-spark shard --force`"
                ) from error
            if found != written:
                raise FeedError(
                    f"{file} is not the file that the manifest describes ({found}, not {written}); run `patent-spark shard --force`"
                )

    def epoch(self, epoch: int, start_step: int = 0) -> Iterator[Batch]:
        """The batches of one epoch, in an order that follows from (seed, epoch); `start_step` leaves out the first steps.

        Raises FeedError when there are fewer steps than the manifest promises.
        """
        self.delivered = np.zeros(2, np.int64)
        self._failure = None
        steps = 0
        for tensors in self._dataset(epoch, start_step):
            batch = Batch(*tensors)
            steps += 1
            self.delivered += _tally(batch.key.numpy())
            yield batch
        if self._failure is not None:
            raise self._failure
        if steps != self.steps_per_epoch - start_step:
            raise FeedError(
                f"{self.directory}: epoch {epoch} ended after {steps} steps, {self.steps_per_epoch - start_step} were expected"
            )

    def require_complete(self, delivered: npt.NDArray[np.int64]) -> None:
        """Check the sum of `delivered` over all ranks, and over all attempts at an epoch that was resumed half-way, against the manifest.

        Raises FeedError naming what was expected and found.
        """
        examples, digest = int(delivered[0]), int(delivered[1]) % 2**64
        if (examples, digest) != (self.layout.rows, self.layout.keys_digest):
            raise FeedError(
                f"{self.directory}: all ranks together delivered {examples:,} examples with digest {digest:016x}, "
                f"the manifest says {self.layout.rows:,} with {self.layout.keys_digest:016x}; run `patent-spark shard --force`"
            )

    def _dataset(self, epoch: int, start_step: int) -> tf.data.Dataset:
        import tensorflow as tf

        tokens = tf.TensorSpec((None, self.layout.max_tokens), tf.int32)
        label, weight, key, steps = (
            tf.TensorSpec((None,), kind) for kind in (tf.int32, tf.float32, tf.int64, tf.int64)
        )
        signature = ((tokens, label, weight, key, label), steps)
        rounds = tf.data.Dataset.from_generator(
            lambda: self._rounds(epoch, start_step), output_signature=signature
        )
        size = self._lane_rows * len(self._lanes)

        def cut(arrays: tuple[tf.Tensor, ...], steps: tf.Tensor) -> tf.data.Dataset:
            slices = tf.data.Dataset.from_tensor_slices(steps)
            return slices.map(lambda step: tuple(array[step * size : (step + 1) * size] for array in arrays))

        options = tf.data.Options()
        options.autotune.enabled = (
            False  # its thread can sleep on, for as long as it has run, where an epoch is left before its end
        )
        return rounds.flat_map(cut).prefetch(2).with_options(options)

    def _rounds(
        self, epoch: int, start_step: int
    ) -> Iterator[tuple[tuple[npt.NDArray[Any], ...], npt.NDArray[np.int64]]]:
        """This rank's rows of each round, sorted by step, and the order in which the steps are to be taken."""
        order = np.random.default_rng([_ROUNDS, self.seed, epoch, 0, 0]).permutation(self.layout.rounds)
        first, skipped = divmod(start_step, self.steps_per_round)
        order = order[first:]
        lanes = self.layout.lanes
        groups = [int(round_) * lanes + lane for round_ in order for lane in self._lanes]
        try:
            read = self._read(groups)
            for round_ in order:
                parts = [self._permuted(next(read), epoch, lane, int(round_)) for lane in self._lanes]
                yield self._by_step(parts), self._steps(epoch, int(round_))[skipped:]
                skipped = 0
        except FeedError as error:  # TensorFlow would wrap it in its own; epoch() raises it as it is
            self._failure = error

    def _permuted(
        self, arrays: tuple[npt.NDArray[Any], ...], epoch: int, lane: int, round_: int
    ) -> tuple[npt.NDArray[Any], ...]:
        order = np.random.default_rng([_ROWS, self.seed, epoch, lane, round_]).permutation(
            self.layout.rows_per_group
        )
        if self.bucket_by_length:
            order = order[np.argsort(arrays[-1][order], kind="stable")]
        return tuple(array[order] for array in arrays)

    def _by_step(self, lanes: Sequence[tuple[npt.NDArray[Any], ...]]) -> tuple[npt.NDArray[Any], ...]:
        """Step 0's rows of every lane, then step 1's, and so on; only the last step can have fewer rows."""
        step = np.tile(np.arange(self.layout.rows_per_group) // self._lane_rows, len(lanes))
        order = np.argsort(step, kind="stable")
        return tuple(np.concatenate(arrays)[order] for arrays in zip(*lanes, strict=True))

    def _steps(self, epoch: int, round_: int) -> npt.NDArray[np.int64]:
        """The order of steps: as they come, or shuffled where neighbours have texts of like length. The same for all ranks."""
        if not self.bucket_by_length:
            return np.arange(self.steps_per_round)
        return np.random.default_rng([_STEPS, self.seed, epoch, 0, round_]).permutation(self.steps_per_round)

    def _read(self, groups: list[int]) -> Iterator[tuple[npt.NDArray[Any], ...]]:
        """The arrays of each group in turn: the fields of Batch in NumPy.

        Petastorm's pool can take an epoch to be over before its first row group was handed out; then it is opened again.
        """
        left = list(groups)
        for _ in range(_OPENS):
            for arrays in self._read_once(tuple(left)):
                left.pop(0)
                yield arrays
            if not left:
                return
            log.warning("%s: Petastorm ended %d row groups early; opening again", self.directory, len(left))
        raise FeedError(
            f"{self.directory}: Petastorm delivered {len(groups) - len(left)} of {len(groups)} row groups, opened {_OPENS} times"
        )

    def _read_once(self, groups: Sequence[int]) -> Iterator[tuple[npt.NDArray[Any], ...]]:
        from petastorm import make_batch_reader
        from petastorm.workers_pool import thread_pool

        thread_pool.IO_TIMEOUT_INTERVAL_S = _IDLE_S
        warnings.filterwarnings(
            "ignore", category=FutureWarning, module="petastorm"
        )  # it uses what later pyarrows lack
        urls = [f"file://{self.directory.absolute() / group_file(group)}" for group in groups]
        try:
            # One worker keeps the order of the list; with the dummy pool a reader can wait for ever.
            with make_batch_reader(
                urls, schema_fields=list(_COLUMNS), shuffle_row_groups=False, workers_count=1, num_epochs=1
            ) as reader:
                for group, columns in zip(groups, reader, strict=False):
                    yield self._checked(group, columns)
        except (OSError, ValueError) as error:  # no such file, not Parquet, columns missing
            raise FeedError(
                f"{self.directory} cannot be read ({' '.join(str(error).split())}); run `patent-spark shard --force`"
            ) from error

    def _checked(self, group: int, columns: Any) -> tuple[npt.NDArray[Any], ...]:
        """The columns of a row group as arrays, after checking that it is the right one and whole."""
        where, rows = self.directory / group_file(group), self.layout.rows_per_group
        keys = columns.patent_key
        if len(keys) != rows or columns.position[0] != self.layout.first_position(group):
            raise FeedError(
                f"{where} holds {len(keys)} rows from position {columns.position[0]}, the manifest says {rows} rows "
                f"from {self.layout.first_position(group)}; run `patent-spark shard --force`"
            )
        ids = np.frombuffer(b"".join(columns.tokens), "<i4")
        if len(ids) != rows * self.layout.max_tokens:
            raise FeedError(
                f"{where} holds {len(ids)} token ids, the manifest says {rows} rows of {self.layout.max_tokens}"
            )
        return ids.reshape(rows, -1), columns.label, (keys >= 0).astype(np.float32), keys, columns.length


def _tally(keys: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return np.array([np.count_nonzero(keys >= 0), keys_digest(keys)], np.uint64).astype(np.int64)
