"""The command: where the release goes, what it replaces, which settings it accepts."""

import json
import zipfile
from pathlib import Path

import pytest

from patent_spark.cli import main
from patent_spark.core.errors import DataError
from patent_spark.stages.simulate.stage import put, require_free
from tests.support.errors import raises


def simulate(tmp_path, *settings):
    sets = [f"warehouse.root={tmp_path}/w", "simulate.patents=1000", "simulate.classes=8", *settings]
    return main(["simulate", *[part for each in sets for part in ("--set", each)]])


def test_the_release_is_put_at_source_path_too(tmp_path, capsys):
    target = tmp_path / "somewhere" / "release"
    assert simulate(tmp_path, f"source.path={target}") == 0
    about = json.loads((target / "release.json").read_text())
    version = (tmp_path / "w" / "simulate" / "CURRENT").read_text().strip()
    inside = tmp_path / "w" / "simulate" / version / "RELEASE"
    assert {path.name: path.read_bytes() for path in inside.iterdir()} == {
        path.name: path.read_bytes() for path in target.iterdir()
    }
    metadata = json.loads((inside.parent / "manifest.json").read_text())["metadata"]
    assert {name: metadata[name] for name in ("release_id", "data_to_date", "rows", "broken")} == {
        name: about[name] for name in ("release_id", "data_to_date", "rows", "broken")
    }
    assert metadata["generator_rates"] == about["bayes_rates"]
    assert simulate(tmp_path, f"source.path={target}", "simulate.seed=2") == 0
    assert json.loads((target / "release.json").read_text())["settings"]["seed"] == 2
    assert [path.name for path in target.parent.iterdir()] == ["release"], "nothing is left beside it"
    assert str(target) in capsys.readouterr().err


def test_a_release_that_cannot_be_replaced_is_restored(tmp_path, monkeypatch):
    target, new = tmp_path / "shared" / "release", tmp_path / "new"
    for folder in (target, new):
        folder.mkdir(parents=True)
        (folder / "release.json").write_text(folder.name)
    rename = Path.rename

    def fails(path, to):
        if (path / "release.json").read_text() == "new":
            raise PermissionError(to)
        return rename(path, to)

    def content():
        return [(path.name, (path / "release.json").read_text()) for path in target.parent.iterdir()]

    with monkeypatch.context() as broken, pytest.raises(PermissionError):
        broken.setattr(Path, "rename", fails)
        put(new, target)
    assert content() == [("release", "release")]
    put(new, target)
    assert content() == [("release", "new")]


@pytest.mark.parametrize("content", ["a file of mine", '{"source": "real"}', "[]"])
def test_a_folder_with_other_files_is_left_alone(tmp_path, capsys, content):
    target = tmp_path / "mine"
    target.mkdir()
    (target / "release.json").write_text(content)
    with raises(DataError, setting="source.path", file=str(target)):
        require_free(target)
    assert simulate(tmp_path, f"source.path={target}") == 3
    message = capsys.readouterr().err.splitlines()[-1]
    assert "source.path" in message and str(target) in message and "source.kind=folder" in message
    assert [path.read_text() for path in target.iterdir()] == [content]
    assert not list((tmp_path / "w" / "simulate").glob("*/RELEASE")), "refused before any work"


@pytest.mark.parametrize(
    ("setting", "limit"),
    [
        ("simulate.broken_fraction=1", "1"),
        ("simulate.classes=126", "125"),
        ("simulate.data_to_date=1999-02-30", "1999-02-30"),
        ("simulate.data_to_date=2026-01-01", "2025-09-30"),
        ("simulate.data_to_date=1975-12-31", "1976-01-06"),
    ],
)
def test_a_setting_out_of_range_is_named_with_its_limit(tmp_path, capsys, setting, limit):
    assert simulate(tmp_path, setting) == 2
    message = capsys.readouterr().err.splitlines()[-1]
    name = setting.split("=")[0]
    assert name in message and limit in message


@pytest.mark.parametrize(
    "setting",
    [
        "citation_scale=0",
        "order_share=0",
        "order_share=1",
        "technology_noise=1",
        "level_noise=1",
        "abstract_words=1",
        "classes=2",
    ],
)
def test_extreme_settings_still_make_a_release(tmp_path, setting):
    assert simulate(tmp_path, f"simulate.{setting}", f"source.path={tmp_path}/release") == 0
    about = json.loads((tmp_path / "release" / "release.json").read_text())
    with zipfile.ZipFile(tmp_path / "release" / "g_us_patent_citation.tsv.zip") as archive:
        rows = archive.read("g_us_patent_citation.tsv").count(b"\n") - 1
    assert rows == about["rows"]["g_us_patent_citation.tsv.zip"]
    assert (rows == 0) == (setting == "citation_scale=0")
