"""The variants of an ablation: which factor a setting belongs to, and how configurations are crossed."""

import pytest

from patent_spark.config import ConfigError, flatten, load_config
from patent_spark.experiments.ablation.report_schema import SettingDifference
from patent_spark.experiments.ablation.variants import (
    config_name,
    factor_of,
    make_variants,
    setting_differences,
)
from tests.support.errors import raises


@pytest.mark.parametrize(
    ("setting", "factor"),
    [
        ("label.reference_set", "protocol"),
        ("split.embargo", "protocol"),
        ("citation_level.min_tokens", "protocol"),
        ("text.fit_on", "protocol"),
        ("text.dimensions", "model"),
        ("model.units", "model"),
        ("train.epochs", "model"),
        ("shard.world_sizes", "model"),
        ("train.ranks", None),
        ("text.fields", None),
        ("warehouse.root", None),
        ("source.kind", None),
        ("tasks", None),
        ("evaluate.seed", None),
        ("evaluate.combine", "model"),
    ],
)
def test_factor_of_a_setting(setting, factor):
    assert factor_of(setting) == factor


def test_each_protocol_with_each_model():
    base = load_config(["conf/demo.yaml", "conf/default.yaml"], ["evaluate.seed=9"])[0]
    paper = load_config(["conf/paper.yaml"], ["source.path=/elsewhere"])[0]
    variants = make_variants(("base", "paper"), base, paper)
    assert [(each.protocol, each.model) for each in variants] == [
        ("base", "base"),
        ("paper", "base"),
        ("base", "paper"),
        ("paper", "paper"),
    ]
    assert variants[0].config == base
    configs = [each.config for each in variants]
    protocols = [(each.split.embargo, each.text.fit_on) for each in configs]
    assert protocols == [(True, "train"), (False, "all")] * 2
    models = [(each.model.layers, each.text.min_count) for each in configs]
    assert models == [(1, 3)] * 2 + [(2, 20)] * 2
    whole, other = flatten(variants[3].config), flatten(paper)
    of_base = {"source.kind", "simulate.classes", "evaluate.seed", "train.ranks", "source.path"}
    assert {name for name in whole if whole[name] != other[name]} == of_base
    assert variants[3].config.source == base.source
    differences = {each.name: each for each in setting_differences(base, paper)}
    assert differences["label.reference_set"] == SettingDifference(
        name="label.reference_set", factor="protocol", base="class_year", against="class"
    )
    assert "train.ranks" not in differences and "evaluate.seed" not in differences


def test_configurations_that_do_not_differ():
    base, against = (load_config(sets=[f"train.ranks={n}"])[0] for n in (1, 2))
    with raises(ConfigError, base="a", against="b"):
        make_variants(("a", "b"), base, against)


def test_a_configuration_is_named_after_its_files():
    assert config_name(["conf/demo.yaml", "/x/my.default.yaml"]) == "demo+my.default"
    assert config_name([]) == "defaults"
