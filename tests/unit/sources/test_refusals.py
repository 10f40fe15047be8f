"""What a server refuses, where it sends us, how often it is asked, and where the key must not go."""

import datetime
import json
import subprocess
import sys
from email.utils import formatdate
from pathlib import Path

import pytest

from patent_spark.cli import main
from patent_spark.config import ConfigError
from patent_spark.sources.errors import SourceError
from tests.support.cluster import free_port
from tests.support.downloads import BIG, KEY, zip_of
from tests.support.errors import raises
from tests.support.release_server import Answer

ECHO = f"<html>your key {KEY} is not welcome</html>".encode()


@pytest.mark.parametrize("status", [401, 403, 404, 500, 503])
def test_a_refused_file_is_an_error_after_one_request(odp, status):
    odp.server.faults.answers = [Answer(status, body=ECHO)] * 9
    with raises(SourceError, status=status, host="127.0.0.1") as caught:
        odp.fetch()
    assert len(odp.server.file_requests()) == 1 == len(odp.ledger())
    assert KEY not in str(caught.value)
    assert not odp.names()


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_named_and_not_shown(odp, status):
    odp.server.metadata_answers = [Answer(status, body=ECHO)]
    with raises(SourceError, status=status, setting="USPTO_API_KEY") as caught:
        odp.fetch()
    assert KEY not in str(caught.value)
    assert len(odp.server.requests) == 1


def test_without_a_key_nothing_is_asked(odp, monkeypatch):
    monkeypatch.delenv("USPTO_API_KEY")
    with raises(ConfigError, setting="USPTO_API_KEY"):
        odp.fetch()
    assert odp.server.requests == []


@pytest.mark.parametrize("key", ["two words", "a\nb", "ключ"])
def test_what_cannot_be_a_key_is_not_shown(odp, monkeypatch, key):
    monkeypatch.setenv("USPTO_API_KEY", key)
    with raises(ConfigError, setting="USPTO_API_KEY") as caught:
        odp.fetch()
    assert key not in str(caught.value)
    assert odp.server.requests == []


def in_seconds(seconds):
    return formatdate(datetime.datetime.now(datetime.UTC).timestamp() + seconds, usegmt=True)


@pytest.mark.parametrize("date", [False, True], ids=["seconds", "date"])
def test_429_is_waited_for_once(odp, date):
    waits = in_seconds(1) if date else "1"
    odp.server.faults.answers = [Answer(429, {"Retry-After": waits})]
    folder = odp.fetch()
    assert {name: (folder / name).read_bytes() for name in odp.server.files} == odp.server.files
    assert len(odp.server.file_requests()) == len(odp.server.files) + 1 == len(odp.ledger())


def test_a_second_429_ends_the_download(odp):
    odp.server.faults.answers = [Answer(429, {"Retry-After": "0"}), Answer(429, {"Retry-After": "0"})]
    with raises(SourceError, status=429):
        odp.fetch()
    assert len(odp.server.file_requests()) == 2 == len(odp.ledger())


@pytest.mark.parametrize("date", [False, True], ids=["seconds", "date"])
@pytest.mark.parametrize("place", ["metadata", "file"])
def test_429_for_longer_says_when_to_come_back(odp, date, place):
    answer = Answer(429, {"Retry-After": in_seconds(7200) if date else "7200"})
    if place == "file":
        odp.server.faults.answers = [answer]
    else:
        odp.server.metadata_answers = [answer]
    with raises(SourceError, status=429) as caught:
        odp.fetch()
    until = datetime.datetime.fromisoformat(f"{caught.value.facts['retry_at']}+00:00")
    hours = (until - datetime.datetime.now(datetime.UTC)).total_seconds() / 3600
    assert 1.9 < hours < 2.1 and str(caught.value.facts["retry_at"]) in str(caught.value)
    assert len(odp.server.file_requests()) == (place == "file")


def test_429_that_does_not_say_when_is_an_error_at_once(odp):
    odp.server.faults.answers = [Answer(429)]
    with raises(SourceError, status=429) as caught:
        odp.fetch()
    assert "retry_at" not in caught.value.facts
    assert len(odp.server.file_requests()) == 1


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, {"Content-Type": "text/html"}, b"<html>Log in</html>"),
        Answer(200, {"Content-Type": "application/json"}, b"[1, 2]"),
        Answer(200, {"Content-Type": "application/json"}, b'{"bulkDataProduct'),
    ],
    ids=["HTML", "a list", "cut"],
)
def test_metadata_that_is_no_json_object_is_refused(odp, answer):
    odp.server.metadata_answers = [answer]
    with raises(SourceError, host="127.0.0.1", content_type=answer.headers["Content-Type"]):
        odp.fetch()


def test_metadata_of_another_form_names_the_field(odp):
    body = json.dumps({"bulkDataProductBag": [{"productFileBag": {"fileDataBag": [{"fileName": "a"}]}}]})
    odp.server.metadata_answers = [Answer(200, {}, body.encode())]
    field = "bulkDataProductBag.0.productFileBag.fileDataBag.0.fileDataToDate"
    with raises(SourceError, field=field):
        odp.fetch()


def test_nobody_at_home_is_one_sentence_without_the_address(odp):
    with raises(SourceError, host="127.0.0.1") as caught:
        odp.fetch(f"source.url=http://127.0.0.1:{free_port()}/products")
    assert "Connection refused" in str(caught.value) and "products" not in str(caught.value)


def test_the_key_follows_a_redirect_to_the_same_host(odp):
    odp.server.faults.redirect = "127.0.0.1"
    odp.fetch()
    assert all(request.headers["X-Api-Key"] == KEY for request in odp.server.requests)


