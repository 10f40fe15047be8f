"""A CSV file goes up, is scored, and comes back."""

import csv
import io

import pytest

from patent_spark.service.file_columns import ADDED, escaped
from tests.support.cluster import wait_for
from tests.support.http_service import SlowPredictor, loaded_models, running_service

CSV = {"Content-Type": "text/csv"}


def uploaded(service, text):
    status, answer = service.post("/v1/files", text, CSV)
    assert status == 202, answer
    return answer["id"]


def scored(service, text):
    """The rows that come back, as lists of cells, and the whole text."""
    name = uploaded(service, text)
    wait_for(lambda: service.get(f"/v1/files/{name}")[1]["state"] != "running", 30, 0.02)
    status, headers, body = service.request("GET", f"/v1/files/{name}/result")
    assert (status, headers["content-type"]) == (200, "text/csv; charset=utf-8")
    assert headers["content-disposition"].startswith("attachment")
    text = body.decode("utf-8-sig")
    return [*csv.reader(io.StringIO(text))], text


def test_rows_come_back_with_added_columns(service):
    rows, _ = scored(
        service, "number,Title,ABSTRACT\r\n7,A network,The packet of a network.\r\n8,,\r\n9,pump,\r\n"
    )
    assert rows[0] == ["number", "Title", "ABSTRACT", *ADDED]
    by_name = [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
    assert [row["number"] for row in by_name] == ["7", "8", "9"]
    first, empty, short = by_name
    assert (first["predicted_class"], first["class_probability"]) == ("H04", f"{4 / 7:.4f}")
    assert (first["predicted_citation_level"], first["citation_level_probability"]) == ("top1", "0.5000")
    assert (first["look_yourself"], first["known_words"], first["warnings"]) == ("no", "7", "")
    assert (empty["predicted_class"], empty["look_yourself"], empty["warnings"]) == ("", "yes", "no_text")
    assert (short["predicted_class"], short["look_yourself"]) == ("F04", "yes")
    assert "missing_field" in short["warnings"]


def test_many_rows_keep_their_order(service):
    words = [("network", "H04"), ("pump", "F04"), ("drug", "A61")]
    asked = [words[place % 3] for place in range(200)]
    rows, _ = scored(
        service, "id,title,abstract\n" + "".join(f"{n},{w},\n" for n, (w, _) in enumerate(asked))
    )
    place = rows[0].index("predicted_class")
    assert [(row[0], row[place]) for row in rows[1:]] == [(str(n), c) for n, (_, c) in enumerate(asked)]


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_other_separators_stay(service, delimiter):
    _, text = scored(service, f'title{delimiter}abstract\n"a{delimiter}network"{delimiter}x\n')
    rows = [*csv.reader(io.StringIO(text), delimiter=delimiter)]
    assert rows[0][:3] == ["title", "abstract", "predicted_class"]
    assert rows[1][0] == f"a{delimiter}network"


def test_a_byte_order_mark_and_line_ends_within_cells(service):
    rows, _ = scored(service, '\ufefftitle,abstract\n"a\nnetwork","b\r\nc"\n'.encode())
    assert rows[1][:2] == ["a\nnetwork", "b\r\nc"]


def test_a_scored_file_can_be_scored_again(service):
    rows, text = scored(service, "title,abstract\na network,\n")
    assert scored(service, text)[0] == rows


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@x", "\tx", "\rx", '=HYPERLINK("http://x")'])
def test_formulas_are_escaped(service, cell):
    assert escaped(cell) == f"'{cell}"
    file = io.StringIO()
    csv.writer(file).writerows([["title", "abstract", cell], ["a network", cell, cell]])
    rows, _ = scored(service, file.getvalue())
    assert [rows[0][2], *rows[1][1:3]] == [f"'{cell}"] * 3


def test_other_cells_stay():
    assert [escaped(cell) for cell in ("a=b", "", " =x", "1-2")] == ["a=b", "", " =x", "1-2"]


@pytest.mark.parametrize(
    ("body", "status", "place"),
    [
        (b"", 422, "empty"),
        (b"\xff\xfe\x00", 400, "UTF-8"),
        ("title;abstract\nä,b".encode("latin-1"), 400, "UTF-8"),
        (b"name,text\na,b\n", 422, "title and abstract"),
        (b"title,abstract\n", 422, "no row"),
        (b"<html><body>title,abstract</body></html>\na,b", 422, "title and abstract"),
        (b'title,abstract\na,"' + b"x" * 200_000, 400, "row"),
        (b"title,abstract\n" + b"x," * 60_000, 413, "row 1"),
        (b"title,abstract\n" + b"a,b\n" * 100_000, 413, "20,000 rows"),
        (b"title,abstract\n" + b"a network,b\n" * 2_000_000, 413, "kB"),
    ],
)
def test_bad_files(service, body, status, place):
    found, answer = service.post("/v1/files", body, CSV)
    assert (found, [*answer]) == (status, ["error"])
    assert place in answer["error"]
    assert "name,text" not in answer["error"]


def test_json_is_no_csv(service):
    assert service.post("/v1/files", {"title": "a"})[0] == 415


@pytest.fixture
def slow(tmp_path):
    """A service whose predictor waits to be freed, and takes two files at a time."""
    models = loaded_models(tmp_path)
    predictor = SlowPredictor(models.predictor)
    with running_service(loaded_models(tmp_path, predictor=predictor), max_files=2, workers=3) as running:
        running.predictor = predictor
        yield running
        predictor.free.set()


def test_progress_and_the_number_of_files(slow):
    names = [uploaded(slow, "title,abstract\n" + "a network,b\n" * 100) for _ in range(2)]
    status, answer = slow.get(f"/v1/files/{names[0]}")
    assert (status, answer["state"], answer["rows"], answer["scored"]) == (200, "running", 100, 0)
    status, headers, _ = slow.request("POST", "/v1/files", "title,abstract\na,b\n", CSV)
    assert (status, "retry-after" in headers) == (503, True)
    assert slow.get(f"/v1/files/{names[0]}/result")[0] == 409
    slow.predictor.free.set()
    for name in names:
        wait_for(lambda name=name: slow.get(f"/v1/files/{name}")[1]["state"] == "done", 30, 0.02)
        assert slow.get(f"/v1/files/{name}")[1]["scored"] == 100


def test_a_file_is_stopped_and_forgotten(slow):
    name = uploaded(slow, "title,abstract\na network,b\n")
    assert slow.request("DELETE", f"/v1/files/{name}")[0] == 204
    assert slow.get(f"/v1/files/{name}")[0] == 404
    assert slow.request("DELETE", f"/v1/files/{name}")[0] == 404


def test_a_file_is_kept_for_so_long(models):
    with running_service(models, file_minutes=1) as service:
        name = uploaded(service, "title,abstract\na network,b\n")
        wait_for(lambda: service.get(f"/v1/files/{name}")[1]["state"] == "done", 30, 0.02)
        jobs = service.application.files
        jobs.find(name).ended -= 59
        assert service.get(f"/v1/files/{name}")[0] == 200
        result = jobs.find(name).result
        jobs.find(name).ended -= 2
        assert service.get(f"/v1/files/{name}")[0] == 404
        assert not result.exists()


class Broken:
    def predict(self, documents, *_, **__):
        raise ValueError(f"cannot read {documents[0].title}")


def test_a_failure_is_told_without_the_text(tmp_path, caplog):
    with running_service(loaded_models(tmp_path, predictor=Broken())) as service:
        name = uploaded(service, "title,abstract\na secret,b\n")
        wait_for(lambda: service.get(f"/v1/files/{name}")[1]["state"] == "failed", 30, 0.02)
        answer = service.get(f"/v1/files/{name}")[1]
    assert answer["error"] and "secret" not in answer["error"]
    assert "ValueError" in caplog.text and "secret" not in caplog.text
