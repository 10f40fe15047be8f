"""Protocols and models swapped: which settings go where, and whose a difference is."""

import pytest

from patent_spark.config import ConfigError, flatten, load_config
from patent_spark.experiments.ablation.variants import differing, mixtures, name_of, part_of


@pytest.mark.parametrize(
    ("setting", "part"),
    [
        ("label.reference_set", "protocol"), ("split.embargo", "protocol"), ("citation_level.min_tokens", "protocol"), ("text.fit_on", "protocol"),
        ("text.dimensions", "model"), ("model.units", "model"), ("train.epochs", "model"), ("shard.world_sizes", "model"),
        ("train.ranks", None), ("text.fields", None), ("warehouse.root", None), ("source.kind", None), ("tasks", None), ("evaluate.seed", None),
    ],
)  # fmt: skip
def test_whose_a_setting_is(setting, part):
    assert part_of(setting) == part


def test_each_protocol_with_each_model_ours_first_and_theirs_last():
    ours = load_config(["conf/demo.yaml", "conf/default.yaml"], ["evaluate.seed=9"])[0]
    theirs = load_config(["conf/paper.yaml"], ["source.path=/elsewhere"])[0]
    four = mixtures(("ours", "paper"), ours, theirs)
    assert [(each.protocol, each.model) for each in four] == [
        ("ours", "ours"),
        ("paper", "ours"),
        ("ours", "paper"),
        ("paper", "paper"),
    ]
    assert four[0].config == ours
    told = [
        (
            each.config.split.embargo,
            each.config.text.fit_on,
            each.config.model.layers,
            each.config.text.min_count,
        )
        for each in four
    ]
    assert told == [
        (True, "train", 1, 3),
        (False, "all", 1, 3),
        (True, "train", 2, 20),
        (False, "all", 2, 20),
    ]
    whole, other = flatten(four[3].config), flatten(theirs)
    assert {name for name in whole if whole[name] != other[name]} == {
        "source.kind", "simulate.classes", "evaluate.seed", "train.ranks", "source.path",
    }  # fmt: skip
    assert four[3].config.source == ours.source
    named = {each["name"]: each for each in differing(ours, theirs)}
    assert named["label.reference_set"] == {
        "name": "label.reference_set",
        "part": "protocol",
        "ours": "class_year",
        "theirs": "class",
    }
    assert "train.ranks" not in named and "evaluate.seed" not in named


def test_two_that_do_not_differ():
    ours, theirs = (load_config(sets=[f"train.ranks={n}"])[0] for n in (1, 2))
    with pytest.raises(
        ConfigError,
        match=r"--against b: it differs in no setting of protocol or model from a, so there is nothing to compare",
    ):
        mixtures(("a", "b"), ours, theirs)


def test_a_configuration_is_called_by_its_files():
    assert (name_of(["conf/demo.yaml", "/x/my.default.yaml"]), name_of([])) == ("demo+my.default", "defaults")
