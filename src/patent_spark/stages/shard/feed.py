"""The batches that a rank trains on, read by Petastorm. The only file that imports petastorm.

layout.py defines row groups, virtual shards and rounds. A step takes the same number of rows of each virtual
shard, batch / virtual_shards. Within a round the rows of a virtual shard are permuted by a generator seeded
with (seed, epoch, virtual shard, round). So the ranks' batches of a step hold the same examples together for
any number of ranks, and the number of steps of an epoch follows from the manifest alone.
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
_LENGTH = 4
"""Place of the length among the fields of a batch."""
# Part of each seed, so that no two generators share one.
_ROUNDS, _ROWS, _STEPS = range(3)
_OPENS = 3
_IDLE_S = 0.05
"""Polling interval of Petastorm's idle worker; its default, 1 ms, cost 4 % of a training on 2 cores."""


class FeedError(DataError):
    """The files read differ from the manifest; the message names both."""


class Batch(NamedTuple):
    """A rank's part of one step: n rows, including padding."""

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
    features: tf.Tensor
    """float32 [n, width]; with width 0 for examples without features."""


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
        if layout.virtual_shards % world:
            raise FeedError(
                f"{directory}: {world} ranks cannot share its {layout.virtual_shards} virtual shards evenly; "
                f"add {world} to shard.world_sizes and run `patent-spark shard`, or change train.ranks",
                setting="shard.world_sizes",
                virtual_shards=layout.virtual_shards,
                ranks=world,
            )
        if batch % layout.virtual_shards:
            raise FeedError(
                f"train.batch = {batch} must be a multiple of {layout.virtual_shards}, the virtual shards "
                f"of {directory}",
                setting="train.batch",
                batch=batch,
                virtual_shards=layout.virtual_shards,
            )
        if any(character in str(directory) for character in "#?;"):
            raise FeedError(
                f"{directory}: Petastorm reads URLs, so the path of the warehouse must not contain #, ? or ;",
                directory=directory,
            )
        self.directory, self.layout = directory, layout
        self.seed, self.bucket_by_length = seed, bucket_by_length
        self._own_shards = [shard for shard in range(layout.virtual_shards) if shard % world == rank]
        self._rows_per_shard = batch // layout.virtual_shards
        self.steps_per_round = layout.steps_per_round(batch)
        self.steps_per_epoch = layout.steps_per_epoch(batch)
        self.delivered = np.zeros(2, np.int64)
        """Number of examples and digest of their keys since epoch() was called.

        Sums over ranks, wrapping around like int64, go to require_complete().
        """
        self._failure: FeedError | None = None

    def require_unchanged(self) -> None:
        """Check the bytes of this rank's files against the manifest; raises FeedError for a mismatch."""
        for group, written in enumerate(self.layout.contents):
            if group % self.layout.virtual_shards not in self._own_shards:
                continue
            file = self.directory / group_file(group)
            try:
                digest = content_digest(file)
            except OSError as error:
                raise FeedError(
                    f"{file} cannot be read ({error.strerror}); run `patent-spark shard --force`",
                    file=file.name,
                    stage="shard",
                ) from error
            if digest != written:
                raise FeedError(
                    f"{file} differs from the manifest (digest {digest}, not {written}); "
                    "run `patent-spark shard --force`",
                    file=file.name,
                    stage="shard",
                    digest=digest,
                    expected=written,
                )

    def epoch(self, epoch: int, start_step: int = 0) -> Iterator[Batch]:
        """The batches of one epoch from `start_step` on, in an order determined by (seed, epoch).

        Raises FeedError when there are fewer steps than the manifest has.
        """
        self.delivered = np.zeros(2, np.int64)
        self._failure = None
        steps = 0
        for tensors in self._dataset(epoch, start_step):
            batch = Batch(*tensors)
            steps += 1
            self.delivered += _count_and_digest(batch.key.numpy())
            yield batch
        if self._failure is not None:
            raise self._failure
        expected = self.steps_per_epoch - start_step
        if steps != expected:
            raise FeedError(
                f"{self.directory}: epoch {epoch} ended after {steps} steps, expected {expected}",
                epoch=epoch,
                steps=steps,
                expected=expected,
            )

    def require_complete(self, delivered: npt.NDArray[np.int64]) -> None:
        """Check the sum of `delivered` against the manifest; raises FeedError that names both.

        The sum is over all ranks and, for an epoch that was resumed midway, over all attempts.
        """
        examples, digest = int(delivered[0]), int(delivered[1]) % 2**64
        if (examples, digest) != (self.layout.rows, self.layout.keys_digest):
            raise FeedError(
                f"{self.directory}: all ranks delivered {examples:,} examples with digest {digest:016x}, "
                f"the manifest has {self.layout.rows:,} with {self.layout.keys_digest:016x}; "
                "run `patent-spark shard --force`",
                stage="shard",
                examples=examples,
                expected=self.layout.rows,
                digest=f"{digest:016x}",
            )

    def _dataset(self, epoch: int, start_step: int) -> tf.data.Dataset:
        import tensorflow as tf

        tokens = tf.TensorSpec((None, self.layout.max_tokens), tf.int32)
        label, weight, key, steps = (
            tf.TensorSpec((None,), kind) for kind in (tf.int32, tf.float32, tf.int64, tf.int64)
        )
        features = tf.TensorSpec((None, self.layout.feature_width), tf.float32)
        signature = ((tokens, label, weight, key, label, features), steps)
        rounds = tf.data.Dataset.from_generator(
            lambda: self._rounds(epoch, start_step), output_signature=signature
        )
        size = self._rows_per_shard * len(self._own_shards)

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
        """This rank's rows of each round, sorted by step, and the order of the steps."""
        order = np.random.default_rng([_ROUNDS, self.seed, epoch, 0, 0]).permutation(self.layout.rounds)
        first, skipped = divmod(start_step, self.steps_per_round)
        order = order[first:]
        virtual_shards = self.layout.virtual_shards
        groups = [int(round_) * virtual_shards + shard for round_ in order for shard in self._own_shards]
        try:
            read = self._read(groups)
            for round_ in order:
                parts = [self._permuted(next(read), epoch, shard, int(round_)) for shard in self._own_shards]
                yield self._by_step(parts), self._steps(epoch, int(round_))[skipped:]
                skipped = 0
        except FeedError as error:
            # TensorFlow would wrap the error; epoch() raises it unchanged.
            self._failure = error

    def _permuted(
        self, arrays: tuple[npt.NDArray[Any], ...], epoch: int, shard: int, round_: int
    ) -> tuple[npt.NDArray[Any], ...]:
        order = np.random.default_rng([_ROWS, self.seed, epoch, shard, round_]).permutation(
            self.layout.rows_per_group
        )
        if self.bucket_by_length:
            order = order[np.argsort(arrays[_LENGTH][order], kind="stable")]
        return tuple(array[order] for array in arrays)

    def _by_step(self, shards: Sequence[tuple[npt.NDArray[Any], ...]]) -> tuple[npt.NDArray[Any], ...]:
        """The rows by step, each with rows of every virtual shard; only the last step can have fewer rows."""
        step = np.tile(np.arange(self.layout.rows_per_group) // self._rows_per_shard, len(shards))
        order = np.argsort(step, kind="stable")
        return tuple(np.concatenate(arrays)[order] for arrays in zip(*shards, strict=True))

    def _steps(self, epoch: int, round_: int) -> npt.NDArray[np.int64]:
        """The order of steps, equal for all ranks; shuffled if neighbours have texts of similar length."""
        if not self.bucket_by_length:
            return np.arange(self.steps_per_round)
        return np.random.default_rng([_STEPS, self.seed, epoch, 0, round_]).permutation(self.steps_per_round)

    def _read(self, groups: list[int]) -> Iterator[tuple[npt.NDArray[Any], ...]]:
        """The arrays of each row group in turn: the fields of Batch in NumPy.

        Petastorm's pool can end an epoch before its first row group was delivered; then it is opened again.
        """
        left = list(groups)
        for _ in range(_OPENS):
            for arrays in self._read_once(tuple(left)):
                left.pop(0)
                yield arrays
            if not left:
                return
            log.warning("%s: Petastorm ended %d row groups early; opening again", self.directory, len(left))
        delivered = len(groups) - len(left)
        raise FeedError(
            f"{self.directory}: Petastorm delivered {delivered} of {len(groups)} row groups "
            f"after {_OPENS} attempts",
            delivered=delivered,
            expected=len(groups),
            attempts=_OPENS,
        )

    def _read_once(self, groups: Sequence[int]) -> Iterator[tuple[npt.NDArray[Any], ...]]:
        from petastorm import make_batch_reader
        from petastorm.workers_pool import thread_pool

        thread_pool.IO_TIMEOUT_INTERVAL_S = _IDLE_S
        # Petastorm uses functions that later versions of pyarrow lack.
        warnings.filterwarnings("ignore", category=FutureWarning, module="petastorm")
        urls = [f"file://{self.directory.absolute() / group_file(group)}" for group in groups]
        try:
            # One worker keeps the order of the list; with the dummy pool a reader can wait forever.
            with make_batch_reader(
                urls, schema_fields=self._columns, shuffle_row_groups=False, workers_count=1, num_epochs=1
            ) as reader:
                for group, columns in zip(groups, reader, strict=False):
                    yield self._checked(group, columns)
        except (OSError, ValueError) as error:
            # No such file, not Parquet, or columns are missing.
            raise FeedError(
                f"{self.directory} cannot be read ({' '.join(str(error).split())}); "
                "run `patent-spark shard --force`",
                directory=self.directory,
                stage="shard",
            ) from error

    def _checked(self, group: int, columns: Any) -> tuple[npt.NDArray[Any], ...]:
        """The columns of a row group as arrays; raises FeedError unless it is the right one and complete."""
        file, rows = self.directory / group_file(group), self.layout.rows_per_group
        keys = columns.patent_key
        first = self.layout.first_position(group)
        if len(keys) != rows or columns.position[0] != first:
            raise FeedError(
                f"{file} has {len(keys)} rows from position {columns.position[0]}, "
                f"the manifest has {rows} rows from {first}; run `patent-spark shard --force`",
                file=file.name,
                stage="shard",
                rows=len(keys),
                position=int(columns.position[0]),
            )
        ids = np.frombuffer(b"".join(columns.tokens), "<i4")
        if len(ids) != rows * self.layout.max_tokens:
            raise FeedError(
                f"{file} has {len(ids)} token ids, the manifest has {rows} rows of {self.layout.max_tokens}",
                file=file.name,
                token_ids=len(ids),
                max_tokens=self.layout.max_tokens,
            )
        weight = (keys >= 0).astype(np.float32)
        features = self._features(file, columns)
        return ids.reshape(rows, -1), columns.label, weight, keys, columns.length, features

    @property
    def _columns(self) -> list[str]:
        return [*_COLUMNS, "features"] if self.layout.feature_width else list(_COLUMNS)

    def _features(self, file: Path, columns: Any) -> npt.NDArray[np.float32]:
        rows, width = self.layout.rows_per_group, self.layout.feature_width
        if not width:
            return np.zeros((rows, 0), np.float32)
        numbers = np.frombuffer(b"".join(columns.features), "<f4")
        if len(numbers) != rows * width:
            raise FeedError(
                f"{file} has {len(numbers)} numbers of features, the manifest has {rows} rows of {width}",
                file=file.name,
                numbers=len(numbers),
                width=width,
            )
        return numbers.reshape(rows, width)


def _count_and_digest(keys: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return np.array([np.count_nonzero(keys >= 0), keys_digest(keys)], np.uint64).astype(np.int64)
