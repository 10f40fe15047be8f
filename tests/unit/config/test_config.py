import dataclasses
import datetime
from pathlib import Path

import pytest
import yaml

from patent_spark.config import (
    Config,
    ConfigError,
    about_settings,
    digest,
    flatten,
    load_config,
    to_yaml,
    with_settings,
)
from tests.support.errors import raises

CONF = Path(__file__).parents[3] / "conf"


def config_file(tmp_path, text, name="my.yaml"):
    path = tmp_path / name
    path.write_text(text)
    return path


def test_later_files_win_over_earlier_ones_and_set_wins_over_all(tmp_path):
    first = config_file(tmp_path, "train: {epochs: 3, batch: 32}\n", "a.yaml")
    second = config_file(tmp_path, "train: {epochs: 4}\ntext: {window: 7}\n", "b.yaml")
    config, origin = load_config([first, second], ["text.window=9"])
    assert (config.train.epochs, config.train.batch, config.text.window) == (4, 32, 9)
    assert origin == {"train.epochs": str(second), "train.batch": str(first), "text.window": "--set"}


def test_values_are_read_as_what_they_are():
    config, _ = load_config(
        sets=[
            "train.learning_rate=1e-3",
            "release.data_to_date=2018-05-29",
            "split.test_years=[2012,2013]",
            "split.embargo=false",
        ]
    )
    assert config.train.learning_rate == 1e-3  # PyYAML reads 1e-3 as text
    assert config.release.data_to_date == datetime.date(2018, 5, 29)
    assert config.split.test_years == (2012, 2013)
    assert config.split.embargo is False


def test_one_setting_of_a_section_leaves_its_others_as_they_are():
    """The two tasks' sections are of one class, and differ in their defaults."""
    config, _ = load_config(sets=["citation_level.min_tokens=1", "technology.max_tokens=90"])
    level, technology = config.citation_level, config.technology
    assert (level.protocol, level.max_tokens, level.min_tokens) == ("temporal", 200, 1)
    assert (technology.protocol, technology.max_tokens, technology.min_tokens) == ("stratified", 90, 1)


def test_other_settings_for_a_configuration_that_is_there():
    config, _ = load_config(sets=["train.epochs=7", "release.data_to_date=2018-05-29"])
    other = with_settings(config, {"split.train_until": 2006, "split.test_years": [2007, 2009]})
    assert (other.split.train_until, other.split.test_years, other.train.epochs) == (2006, (2007, 2009), 7)
    assert other.release == config.release and other.citation_level == config.citation_level
    with raises(ConfigError, setting="split.test_years"):
        with_settings(config, {"split.train_until": 2012})


