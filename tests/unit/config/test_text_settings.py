"""Text settings take the text as it is; paths work, or are refused before anything starts."""

from pathlib import Path

import pytest

from patent_spark.cli import main
from patent_spark.config import ConfigError, load_config
from patent_spark.core.store import Store
from tests.support.errors import raises

TEXTS = [
    "2025-09-30",
    "2025",
    "1e-3",
    "0017",
    "true",
    "null",
    "~x",
    "a: b",
    "[1",
    "release #2",
    "'x'",
    "a\\b",
    "",
]


@pytest.mark.parametrize("text", TEXTS)
def test_set_takes_a_text_as_it_is(text):
    assert load_config(sets=[f"release.id={text}"])[0].release.id == text


@pytest.mark.parametrize("text", ["2025-09-30", "2025", "1e-3", "0017", "true"])
def test_so_does_a_file(tmp_path, text):
    (tmp_path / "my.yaml").write_text(f"release: {{id: {text}, data_to_date: 2025-09-30}}\n")
    release = load_config([tmp_path / "my.yaml"])[0].release
    assert release.id == text
    assert release.data_to_date.year == 2025


def test_a_hash_in_a_path_is_no_comment(tmp_path):
    assert load_config(sets=[f"source.path={tmp_path}/x #2"])[0].source.path == f"{tmp_path}/x #2"


@pytest.mark.parametrize("name", ["warehouse.root", "source.path"])
def test_the_home_directory(monkeypatch, tmp_path, name):
    monkeypatch.setenv("HOME", str(tmp_path))
    section, setting = name.split(".")
    for written, expected in (("~/data", tmp_path / "data"), ("~", tmp_path), ("/a/~b", Path("/a/~b"))):
        config, _ = load_config(sets=[f"{name}={written}"])
        assert Path(getattr(getattr(config, section), setting)) == expected


@pytest.mark.parametrize("name", ["a{}", "{a,b}", "[1]", "x*", "x?", "a\\b", "x #2", "a%20b", "a\nb", "a\tb"])
def test_a_root_with_syntax_in_it_is_refused_before_anything_starts(tmp_path, capsys, name):
    root = tmp_path / name
    with raises(ConfigError, setting="warehouse.root"):
        load_config(sets=[f"warehouse.root={root}"])
    assert main(["ingest", "--set", f"warehouse.root={root}"]) == 2
    assert "warehouse.root" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_relative_root_below_such_a_directory_is_refused_too(tmp_path, monkeypatch):
    (tmp_path / "a[1]").mkdir()
    monkeypatch.chdir(tmp_path / "a[1]")
    with raises(ConfigError, setting="warehouse.root", character="["):
        load_config()


@pytest.mark.parametrize(
    "name", ["plain", "sp ace", "ünï 日", "100%", "a,b;c", "it's", 'qu"ote', "year=2000", "a+b&c", "$HOME"]
)
def test_a_root_with_other_characters_works(tmp_path, name, monkeypatch):
    root = tmp_path / name
    sets = [f"warehouse.root={root}", "source.kind=simulate", "simulate.patents=1000", "simulate.classes=2"]
    for stage in ("simulate", "ingest", "label"):
        assert main([stage, *(part for each in sets for part in ("--set", each))]) == 0
    assert Store(root).read_arrow("LABELS").num_rows > 900
    assert [path.name for path in tmp_path.iterdir()] == [name]
