"""The simulated file of related documents: who repeats an abstract says whom it continues, and so do others if asked."""

import csv
import io
import zipfile

import pandas as pd
import pytest

from patent_spark.config import Simulate
from patent_spark.stages.simulate.generator import Maker


def make(folder, **settings):
    folder.mkdir()
    return Maker(folder, Simulate(patents=3000, seed=5, **settings), 700).make()


def frame(folder, name):
    with zipfile.ZipFile(folder / f"{name}.tsv.zip") as archive, archive.open(f"{name}.tsv") as file:
        header, *rows = csv.reader(io.TextIOWrapper(file, "utf-8", newline=""), delimiter="\t")
    return pd.DataFrame(rows, columns=header)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("related")
    make(root / "plain")
    make(root / "more", relatives=0.1)
    make(root / "old", relatives=0.1, columns="old")
    return root


def parents_in(folder):
    rows = frame(folder, "g_us_rel_doc")
    granted = rows[rows["related_doc_kind"] == "parent grant document"]
    assert granted["patent_id"].is_unique
    return rows, dict(zip(granted["patent_id"], granted["related_doc_number"], strict=True))


def test_continuations_name_the_patent_whose_abstract_they_repeat(folders):
    rows, parents = parents_in(folders / "plain")
    told = (
        pd.read_parquet(folders / "plain" / "truth.parquet").set_index("patent_id")["family_parent"].dropna()
    )
    assert parents == told.to_dict() and len(parents) > 150
    kinds = ["parent document", "parent grant document", "child document", ""]
    for _, of_patent in rows.groupby("patent_id", sort=False):
        assert of_patent["related_doc_kind"].tolist() == kinds and of_patent[
            "related_doc_sequence"
        ].tolist() == list("0123")
        types = of_patent["related_doc_type"].tolist()
        assert types[0] in ("continuation", "division") and types == [types[0]] * 3 + ["related-publication"]
    applications = rows[rows["related_doc_kind"] == "parent document"]
    of_parent = (
        applications.assign(parent=applications["patent_id"].map(parents))
        .groupby("parent")["related_doc_number"]
        .nunique()
    )
    assert (of_parent == 1).all() and applications["related_doc_number"].nunique() == len(
        of_parent
    )  # each application is one patent's
    assert applications["related_doc_number"].str.fullmatch(r"\d{8}").all()


def test_more_relatives_change_no_other_table(folders):
    for file in (folders / "plain").iterdir():
        same = file.read_bytes() == (folders / "more" / file.name).read_bytes()
        assert same == (file.name not in ("release.json", "g_us_rel_doc.tsv.zip")), file.name
    plain, more = (parents_in(folders / name)[1] for name in ("plain", "more"))
    assert plain.items() <= more.items()
    others = {child: parent for child, parent in more.items() if child not in plain}
    assert len(others) / 3000 == pytest.approx(
        0.07, abs=0.03
    )  # of those that continue nobody, and some draw a parent of another type
    abstracts = frame(folders / "plain", "g_patent_abstract").set_index("patent_id")["patent_abstract"]
    patents = frame(folders / "plain", "g_patent").set_index("patent_id")
    for child, parent in others.items():
        assert abstracts[child] != abstracts[parent]
        assert patents.loc[parent, "patent_date"] < patents.loc[child, "patent_date"]
        assert patents.loc[parent, "patent_type"] == patents.loc[child, "patent_type"] == "utility"


def test_the_older_names_hold_the_same(folders):
    new, old = frame(folders / "more", "g_us_rel_doc"), frame(folders / "old", "usreldoc")
    names = {
        "reldocno": "related_doc_number",
        "country": "published_country",
        "doctype": "related_doc_type",
        "relkind": "related_doc_kind",
    }
    names |= {
        "date": "related_doc_published_date",
        "status": "related_doc_status",
        "sequence": "related_doc_sequence",
        "kind": "wipo_kind",
    }
    assert old["uuid"].is_unique
    pd.testing.assert_frame_equal(old.drop(columns="uuid").rename(columns=names)[list(new)], new)
