"""A bucket and the few requests that a warehouse makes of it. The only module that imports boto3."""

from __future__ import annotations

import datetime
import email.utils
import functools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from patent_spark.config import ConfigError, PatentSparkError
from patent_spark.core.errors import WorkError
from patent_spark.core.objects.environment import endpoint_of, region

_REFUSED = {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "403"}
_MISSING = {"NoSuchKey", "404"}
_CHANGED = {"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_MANY = 1000
"""Objects that one request may delete."""


@dataclass(frozen=True)
class StoredObject:
    """What a listing says of an object."""

    key: str
    """Below the prefix of the warehouse."""
    bytes: int
    age_s: float
    """Seconds since it was written, by the server's clock."""

    @property
    def name(self) -> str:
        """The last part of its key."""
        return self.key.rpartition("/")[2]


@dataclass(frozen=True)
class Content:
    """A small object as it was read."""

    text: str
    tag: str
    age_s: float
    """Seconds since it was written, by the server's clock."""


class Bucket:
    """The objects below one prefix. Keys are relative to it.

    Credentials come from the environment (AWS_ACCESS_KEY_ID, ...), never from settings. Every method raises
    ConfigError when the bucket is missing or refuses the credentials, and WorkError when it does not answer.
    """

    def __init__(self, address: str, endpoint: str = "") -> None:
        """address: s3://bucket/prefix. endpoint: of another server than AWS; empty: AWS_ENDPOINT_URL."""
        self.address = address.rstrip("/")
        parts = urlsplit(self.address)
        self.name, self._prefix = parts.netloc, parts.path.strip("/")
        self.endpoint = endpoint_of(endpoint)
        self._client = _client(self.endpoint, _environment())

    def url(self, key: str) -> str:
        """The address of an object, or of all below a key."""
        return f"s3://{self.name}/{self._full(key)}"

    def read(self, key: str) -> Content | None:
        """A small object, or None."""
        try:
            with self._errors(f"reading {key}"):
                answer = self._client.get_object(Bucket=self.name, Key=self._full(key))
                text = answer["Body"].read().decode()
        except FileNotFoundError:
            return None
        return Content(text, answer["ETag"], _age(answer["LastModified"], _server_time(answer)))

    def write(self, key: str, text: str) -> None:
        """Write a small object, whatever is there."""
        with self._errors(f"writing {key}"):
            self._client.put_object(Bucket=self.name, Key=self._full(key), Body=text.encode())

    def write_if(self, key: str, text: str, tag: str | None) -> str | None:
        """Write a small object if the one there has this tag (None: there is none); returns the new tag.

        None: the condition did not hold. The text must differ from what is there and from what others write,
        so that a request which succeeded but was answered by nobody is known when it is sent again.
        """
        condition = {"IfNoneMatch": "*"} if tag is None else {"IfMatch": tag}
        try:
            with self._errors(f"writing {key}"):
                answer = self._client.put_object(
                    Bucket=self.name, Key=self._full(key), Body=text.encode(), **condition
                )
        except (FileExistsError, FileNotFoundError):
            now = self.read(key)
            return now.tag if now is not None and now.text == text else None
        return str(answer["ETag"])

    def delete(self, *keys: str) -> None:
        """Delete objects that may be there."""
        for first in range(0, len(keys), _MANY):
            named = [{"Key": self._full(key)} for key in keys[first : first + _MANY]]
            with self._errors(f"deleting {keys[first]}"):
                answer = self._client.delete_objects(Bucket=self.name, Delete={"Objects": named})
            if failed := answer.get("Errors"):
                raise WorkError(
                    f"{self.address}: {len(failed)} objects cannot be deleted: {failed[0]['Code']}"
                )

    def all_below(self, folder: str) -> list[StoredObject]:
        """All objects below a folder, in the order of their keys."""
        return [each for page in self._pages(folder) for each in self._objects(page)]

    def folder(self, folder: str = "") -> tuple[list[StoredObject], list[str]]:
        """The objects right in a folder, and the names of the folders in it."""
        pages = list(self._pages(folder, Delimiter="/"))
        prefixes = [each["Prefix"] for page in pages for each in page.get("CommonPrefixes", [])]
        objects = [each for page in pages for each in self._objects(page)]
        return objects, [prefix.rstrip("/").rpartition("/")[2] for prefix in prefixes]

    def upload(self, file: Path, key: str) -> None:
        """Write a file as an object."""
        with self._errors(f"writing {key}"), file.open("rb") as opened:
            self._client.upload_fileobj(opened, self.name, self._full(key))

    def chunks(self, key: str, size: int = 1 << 20) -> Iterator[bytes]:
        """The content of an object; raises FileNotFoundError, and ConnectionError when the answer is cut."""
        from botocore.exceptions import HTTPClientError, IncompleteReadError

        with self._errors(f"reading {key}"):
            body = self._client.get_object(Bucket=self.name, Key=self._full(key))["Body"]
        try:
            yield from body.iter_chunks(size)
        except (HTTPClientError, IncompleteReadError) as error:
            raise ConnectionError(f"the server cut its answer: {type(error).__name__}") from error

    def _pages(self, folder: str, **options: str) -> Iterator[dict[str, Any]]:
        prefix = self._full(f"{folder}/" if folder else "")
        with self._errors(f"listing {folder or 'it'}"):
            yield from self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self.name, Prefix=prefix, **options
            )

    def _objects(self, page: dict[str, Any]) -> list[StoredObject]:
        now, listed = _server_time(page), page.get("Contents", [])
        return [
            StoredObject(self._relative(each["Key"]), each["Size"], _age(each["LastModified"], now))
            for each in listed
        ]

    def _full(self, key: str) -> str:
        return f"{self._prefix}/{key}" if self._prefix else key

    def _relative(self, full: str) -> str:
        return full[len(self._prefix) + 1 :] if self._prefix else full

    @contextmanager
    def _errors(self, doing: str) -> Iterator[None]:
        """Errors of boto3 as FileNotFoundError, FileExistsError (a condition did not hold), or a sentence."""
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if code in _MISSING:
                raise FileNotFoundError(doing) from error
            if code in _CHANGED:
                raise FileExistsError(doing) from error
            raise self._refusal(code, doing) from error
        except (BotoCoreError, Boto3Error) as error:
            raise self._failure(error, doing) from error

    def _refusal(self, code: str, doing: str) -> PatentSparkError:
        server = self.endpoint or "AWS"
        if code == "NoSuchBucket":
            return ConfigError(
                f"warehouse.root = {self.address}: there is no bucket {self.name} at {server}; create it, or "
                "correct the setting",
                setting="warehouse.root",
                bucket=self.name,
            )
        if code in _REFUSED:
            return ConfigError(
                f"warehouse.root = {self.address}: {server} refuses the credentials ({code}, {doing}); check "
                "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and what they may do with the bucket",
                setting="warehouse.root",
                code=code,
            )
        return WorkError(f"{self.address}: {doing} failed: {server} answered {code}", code=code)

    def _failure(self, error: Exception, doing: str) -> PatentSparkError:
        from botocore.exceptions import NoCredentialsError, PartialCredentialsError

        if isinstance(error, NoCredentialsError | PartialCredentialsError):
            return ConfigError(
                f"warehouse.root = {self.address} needs credentials; set AWS_ACCESS_KEY_ID and "
                "AWS_SECRET_ACCESS_KEY in the environment",
                setting="warehouse.root",
            )
        return WorkError(
            f"{self.address}: {doing} failed: {self.endpoint or 'AWS'} does not answer as it should "
            f"({type(error).__name__}); see whether it is up and warehouse.endpoint is right, and try again",
            setting="warehouse.endpoint",
        )


