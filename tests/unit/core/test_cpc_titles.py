"""Titles of the CPC."""

from patent_spark.core.cpc_titles import cpc_title, cpc_titles
from patent_spark.stages.simulate.cpc_classes import CLASSES


def test_every_class_of_the_papers_has_a_title():
    assert {each.code for each in CLASSES} <= set(cpc_titles())


def test_codes_are_sections_or_classes_of_a_section():
    titles = cpc_titles()
    assert {code for code in titles if len(code) == 1} == set("ABCDEFGHY")
    assert all(code[0] in titles and len(code) in (1, 3) for code in titles)
    assert all(title.strip() == title and len(title) > 4 for title in titles.values())


def test_some_titles():
    assert cpc_title("G06") == "Computing; calculating or counting"
    assert cpc_title("H") == "Electricity"
    assert cpc_title("H10").startswith("Semiconductor devices")


def test_a_code_that_the_cpc_does_not_have_is_said_to_be_none():
    assert cpc_title("A07") == "not a class of the CPC (section A: Human necessities)"
    assert cpc_title("Z99") == "not a class of the CPC"


def test_a_subclass_is_told_by_its_class():
    assert cpc_title("G06N") == "a subclass of G06: Computing; calculating or counting"
    assert cpc_title("A07B") == "not a class of the CPC (section A: Human necessities)"
