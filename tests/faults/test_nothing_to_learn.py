"""Data from which nothing can be learned or counted: an error that says so, never a perfect model."""

import pytest

from patent_spark.cli import main
from tests.support.releases import write_release

IDS = [str(4_000_000 + i) for i in range(60)]
SETS = ("tasks=technology", "text.dimensions=4", "text.epochs=1", "text.min_count=1", "text.workers=1",
        "shard.row_group_rows=8", "shard.world_sizes=[1]", "technology.min_tokens=1", "train.epochs=1",
        "train.ranks=1", "train.batch=8", "model.units=2", "train.min_steps=1")  # fmt: skip


@pytest.fixture
def run(tmp_path):
    def run(*stages, classes=("A63", "H04"), category="cited by examiner", sets=()):
        years = [2000 + i // 6 for i in range(len(IDS))]
        tables = {
            "g_patent": [
                {
                    "patent_id": id_,
                    "patent_date": f"{year}-06-01",
                    "withdrawn": "0",
                    "patent_title": f"a device {i}",
                }
                for i, (id_, year) in enumerate(zip(IDS, years, strict=True))
            ],
            "g_patent_abstract": [{"patent_id": id_, "patent_abstract": f"text {id_}"} for id_ in IDS],
            "g_us_patent_citation": [
                {"patent_id": IDS[i], "citation_patent_id": IDS[i - 30], "citation_category": category}
                for i in range(30, len(IDS))  # five years later
            ],
            "g_cpc_current": [
                {
                    "patent_id": id_,
                    "cpc_sequence": 0,
                    "cpc_class": classes[i % len(classes)],
                    "cpc_type": "inventional",
                }
                for i, id_ in enumerate(IDS)
            ],
        }
        folder = write_release(tmp_path / "release", tables, {"data_to_date": "2020-06-30"})
        every = (*SETS, f"source.path={folder}", f"warehouse.root={tmp_path / 'w'}", *sets)
        options = [part for each in every for part in ("--set", each)]
        code = 0
        for stage in stages:
            code = main([stage, *options])
            if code:
                break
        return code

    return run


TO_TRAIN = ("ingest", "label", "split", "text", "shard", "train")


def test_a_task_with_one_class(run, capsys):
    assert run(*TO_TRAIN, classes=("G06",)) == 3
    message = capsys.readouterr().err.splitlines()[-1]
    assert all(fact in message for fact in ("technology", "one label", "G06", "tasks")), message


def test_a_task_with_one_level(run, capsys):
    sets = ("tasks=citation_level", "citation_level.protocol=stratified", "citation_level.min_tokens=1")
    assert run(*TO_TRAIN, category="cited by applicant", sets=(*sets, "label.horizon_months=1")) == 3
    message = capsys.readouterr().err.splitlines()[-1]
    assert all(fact in message for fact in ("citation_level", "one label", "zerocite")), message


def test_two_classes_are_enough(run):
    assert run(*TO_TRAIN) == 0


@pytest.mark.parametrize(
    ("citing", "category"), [("examiner", "cited by applicant"), ("not_examiner", "cited by examiner")]
)
def test_a_category_that_no_citation_has_lists_those_that_there_are(run, capsys, citing, category):
    assert run("ingest", "label", category=category, sets=(f"label.citing={citing}",)) == 3
    message = capsys.readouterr().err.splitlines()[-1]
    assert all(fact in message for fact in ("label.citing", citing, category)), message


def test_categories_are_compared_without_case(run):
    assert run("ingest", "label", category="Cited By Examiner ", sets=("label.citing=examiner",)) == 0


def test_empty_test_years_are_named(run, capsys):
    sets = ("technology.protocol=temporal", "split.train_until=2005", "split.test_years=[2007, 2011, 2012]")
    assert run("ingest", "label", "split", sets=sets) == 0
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "no test patents" in line]
    assert "technology" in line and "2011, 2012" in line and "2007" not in line