def _environment() -> tuple[tuple[str, str], ...]:
    """What a client depends on beside its address."""
    return tuple(sorted((name, value) for name, value in os.environ.items() if name.startswith("AWS_")))


@functools.lru_cache(maxsize=4)  # making one takes a quarter of a second, and a run opens its warehouse often
def _client(endpoint: str, environment: tuple[tuple[str, str], ...]) -> Any:
    try:
        import boto3
        from botocore.config import Config
    except ImportError as error:
        raise ConfigError(
            "a warehouse in a bucket needs boto3; install patent_spark[objects]", setting="warehouse.root"
        ) from error
    return boto3.Session().client(
        "s3",
        endpoint_url=endpoint or None,
        region_name=region(),
        config=Config(
            connect_timeout=10,
            read_timeout=60,
            retries={"mode": "standard", "max_attempts": 4},
            max_pool_connections=32,
            # Servers other than AWS seldom have a name for each bucket.
            s3={"addressing_style": "path" if endpoint else "auto"},
            proxies={} if urlsplit(endpoint).hostname in _LOOPBACK else None,
        ),
    )


def _server_time(answer: dict[str, Any]) -> datetime.datetime:
    """When the server answered, by its own clock: ages do not depend on the clocks of several machines."""
    date = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
    return email.utils.parsedate_to_datetime(date) if date else datetime.datetime.now(datetime.UTC)


def _age(written: datetime.datetime, now: datetime.datetime) -> float:
    return max(0.0, (now - written).total_seconds())
