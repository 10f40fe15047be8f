"""Releases at the Open Data Portal of the USPTO: metadata with an API key, files within a yearly budget.

The portal describes a product's files as JSON: name, size, data-to date, release date. Files are requested
by product and name; the answer is usually a redirect to another host, which must not see the key.
"""

from __future__ import annotations

import datetime
import os
import re
from collections import defaultdict

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from patent_spark.config import Config, ConfigError
from patent_spark.core.errors import DataError
from patent_spark.core.progress import say
from patent_spark.sources.errors import SourceError
from patent_spark.sources.file_names import REQUIRED, is_claims, is_wanted
from patent_spark.sources.http import Client, host
from patent_spark.sources.release import Release, ReleaseFile

KEY_NAME = "USPTO_API_KEY"
"""The environment variable with the API key. The key is in no setting, file, message or command line."""
ADDRESS = "https://api.uspto.gov/api/v1/datasets/products"


class OdpSource:
    """The releases of source.product; with claims, also the files of source.claims_product."""

    def __init__(self, config: Config, client: Client) -> None:
        self._settings, self._client = config.source, client
        self._address = config.source.url.rstrip("/") or ADDRESS
        self._claims = "claims" in config.text.fields

    def releases(self) -> list[Release]:
        """See ReleaseSource. A release of which files are missing is left out, with a message."""
        product = self._settings.product
        by_day = defaultdict[datetime.date, list[_File]](list)
        for file in self._files(product):
            if is_wanted(file.name, claims=False):
                by_day[_day(file.data_to_date)].append(file)
        if not by_day:
            raise DataError(f"{product} at {host(self._address)} has no file {REQUIRED[0]}", file=REQUIRED[0])
        claims = self._claims_files() if self._claims else []
        releases = []
        for day, files in sorted(by_day.items(), reverse=True):
            missing = sorted({*REQUIRED} - {file.name for file in files})
            if missing:
                say(f"  {product} with data to {day} is not complete: it has no {', '.join(missing)}")
            else:
                releases.append(self._release(day, [*files, *claims]))
        if not releases:
            raise DataError(
                f"no release of {product} at {host(self._address)} is complete yet; try again later",
                product=product,
            )
        return releases

    def _release(self, day: datetime.date, files: list[_File]) -> Release:
        product = self._settings.product
        released = max(_day(file.released or file.data_to_date) for file in files)
        return Release(
            id=f"{product}-{day}-r{released:%Y%m%d}",
            data_to_date=day,
            released=released,
            source=f"{self._address}/{product}",
            files=tuple(
                ReleaseFile(name=file.name, size=file.size, released=file.released, url=self._url(file))
                for file in files
            ),
        )

    def _url(self, file: _File) -> str:
        """The file below our own address: a key must not go where the metadata says."""
        product = self._settings.claims_product if is_claims(file.name) else self._settings.product
        _, found, place = file.uri.partition("/files/")
        safe = found and re.fullmatch(r"[\w.-]+(/[\w.-]+)*", place) and ".." not in place
        return f"{self._address}/files/{place if safe else f'{product}/{file.name}'}"

    def _claims_files(self) -> list[_File]:
        product = self._settings.claims_product
        files = [file for file in self._files(product) if is_claims(file.name)]
        if not files:
            raise DataError(f"{product} at {host(self._address)} has no claims files", product=product)
        return files

    def _files(self, product: str) -> list[_File]:
        values = self._client.json(f"{self._address}/{product}")
        try:
            products = _Answer.model_validate(values).products
        except ValidationError as error:
            where = ".".join(map(str, error.errors()[0]["loc"]))
            raise SourceError(
                f"{host(self._address)} describes {product} in an unknown form: {where}",
                host=host(self._address),
                field=where,
            ) from None
        return [file for each in products for file in each.bag.files]


def api_key() -> str:
    """The key; raises ConfigError when there is none, or one that cannot be a key."""
    key = os.environ.get(KEY_NAME, "").strip()
    if not key:
        raise ConfigError(
            f"source.kind=odp needs an API key of the Open Data Portal (data.uspto.gov): put it into the "
            f"environment variable {KEY_NAME}",
            setting=KEY_NAME,
        )
    if not re.fullmatch(r"[\x21-\x7e]+", key):
        raise ConfigError(f"{KEY_NAME} holds characters that no key has", setting=KEY_NAME)
    return key


class _Model(BaseModel):
    model_config = ConfigDict(extra="ignore", populate_by_name=True)


class _File(_Model):
    name: str = Field(alias="fileName")
    size: int | None = Field(None, alias="fileSize")
    data_to_date: str = Field(alias="fileDataToDate")
    released: str = Field("", alias="fileReleaseDate")
    uri: str = Field("", alias="fileDownloadURI")


class _Bag(_Model):
    files: list[_File] = Field(alias="fileDataBag")


class _Product(_Model):
    bag: _Bag = Field(alias="productFileBag")


class _Answer(_Model):
    products: list[_Product] = Field(alias="bulkDataProductBag")


def _day(text: str) -> datetime.date:
    try:
        return datetime.date.fromisoformat(text[:10])
    except ValueError:
        raise SourceError(f"the metadata has the date {text!r}, which is not a day", value=text) from None
