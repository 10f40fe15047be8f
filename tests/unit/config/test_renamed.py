"""Old names of settings, values, tables and commands go on working; each says its new name once."""

import json

import pytest

from patent_spark.cli import main
from patent_spark.config import about_settings, load_config, recorded, renamed, with_settings
from patent_spark.core.schemas import STAGE_OF
from patent_spark.core.store import Store
from tests.support.factories import publish


@pytest.fixture(autouse=True)
def nothing_warned(monkeypatch):
    monkeypatch.setattr(renamed, "_warned", set())


def warnings(capsys):
    return capsys.readouterr().err.splitlines()


def test_every_new_name_exists_and_no_old_one_does():
    assert set(renamed.SETTINGS.values()) <= set(about_settings())
    assert not set(renamed.SETTINGS) & set(about_settings())
    assert set(renamed.TABLES.values()) <= set(STAGE_OF)
    assert not set(renamed.TABLES) & set(STAGE_OF)


def test_old_settings_in_a_file_and_on_the_command_line(tmp_path, capsys):
    file = tmp_path / "old.yaml"
    file.write_text("label: {pool: class}\ntext: {trained_on: train_side}\ngate: {margin: 0.25}\n")
    config, origin = load_config([file], ["label.exposures=[12]", "audit.texts=7"])
    assert (config.label.reference_set, config.text.fit_on) == ("class", "train")
    assert (config.register.margin, config.label.follow_up_months, config.audit.sample_size) == (
        0.25,
        (12,),
        7,
    )
    assert origin["label.reference_set"] == str(file) and origin["audit.sample_size"] == "--set"
    lines = warnings(capsys)
    assert len(lines) == 6  # the old value of text.fit_on has a line of its own
    for old, new in [("label.pool", "label.reference_set"), ("gate.margin", "register.margin")]:
        (line,) = [line for line in lines if f" {old} " in line]
        assert new in line


def test_each_old_name_is_said_once(capsys):
    load_config(sets=["label.pool=class"])
    load_config(sets=["label.pool=class_year", "label.pool=class"])
    assert len(warnings(capsys)) == 1


def test_a_later_value_wins_whichever_name_it_has(tmp_path):
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    old.write_text("label: {pool: class}\n")
    new.write_text("label: {reference_set: class_year}\n")
    assert load_config([old, new])[0].label.reference_set == "class_year"
    assert load_config([new, old])[0].label.reference_set == "class"
    assert with_settings(load_config([new])[0], {"label.pool": "class"}).label.reference_set == "class"


def test_the_old_value_under_the_new_name(capsys):
    assert load_config(sets=["text.fit_on=train_side"])[0].text.fit_on == "train"
    (line,) = warnings(capsys)
    assert "text.fit_on=train_side" in line and "text.fit_on=train;" in line


def test_an_older_manifest_is_read(tmp_path, capsys):
    store = Store(tmp_path)
    publish(store, "label", {}, {"levels": {}})
    (path,) = tmp_path.glob("label/*/manifest.json")
    values = json.loads(path.read_text())
    values |= {"knobs": {"label.pool": "class", "label.exposures": [12]}, "facts": values.pop("metadata")}
    del values["settings"]
    path.write_text(json.dumps(values))
    manifest = store.manifest("label")
    assert manifest.settings == {"label.reference_set": "class", "label.follow_up_months": [12]}
    assert recorded(manifest.settings).label.reference_set == "class"
    assert warnings(capsys) == []  # nobody can act on it


def test_old_names_of_tables(tmp_path, capsys):
    publish(Store(tmp_path), "ingest", {"RELATED_DOCUMENTS": []})
    assert main(["where", "RELATIVES", "--set", f"warehouse.root={tmp_path}"]) == 0
    printed = capsys.readouterr()
    assert printed.out.strip() == str(Store(tmp_path).directory("RELATED_DOCUMENTS"))
    assert "RELATIVES" in printed.err and "RELATED_DOCUMENTS" in printed.err


@pytest.mark.parametrize(("old", "new"), renamed.COMMANDS.items())
def test_old_commands(capsys, old, new):
    with pytest.raises(SystemExit) as ended:
        main([old, "--help"])
    printed = capsys.readouterr()
    assert ended.value.code == 0
    assert f"patent-spark {new}" in printed.out and old in printed.err and new in printed.err
