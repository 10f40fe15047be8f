"""Files of a release that did not change since an earlier version of the stage: nothing is parsed again."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Callable
from pathlib import Path
from typing import get_type_hints

from pydantic import create_model

from patent_spark.core.code_version import code_digest
from patent_spark.core.context import StageContext
from patent_spark.core.metadata import Record, SourceFile
from patent_spark.core.reuse import Parts
from patent_spark.core.schemas import PATENTS, REJECTS
from patent_spark.stages.ingest.file_formats import FileFormat
from patent_spark.stages.ingest.file_ingest import FileIngest, FileOutcome
from patent_spark.stages.ingest.key_samples import read_samples
from patent_spark.stages.ingest.release_metadata import ReleaseMetadata
from patent_spark.stages.ingest.source_file import identify
from patent_spark.stages.ingest.zip_reader import size_of

_TYPES = get_type_hints(FileOutcome)
_NO_FACTS = ("format", "source", "samples")
_FACTS = [each.name for each in dataclasses.fields(FileOutcome) if each.name not in _NO_FACTS]
_Facts: type[Record] = create_model(  # type: ignore[call-overload]
    "_Facts", __base__=Record, **{name: (_TYPES[name], ...) for name in _FACTS}
)
"""A FileOutcome but for the file itself and its keys."""


def ingest_file(
    context: StageContext,
    parts: Parts,
    folder: Path,
    format_: FileFormat,
    release: ReleaseMetadata,
    on_read: Callable[[int], None],
) -> FileOutcome:
    """Take over what an earlier version made of a file with the same checksum, or read it (FileIngest).

    Raises what `identify` and FileIngest raise.
    """
    path, latest = folder / format_.archive, release.latest_grant
    source = identify(path, release.sha256.get(format_.archive))
    depends_on = _depends_on(context, format_, latest, source)
    known = parts.reuse(format_.table, depends_on)
    if known is not None:
        on_read(size_of(path))
        samples = read_samples(format_.table, _files_of(context, format_, format_.table))
        return FileOutcome(format_, source, samples=samples, **dict(_Facts.model_validate(known)))
    outcome = FileIngest(context, folder, format_, latest, source).run(on_read)
    parts.add(format_.table, depends_on, _files(context, format_), _facts(outcome).to_json())
    return outcome


def _depends_on(
    context: StageContext, format_: FileFormat, latest: datetime.date, source: SourceFile
) -> list[object]:
    """All that a file's rows depend on. Only patents are compared with the last possible grant date."""
    last_day = latest if format_.table == PATENTS.name else None
    settings = dataclasses.asdict(context.config.ingest)
    code = code_digest(FileIngest.__module__)
    return [code, dataclasses.asdict(format_), source.to_json(), settings, str(last_day)]


def _files(context: StageContext, format_: FileFormat) -> list[Path]:
    """The Parquet files that a source file became, that of its rejected rows included."""
    files = [file for table in format_.tables for file in _files_of(context, format_, table)]
    return [*files, context.draft.path(REJECTS.name) / f"{format_.part}.parquet"]


def _files_of(context: StageContext, format_: FileFormat, table: str) -> list[Path]:
    return list(context.draft.path(table).glob(f"{format_.file_prefix}-*.parquet"))


def _facts(outcome: FileOutcome) -> Record:
    return _Facts(**{name: getattr(outcome, name) for name in _FACTS})
