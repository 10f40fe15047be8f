"""Log lines as JSON: what each of them says, on stderr and in the log file."""

import io
import json
import logging
import sys
import warnings

import pytest

from patent_spark.core.log_lines import (
    RUN_ID,
    context_of,
    current_run_id,
    formatter,
    lines_on_stderr,
    log_context,
    new_run_id,
    set_format,
)
from patent_spark.core.progress import Progress, log, log_to, say

ALWAYS = ["time", "level", "logger", "message", "command", "stage", "run_id", "release_id", "mlflow_run_id"]


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


def test_a_line_has_all_fields_and_nulls_where_nothing_is_known(capsys):
    with lines_on_stderr("json"), log_context(command="label", run_id="r1"):
        say("label     citations within the horizon")
        with log_context(stage="label", release_id="2024"):
            say("  done", seconds=1.5, rows={"LABELS": 7})
        say("after")
    first, second, third = lines(capsys.readouterr().err)
    assert list(first) == ALWAYS
    assert first["message"] == "label citations within the horizon"
    assert (first["level"], first["logger"]) == ("INFO", "patent_spark")
    known = {"command": "label", "stage": None, "run_id": "r1", "release_id": None, "mlflow_run_id": None}
    assert known.items() <= first.items()
    assert {**known, "stage": "label", "release_id": "2024"}.items() <= second.items()
    assert (second["message"], second["seconds"], second["rows"]) == ("done", 1.5, {"LABELS": 7})
    assert known.items() <= third.items()


def test_the_time_is_utc_in_milliseconds():
    record = logging.LogRecord("x", logging.INFO, "", 0, "m", (), None)
    record.created = 1_700_000_000.1234
    assert json.loads(formatter("json").format(record))["time"] == "2023-11-14T22:13:20.123+00:00"


def test_the_line_of_an_error_has_the_context_of_the_block_that_it_ended(capsys):
    with lines_on_stderr("json"):
        try:
            with log_context(stage="train"), log_context(mlflow_run_id="abc"):
                raise ValueError("no")
        except ValueError as error:
            log.exception("train failed")
            assert context_of(error) == {"stage": "train", "mlflow_run_id": "abc"}
    (line,) = lines(capsys.readouterr().err)
    assert (line["level"], line["stage"], line["mlflow_run_id"]) == ("ERROR", "train", "abc")
    assert line["exception"].startswith("Traceback") and line["exception"].endswith("ValueError: no")
    assert current_run_id() == ""


def test_libraries_and_warnings_are_lines_too_and_text_is_left_as_it_is(capsys, tmp_path):
    with (
        warnings.catch_warnings(action="always"),
        lines_on_stderr("json"),
        log_to(tmp_path / "a.log", "json"),
    ):
        logging.getLogger("library").warning("two\nlines")
        logging.getLogger("library").info("too quiet")
        warnings.warn("beware", UserWarning, stacklevel=1)
    shown = lines(capsys.readouterr().err)
    assert [line["logger"] for line in shown] == ["library", "py.warnings"]
    assert shown[0]["message"] == "two\nlines" and "beware" in shown[1]["message"]
    header, *kept = lines((tmp_path / "a.log").read_text())
    assert (header["message"], kept) == ("a", shown)
    with lines_on_stderr("text"), log_to(tmp_path / "b.log", "text"):
        say("  plain", rows={})
    assert capsys.readouterr().err == "  plain\n"
    assert (tmp_path / "b.log").read_text().splitlines()[1].endswith(" INFO patent_spark:   plain")


def test_progress_is_lines_with_numbers(capsys, monkeypatch):
    monkeypatch.setattr("patent_spark.core.progress._SECONDS_BETWEEN_LINES", -1.0)
    monkeypatch.setattr(sys, "stderr", terminal := io.StringIO())
    monkeypatch.setattr(terminal, "isatty", lambda: True, raising=False)
    with lines_on_stderr("json"), Progress("ingest", total=4, unit="rows") as bar:
        bar.update(1)
    (line,) = lines(terminal.getvalue())
    assert (line["done"], line["total"], line["unit"]) == (1.0, 4, "rows")


def test_the_scheduler_can_name_the_run(monkeypatch):
    monkeypatch.delenv(RUN_ID, raising=False)
    assert new_run_id() != new_run_id()
    monkeypatch.setenv(RUN_ID, "dag-7")
    assert new_run_id() == "dag-7"


@pytest.mark.parametrize(("format_", "start"), [("json", "{"), ("text", "20")])
def test_handlers_that_are_there_change_their_format(format_, start):
    handler = logging.StreamHandler(stream := io.StringIO())
    root = logging.getLogger()
    root.addHandler(handler)
    formats = {each: each.formatter for each in root.handlers}
    try:
        set_format(format_)
        log.warning("x")
    finally:
        for each, before in formats.items():
            each.setFormatter(before)
        root.removeHandler(handler)
    assert stream.getvalue().startswith(start)
