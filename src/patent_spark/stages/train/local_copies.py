"""A rank's own row groups on a disk of its machine (`train.cache_dir`); EXAMPLES may be on a slow one.

The reader then compares the copies with the manifest, as it does with the originals.
"""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from patent_spark.config import Train
from patent_spark.core.errors import DataError, WorkError
from patent_spark.core.schemas import DEVELOPMENT, TRAIN
from patent_spark.stages.shard.layout import Layout, group_file
from patent_spark.stages.train.launch.horovod import Ranks
from patent_spark.stages.train.launch.job import Job


@contextmanager
def row_groups_of(job: Job, settings: Train, ranks: Ranks) -> Iterator[Path]:
    """The folder from which a rank reads the splits of its model; copies are removed afterwards.

    Raises WorkError when the copies do not fit on the disk, and DataError when a row group cannot be read.
    """
    examples = Path(job.examples)
    if not settings.cache_dir:
        yield examples
        return
    folder = Path(settings.cache_dir) / f"{job.model}-{job.key}-{ranks.rank}"
    try:
        _copy(_own_files(job, ranks), examples, folder)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _own_files(job: Job, ranks: Ranks) -> list[str]:
    """Below the folder of the examples."""
    splits = [split for split in (TRAIN, DEVELOPMENT) if split in job.shards.tasks[job.model].splits]
    return [
        f"{split}/{group_file(group)}"
        for split in splits
        for group in Layout.of(job.shards, job.model, split).groups_of(ranks.rank, ranks.size)
    ]


def _copy(names: list[str], examples: Path, folder: Path) -> None:
    needed = 0
    try:
        needed = sum((examples / name).stat().st_size for name in names)
        folder.mkdir(parents=True, exist_ok=True)
        if needed > shutil.disk_usage(folder).free:
            raise OSError(errno.ENOSPC, "too little space")
        for name in names:
            (folder / name).parent.mkdir(exist_ok=True)
            shutil.copyfile(examples / name, folder / name)
    except FileNotFoundError as error:
        raise DataError(
            f"{error.filename} is missing; run `patent-spark shard --force`",
            file=error.filename,
            stage="shard",
        ) from error
    except OSError as error:
        raise WorkError(
            f"train.cache_dir: the {needed / 1e6:,.1f} MB of this rank's row groups cannot be copied to "
            f"{folder} ({error.strerror}); make room, or choose another folder",
            setting="train.cache_dir",
            folder=str(folder),
        ) from error