def test_the_key_does_not_follow_to_another_host(odp):
    odp.server.faults.redirect = "localhost"
    folder = odp.fetch()
    assert {name: (folder / name).read_bytes() for name in odp.server.files} == odp.server.files
    storage = [request for request in odp.server.requests if request.host.startswith("localhost")]
    assert len(storage) == len(odp.server.files)
    assert all(KEY not in str(request.headers) for request in storage)
    assert "sesame" not in (folder / "release.json").read_text()


def test_a_cut_goes_on_at_the_storage_and_costs_no_request_of_the_budget(odp):
    odp.server.files[BIG] = zip_of(5_000_000)
    odp.server.faults.redirect, odp.server.faults.cut_after = "localhost", 2_000_000
    assert (odp.fetch() / BIG).read_bytes() == odp.server.files[BIG]
    hosts = [request.host.partition(":")[0] for request in odp.server.file_requests(BIG)]
    assert hosts == ["127.0.0.1", "localhost", "localhost", "localhost"]
    assert sum(BIG in line for line in odp.ledger()) == 1


def test_an_expired_address_of_the_storage_is_asked_for_again(odp, monkeypatch):
    odp.server.files[BIG] = zip_of(3_000_000)
    faults = odp.server.faults
    faults.redirect, faults.cut_after = "localhost", 2_000_000
    from patent_spark.sources.transfer import Transfer

    receive = Transfer._receive

    def then_expired(self, *arguments):
        end = receive(self, *arguments)
        if len(odp.server.file_requests(BIG)) == 2:
            faults.answers = [Answer(403)]
        return end

    monkeypatch.setattr(Transfer, "_receive", then_expired)
    assert (odp.fetch() / BIG).read_bytes() == odp.server.files[BIG]
    hosts = [request.host.partition(":")[0] for request in odp.server.file_requests(BIG)]
    assert hosts == ["127.0.0.1", "localhost", "localhost", "127.0.0.1", "localhost"]
    assert sum(BIG in line for line in odp.ledger()) == 2


def test_a_circle_of_redirects_ends(odp):
    odp.server.faults.answers = [Answer(302, {"Location": f"{odp.server.odp}/files/x/{BIG}"})] * 99
    with raises(SourceError, host="127.0.0.1"):
        odp.fetch()
    assert len(odp.server.file_requests()) == 6


def test_the_budget_is_on_the_disk_before_the_request(odp, monkeypatch):
    known = []
    handle = odp.server.content

    def content(name):
        known.append((name, sum(f'"{name}"' in line for line in odp.ledger())))
        return handle(name)

    monkeypatch.setattr(odp.server, "content", content)
    odp.fetch()
    assert known and all(lines == 1 for _, lines in known)


def test_a_spent_budget_stops_before_the_first_request(odp):
    now = datetime.datetime.now(datetime.UTC)
    entry = {"time": f"{now - datetime.timedelta(days=300):%Y-%m-%dT%H:%M:%SZ}", "file": BIG, "release": "r"}
    ledger = odp.folder / "downloads" / "odp-requests.jsonl"
    ledger.parent.mkdir()
    ledger.write_text((json.dumps(entry) + "\n") * 20)
    free = now + datetime.timedelta(days=65)
    with raises(SourceError, file=BIG, budget=20, retry_at=f"{free:%Y-%m-%d}"):
        odp.fetch()
    assert not odp.server.file_requests() and len(odp.ledger()) == 20


def test_without_a_ledger_nothing_is_requested(odp):
    (odp.folder / "downloads" / "odp-requests.jsonl").mkdir(parents=True)
    with pytest.raises(OSError):
        odp.fetch()
    assert not odp.server.file_requests()


def test_cuts_end_where_the_budget_ends(odp):
    odp.server.files[BIG] = zip_of(5_000_000)
    odp.server.faults.cut_after = 1_000_000
    with raises(SourceError, file=BIG, budget=3):
        odp.fetch("source.budget=3", "source.resumes=9")
    assert len(odp.server.file_requests(BIG)) == 3


def test_the_key_is_in_no_output_no_file_and_no_command_line(odp, capfd):
    faults = odp.server.faults
    faults.redirect = "localhost"
    assert main(["download", *odp.options()]) == 0
    faults.redirect = ""
    (odp.release / BIG).unlink()
    faults.answers = [Answer(403, {"X-Echo": KEY}, ECHO)]
    assert main(["download", *odp.options()]) == 1
    odp.server.metadata_answers = [Answer(401, {}, ECHO)]
    assert main(["download", "--list", *odp.options()]) == 1
    odp.server.metadata_answers = [Answer(200, {"Content-Type": "text/html"}, ECHO)]
    assert main(["download", *odp.options()]) == 1
    command = [sys.executable, "-m", "patent_spark.cli", "download", *odp.options()]
    faults.pause = 0.05
    odp.server.files[BIG] = zip_of(3_000_000)
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        while not odp.server.file_requests(BIG)[2:]:
            assert process.poll() is None
        assert KEY not in Path(f"/proc/{process.pid}/cmdline").read_text()
        said = process.stderr.read().decode()
    assert process.returncode == 0, said
    printed = capfd.readouterr()
    assert KEY not in printed.out + printed.err + said
    files = [path for path in odp.folder.rglob("*") if path.is_file() and path.suffix != ".zip"]
    assert any("logs" in path.parts for path in files)
    assert [path for path in files if KEY in path.read_text(errors="replace")] == []
