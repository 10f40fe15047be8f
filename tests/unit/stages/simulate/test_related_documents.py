"""The simulated file of related documents: continuations, and others by a setting, name a parent."""

import pandas as pd
import pytest

from tests.support.simulated_release import frame, make


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("related")
    for name, settings in (
        ("plain", {}),
        ("more", {"relatives": 0.1}),
        ("old", {"relatives": 0.1, "columns": "old"}),
    ):
        make(root / name, chunk=700, patents=3000, seed=5, **settings)
    return root


def parents_in(folder):
    """All rows of related documents, and the patent that each child names as its parent."""
    rows = frame(folder, "g_us_rel_doc")
    granted = rows[rows["related_doc_kind"] == "parent grant document"]
    assert granted["patent_id"].is_unique
    return rows, dict(zip(granted["patent_id"], granted["related_doc_number"], strict=True))


def test_continuations_name_the_patent_whose_abstract_they_repeat(folders):
    rows, parents = parents_in(folders / "plain")
    truth = pd.read_parquet(folders / "plain" / "truth.parquet").set_index("patent_id")
    assert parents == truth["family_parent"].dropna().to_dict() and len(parents) > 150
    kinds = ["parent document", "parent grant document", "child document", ""]
    for _, of_patent in rows.groupby("patent_id", sort=False):
        assert of_patent["related_doc_kind"].tolist() == kinds
        assert of_patent["related_doc_sequence"].tolist() == list("0123")
        types = of_patent["related_doc_type"].tolist()
        assert types[0] in ("continuation", "division") and types == [types[0]] * 3 + ["related-publication"]
    applications = rows[rows["related_doc_kind"] == "parent document"]
    named = applications.assign(parent=applications["patent_id"].map(parents))
    of_parent = named.groupby("parent")["related_doc_number"].nunique()
    # Each application number belongs to one patent.
    assert (of_parent == 1).all() and applications["related_doc_number"].nunique() == len(of_parent)
    assert applications["related_doc_number"].str.fullmatch(r"\d{8}").all()


def test_more_relatives_change_no_other_table(folders):
    for file in (folders / "plain").iterdir():
        same = file.read_bytes() == (folders / "more" / file.name).read_bytes()
        assert same == (file.name not in ("release.json", "g_us_rel_doc.tsv.zip")), file.name
    plain, more = (parents_in(folders / name)[1] for name in ("plain", "more"))
    assert plain.items() <= more.items()
    others = {child: parent for child, parent in more.items() if child not in plain}
    # A tenth of those that are no continuation; some of them draw a parent of another type.
    assert len(others) / 3000 == pytest.approx(0.07, abs=0.03)
    abstracts = frame(folders / "plain", "g_patent_abstract").set_index("patent_id")["patent_abstract"]
    patents = frame(folders / "plain", "g_patent").set_index("patent_id")
    for child, parent in others.items():
        assert abstracts[child] != abstracts[parent]
        assert patents.loc[parent, "patent_date"] < patents.loc[child, "patent_date"]
        assert patents.loc[parent, "patent_type"] == patents.loc[child, "patent_type"] == "utility"


def test_the_file_of_older_dumps_has_the_same_rows(folders):
    new, old = frame(folders / "more", "g_us_rel_doc"), frame(folders / "old", "usreldoc")
    names = {
        "reldocno": "related_doc_number",
        "country": "published_country",
        "doctype": "related_doc_type",
        "relkind": "related_doc_kind",
        "date": "related_doc_published_date",
        "status": "related_doc_status",
        "sequence": "related_doc_sequence",
        "kind": "wipo_kind",
    }
    assert old["uuid"].is_unique
    pd.testing.assert_frame_equal(old.drop(columns="uuid").rename(columns=names)[list(new)], new)
