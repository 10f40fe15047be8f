"""Requests to a source: where the API key may go, what a redirect and each status mean.

The key is a header of requests to the address in the settings, and of no other: redirects are followed by
hand, and one to another host, port or scheme is followed without it. No message holds a header, the text of
an answer, or the query of an address, which can be a secret of its own.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import cast
from urllib.parse import urljoin, urlsplit, urlunsplit

import requests
import urllib3
from pydantic import JsonValue
from requests import Response

from patent_spark.core.progress import say
from patent_spark.sources.errors import SourceError

_MAX_REDIRECTS = 5
_CHUNK = 1 << 20
_REDIRECTS = (301, 302, 303, 307, 308)
_USABLE = (200, 206, 416)


class Client:
    """Sends requests to one source. key: sent in the header X-Api-Key, to the origin of `address` alone."""

    def __init__(
        self, address: str, *, timeout_s: int, longest_wait_s: int, key: str = "", key_name: str = ""
    ) -> None:
        self._origin, self._timeout, self._longest_wait = origin(address), timeout_s, longest_wait_s
        self._key, self._key_name = key, key_name
        self._session = requests.Session()

    def json(self, address: str) -> dict[str, JsonValue]:
        """The JSON object at an address; raises SourceError for any other answer."""
        with self.open(address) as response:
            try:
                values = response.json()
            except requests.JSONDecodeError:
                values = None
            except requests.RequestException as error:
                raise _unreachable(address, error) from None
            if not isinstance(values, dict):
                kind = response.headers.get("Content-Type", "no content type")
                raise SourceError(
                    f"{without_query(address)} answered no JSON object but {kind}; is source.url right, "
                    "or is a proxy or a login page in the way?",
                    host=host(address),
                    content_type=kind,
                )
            return values

    @contextmanager
    def open(
        self,
        address: str,
        headers: Mapping[str, str] | None = None,
        charge: Callable[[], None] = lambda: None,
    ) -> Iterator[Response]:
        """The answer to a request, with status 200, 206 or 416; its body is not read yet.

        charge: called before each request to `address` itself. A 429 is waited for once, if the source says
        how long and that is not too long; nothing else is tried again. Raises SourceError.
        """
        response = self._follow(address, headers or {}, charge)
        if response.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            self._wait(response)
            response.close()
            response = self._follow(address, headers or {}, charge)
        with response:
            if response.status_code not in _USABLE:
                raise self._refused(response)
            yield response

    def _follow(self, address: str, headers: Mapping[str, str], charge: Callable[[], None]) -> Response:
        charge()
        for _ in range(_MAX_REDIRECTS + 1):
            response = self._send(address, headers)
            target = response.headers.get("Location")
            if response.status_code not in _REDIRECTS or target is None:
                return response
            response.close()
            target = urljoin(address, target)
            if urlsplit(address).scheme == "https" and urlsplit(target).scheme != "https":
                raise SourceError(
                    f"{without_query(address)} redirects to {host(target)} without encryption; "
                    "this is not followed",
                    host=host(target),
                )
            address = target
        raise SourceError(f"{host(address)} redirected more than {_MAX_REDIRECTS} times", host=host(address))

    def _send(self, address: str, headers: Mapping[str, str]) -> Response:
        key = {"X-Api-Key": self._key} if self._key and origin(address) == self._origin else {}
        try:
            return self._session.get(
                address,
                headers={"Accept-Encoding": "identity", **headers, **key},
                stream=True,
                allow_redirects=False,
                timeout=self._timeout,
            )
        except requests.RequestException as error:
            raise _unreachable(address, error) from None

    def _wait(self, response: Response) -> None:
        """Wait as long as a 429 asks for; raises SourceError when it does not say, or asks for too long."""
        seconds = seconds_to_wait(response.headers)
        if seconds is None or seconds > self._longest_wait:
            raise self._refused(response)
        say(f"  {host(response.url)} asks to wait {seconds:.0f} s (429); one more request follows")
        time.sleep(seconds)

    def _refused(self, response: Response) -> SourceError:
        status, place = response.status_code, without_query(response.url)
        facts: dict[str, object] = {"status": status, "host": host(response.url)}
        advice = _ADVICE.get(status, "try again later" if status >= 500 else "")
        if status in (401, 403) and self._key_name and origin(response.url) == self._origin:
            state = "is set but refused" if self._key else "is not set"
            facts["setting"] = self._key_name
            advice = f"the API key in the environment variable {self._key_name} {state}"
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            seconds = seconds_to_wait(response.headers)
            advice = "it does not say when to come back; wait, and check the limits of your key"
            if seconds is not None:
                when = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=seconds)
                facts["retry_at"] = f"{when:%Y-%m-%d %H:%M}"
                advice = f"come back after {facts['retry_at']} UTC"
        return SourceError(f"{place} answered {status}; {advice}".rstrip("; "), **facts)


_ADVICE = {
    401: "it needs a login",
    403: "access is refused",
    404: "there is no such address: check source.url, source.product and source.record",
}


def seconds_to_wait(headers: Mapping[str, str]) -> float | None:
    """Retry-After in seconds, whether it is a number or a date; None without one.

    A date is compared with the answer's own Date, so that a wrong clock on this machine does no harm.
    """
    value = headers.get("Retry-After", "").strip()
    if value.isdigit():
        return float(value)
    until, now = _date(value), _date(headers.get("Date", "")) or datetime.datetime.now(datetime.UTC)
    return max(0.0, (until - now).total_seconds()) if until else None


def _date(text: str) -> datetime.datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)


class Body:
    """The body of an answer, piece by piece. `ended`: it came to its end, and the connection was not cut."""

    def __init__(self, response: Response) -> None:
        self._response, self.ended = response, False

    def __iter__(self) -> Iterator[bytes]:
        # requests' own iterator would drop what arrived of a piece before the cut.
        read = self._response.raw.read1
        try:
            while block := read(_CHUNK, decode_content=False):
                yield block
            self.ended = True
        except urllib3.exceptions.HTTPError:
            return


def origin(address: str) -> tuple[str, str, int]:
    """Scheme, host and port of an address."""
    parts = urlsplit(address)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
    return parts.scheme.lower(), (parts.hostname or "").lower(), port


def host(address: str) -> str:
    """The host of an address."""
    return urlsplit(address).hostname or ""


def without_query(address: str) -> str:
    """An address without query and without user and password."""
    parts = urlsplit(address)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _unreachable(address: str, error: Exception) -> SourceError:
    """The innermost reason alone: the messages around it repeat the whole address."""
    reason, each = type(error).__name__, cast(BaseException | None, error)
    while each is not None:
        reason = (each.strerror if isinstance(each, OSError) else None) or reason
        each = each.__cause__ or each.__context__
    return SourceError(f"{host(address)} cannot be reached: {reason}", host=host(address))