@pytest.mark.parametrize(
    ("assignment", "setting", "mentioned"),
    [
        ("train.rank=2", "train.rank", ["--set", "train.ranks", "epochs"]),
        ("trian.ranks=2", "trian.ranks", ["--set", "train.ranks", "warehouse"]),
        ("train=2", "train", ["--set"]),
        ("train.ranks=two", "train.ranks", ["'two'", "--set", "integer"]),
        ("train.ranks=2.5", "train.ranks", ["2.5", "--set", "integer"]),
        ("train.ranks=true", "train.ranks", ["True", "--set", "integer"]),
        ("train.ranks=0", "train.ranks", ["= 0", "--set", "1"]),
        ("train.learning_rate=true", "train.learning_rate", ["True", "--set"]),
        ("ingest.max_reject_fraction=2", "ingest.max_reject_fraction", ["= 2", "1"]),
        ("split.embargo=1", "split.embargo", ["= 1", "--set", "boolean"]),
        ("label.reference_set=year", "label.reference_set", ["'year'", "'class'", "'class_year'"]),
        ("source.kind=ftp", "source.kind", ["'ftp'", "'simulate'", "'folder'", "'odp'", "'zenodo'"]),
        ("release.data_to_date=yesterday", "release.data_to_date", ["'yesterday'", "--set"]),
        ("release.data_to_date=2018", "release.data_to_date", ["= 2018", "--set", "2018-05-29"]),
        ("shard.world_sizes=[0,2]", "shard.world_sizes", ["= 0", "--set", "1"]),
        ("train.learning_rate=.inf", "train.learning_rate", ["= inf", "finite"]),
        ("tasks=all", "tasks", ["'all'", "'technology'", "'citation_level'", "'both'", "'joint'"]),
        ("split.test=0.95", "split.test", ["split.development", "1.05"]),
        ("split.test_years=[2009]", "split.test_years", ["split.train_until = 2010"]),
        ("train.ranks=3", "train.ranks", ["= 3", "shard.world_sizes"]),
        ("train.batch=100", "train.batch", ["= 100", "16", "shard.world_sizes"]),
        ("technology.min_tokens=200", "technology.min_tokens", ["= 200", "technology.max_tokens = 100"]),
        ("tasks=joint", "tasks", ["technology.max_tokens = 100", "citation_level.max_tokens = 200"]),
        (
            "label.follow_up_months=[12, 12]",
            "label.follow_up_months",
            ["[12, 12]", "label.horizon_months = 60"],
        ),
        ("label.follow_up_months=[24, 12]", "label.follow_up_months", ["[24, 12]"]),
        (
            "label.follow_up_months=[12, 60]",
            "label.follow_up_months",
            ["[12, 60]", "label.horizon_months = 60"],
        ),
        ("label.follow_up_months=[0]", "label.follow_up_months", ["= 0", "--set", "1"]),
        ("split.interim_levels=true", "split.interim_levels", ["label.follow_up_months"]),
        ("text.fields=[title, abstract, title]", "text.fields", ["['title', 'abstract', 'title']"]),
        ("text.fields=[title, body]", "text.fields", ["'body'", "'title'", "'abstract'", "'claims'"]),
        ("text.fields=[]", "text.fields", ["[]", "--set", "1"]),
    ],
)
def test_a_bad_setting_is_named(assignment, setting, mentioned):
    with raises(ConfigError, setting=setting) as error:
        load_config(sets=[assignment])
    message = str(error.value)
    assert [part for part in mentioned if part not in message] == []
    assert "\n" not in message


@pytest.mark.parametrize("assignment", ["train.epochs", "train.epochs=[1"])
def test_an_assignment_that_cannot_be_read_is_named(assignment):
    with raises(ConfigError, assignment=assignment):
        load_config(sets=[assignment])


@pytest.mark.parametrize(
    ("settings", "mentioned"),
    [
        (["split.embargo=false"], "split.embargo=true"),
        (
            ["citation_level.protocol=stratified", "citation_level.max_tokens=200"],
            "citation_level.protocol=temporal",
        ),
        (["tasks=joint", "technology.max_tokens=200"], "tasks=both"),
    ],
)
def test_interim_levels_are_for_what_an_embargo_keeps_out(settings, mentioned):
    sets = ["label.follow_up_months=[12, 24]", "split.interim_levels=true"]
    assert load_config(sets=sets)[0].label.follow_up_months == (12, 24)
    with raises(ConfigError, setting="split.interim_levels") as error:
        load_config(sets=[*sets, *settings])
    assert mentioned in str(error.value)


def test_the_ordinal_loss_has_none_for_interim_levels():
    interim = ["label.follow_up_months=[12]", "split.interim_levels=true"]
    assert load_config(sets=[*interim])[0].train.level_loss == "cross_entropy"
    with raises(ConfigError, setting="train.level_loss"):
        load_config(sets=[*interim, "train.level_loss=ordinal"])


def test_features_are_for_the_model_of_the_citation_level_alone():
    sets = ["model.features=[claims, class]", "technology.max_tokens=200"]
    assert load_config(sets=sets)[0].model.features == ("claims", "class")
    assert load_config()[0].model.features == ()
    for further in ("tasks=joint", "model.features=[claims, claims]", "model.features=[citations_received]"):
        with raises(ConfigError, setting="model.features"):
            load_config(sets=[*sets, further])


