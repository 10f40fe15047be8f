"""A release that is archived at Zenodo: no key, one record, an MD5 checksum for each file."""

from __future__ import annotations

import datetime
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from patent_spark.config import Config
from patent_spark.core.errors import DataError
from patent_spark.sources.errors import SourceError
from patent_spark.sources.file_names import REQUIRED, is_wanted
from patent_spark.sources.http import Client, host
from patent_spark.sources.release import Release, ReleaseFile

ADDRESS = "https://zenodo.org/api/records"

_DATA_TO_DATES = {"15058362": datetime.date(2024, 12, 31)}
"""Zenodo does not say what day a record's data goes to; this is known of PatentsView's own."""


class ZenodoSource:
    """The release in source.record."""

    def __init__(self, config: Config, client: Client) -> None:
        self._record, self._client = config.source.record, client
        self._address = config.source.url.rstrip("/") or ADDRESS
        self._claims = "claims" in config.text.fields
        self._data_to_date = config.release.data_to_date

    def releases(self) -> list[Release]:
        """See ReleaseSource; raises DataError when the record lacks a file."""
        values = self._client.json(f"{self._address}/{self._record}")
        try:
            record = _Record.model_validate(values)
        except ValidationError as error:
            where = ".".join(map(str, error.errors()[0]["loc"]))
            raise SourceError(
                f"{host(self._address)} describes record {self._record} in an unknown form: {where}",
                host=host(self._address),
                field=where,
            ) from None
        files = {file.key: file for file in record.files if is_wanted(file.key, self._claims)}
        if missing := [name for name in REQUIRED if name not in files]:
            raise DataError(
                f"Zenodo record {self._record} has no {', '.join(missing)}; set source.record to a record "
                f"with PatentsView's tables (it has {', '.join(file.key for file in record.files[:5])}, ...)",
                file=missing[0],
                setting="source.record",
            )
        return [
            Release(
                id=f"zenodo-{self._record}",
                data_to_date=self._data_to_date or _DATA_TO_DATES.get(self._record),
                released=record.metadata.publication_date,
                source=f"{self._address}/{self._record}",
                files=tuple(self._file(file) for file in files.values()),
            )
        ]

    def _file(self, file: _File) -> ReleaseFile:
        kind, _, digits = file.checksum.partition(":")
        return ReleaseFile(
            name=file.key,
            size=file.size,
            md5=digits if kind == "md5" else None,
            url=f"{self._address}/{self._record}/files/{quote(file.key)}/content",
        )


class _Model(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _File(_Model):
    key: str
    size: int
    checksum: str


class _Metadata(_Model):
    publication_date: datetime.date | None = None


class _Record(_Model):
    files: list[_File]
    metadata: _Metadata = Field(default_factory=_Metadata)