def test_claims_of_a_simulated_release_that_has_none():
    sets = ["source.kind=simulate", "text.fields=[title, claims]"]
    with raises(ConfigError, setting="text.fields") as error:
        load_config(sets=sets)
    assert "simulate.claims=true" in str(error.value)
    assert load_config(sets=[*sets, "simulate.claims=true"])[0].text.fields == ("title", "claims")


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("train: {rnaks: 2}", {"setting": "train.rnaks"}),
        ("- a list", {"type": "list"}),
        ("train: [", {}),
        ("train: 3", {"setting": "train"}),
    ],
)
def test_a_bad_file_names_itself(tmp_path, text, facts):
    path = config_file(tmp_path, text)
    with raises(ConfigError, **facts) as error:
        load_config([path])
    assert str(path) in str(error.value)


def test_a_missing_file_is_named(tmp_path):
    with raises(ConfigError, file=str(tmp_path / "nowhere.yaml")):
        load_config([tmp_path / "nowhere.yaml"])


def test_the_whole_configuration_comes_back_from_yaml(tmp_path):
    config, _ = load_config(sets=["release.data_to_date=2018-05-29", "split.test_years=[2012]"])
    assert load_config([config_file(tmp_path, to_yaml(config))])[0] == config


def test_every_setting_is_documented_once():
    assert set(about_settings()) == set(flatten(Config()))
    assert all(about_settings().values())


def test_digests_do_not_depend_on_order():
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1}) != digest({"a": 1, "b": 3})


def test_sections_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Config().train.epochs = 3


def test_the_models_of_a_run():
    def models(*sets):
        config, _ = load_config(sets=sets)
        return config.models, [config.prefix(task) for task in config.task_names]

    assert models("tasks=technology") == ({"technology": ("technology",)}, [""])
    assert models("tasks=both") == (
        {"technology": ("technology",), "citation_level": ("citation_level",)},
        ["", ""],
    )
    assert models("tasks=joint", "technology.max_tokens=200") == (
        {"joint": ("technology", "citation_level")},
        ["technology_", "citation_level_"],
    )


WHOLE, ON_TOP = {"default", "demo", "paper"}, {"cluster", "gpu", "joint"}


@pytest.mark.parametrize(
    "names",
    [
        *([name] for name in sorted(WHOLE)),
        *(["default", name] for name in sorted(ON_TOP)),
        ["default", "joint", "gpu"],
    ],
    ids="+".join,
)
def test_the_configurations_we_ship_are_valid(names):
    files = [CONF / f"{name}.yaml" for name in names]
    config, origin = load_config(files)
    assert set(origin.values()) == {str(file) for file in files}
    assert yaml.safe_load(to_yaml(config))


def test_every_configuration_that_we_ship_is_tested():
    assert {path.stem for path in CONF.glob("*.yaml")} == WHOLE | ON_TOP


def test_the_papers_model_does_not_change_with_ours():
    """paper.yaml sets every setting of text, model and training but those listed here."""
    _, origin = load_config([CONF / "paper.yaml"])
    run = {"text.workers", "text.seed", "train.seed", "train.launcher", "train.timeout_s", "train.cache_dir"}
    idle = {"text.claims", "text.continued_epochs", "train.technology_weight", "train.citation_level_weight"}
    sections = ("text.", "model.", "train.")
    settings = {name for name in about_settings() if name.startswith(sections)} | {"evaluate.combine"}
    assert settings - set(origin) == run | idle


@pytest.mark.parametrize(
    ("setting", "sets"),
    [("train.patience", []), ("train.keep", ["train.patience_steps=9", "train.keep=last"])],
)
def test_plateaus_need_patience_and_the_best_weights(setting, sets):
    with raises(ConfigError, setting=setting):
        load_config(sets=["train.decay=plateau", *sets])
    load_config(sets=["train.decay=plateau", "train.patience_steps=9"])


@pytest.mark.parametrize(
    ("setting", "sets"),
    [
        ("score.until_year", ["score.from_year=2020", "score.until_year=2019"]),
        ("score.from_year", ["score.input=new.csv", "score.until_year=2019"]),
        ("score.delimiter", ["score.delimiter=;;"]),
    ],
)
def test_settings_of_score_that_contradict_one_another(setting, sets):
    with raises(ConfigError, setting=setting):
        load_config(sets=sets)
    load_config(sets=["score.from_year=2019", "score.until_year=2019", "score.delimiter=;"])
