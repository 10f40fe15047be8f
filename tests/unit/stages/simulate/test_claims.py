"""The yearly files of claims of a simulated release, read with pandas alone."""

import json

import pandas as pd
import pytest

from patent_spark.cli import main
from patent_spark.core.store import Store
from tests.support.simulated_release import frame, make

SETTINGS = {"patents": 2000, "seed": 5, "classes": 6}
REASONS = {
    "claim_sequence is not a whole number from 0",
    "too few fields",
    "too many fields",
    "empty patent_id",
}
"""Values of REJECTS.reason for the kinds of broken rows that a file of claims has."""


def frames(folder, prefix):
    """Yearly files by year."""
    years = sorted(path.name[len(prefix) : -len(".tsv.zip")] for path in folder.glob(f"{prefix}*.zip"))
    return {year: frame(folder, prefix + year) for year in years}


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    folder = tmp_path_factory.mktemp("simulated") / "release"
    make(folder, claims=True, **SETTINGS)
    return folder


def test_each_claim_is_in_the_file_of_its_grant_year(release):
    patents, by_year = frame(release, "g_patent"), frames(release, "g_claims_")
    assert set(by_year) == set(patents["patent_date"].str[:4])
    claims = pd.concat(each.assign(year=year) for year, each in by_year.items())
    columns = ["patent_id", "claim_sequence", "claim_text", "dependent", "claim_number", "exemplary"]
    assert list(claims)[:-1] == columns
    merged = claims.merge(patents, on="patent_id", validate="many_to_one")
    assert len(merged) == len(claims) and (merged["year"] == merged["patent_date"].str[:4]).all()
    expected = patents.set_index("patent_id")["num_claims"].astype(int)
    assert claims.groupby("patent_id").size().to_dict() == expected.to_dict()
    numbered = claims.groupby("patent_id", sort=False).cumcount()
    assert (claims["claim_sequence"].astype(int) == numbered).all()
    assert (claims["claim_number"].astype(int) == numbered + 1).all()
    first = numbered == 0
    assert (claims["dependent"] == first.map({True: "", False: "claim 1"})).all()
    assert (claims["exemplary"] == first.map({True: "1", False: "0"})).all()
    of_designs = claims[claims["patent_id"].str.startswith("D")]["claim_text"]
    assert of_designs.unique().tolist() == ["1. The ornamental design, as shown."]


def most_frequent(texts, words):
    """The label whose words occur most often in each text."""
    tokens = texts.str.lower().str.findall(r"[a-z]+")

    def count(own):
        return tokens.map(lambda text: sum(word in own for word in text))

    return pd.DataFrame({label: count(frozenset(own)) for label, own in words.items()}).idxmax(axis=1)


def test_claims_signal_the_class_and_level_of_the_abstract(release):
    truth = pd.read_parquet(release / "truth.parquet").set_index("patent_id")
    signals = json.loads((release / "release.json").read_text())["planted"]
    claims = pd.concat(frames(release, "g_claims_").values())
    claims = claims[~claims["patent_id"].str.startswith("D")]
    first = claims["claim_sequence"] == "0"
    # The two classes of a pair share their keywords, so either of them is right.
    groups = {tuple(words): code for code, words in signals["keywords"].items()}
    of_class = {code: groups[tuple(words)] for code, words in signals["keywords"].items()}
    own = {code: signals["keywords"][code] for code in groups.values()}
    for chosen, share in ((first, 0.99), (~first, 0.7)):
        texts = claims[chosen].set_index("patent_id")["claim_text"]
        expected = truth["text_class"].map(of_class).reindex(texts.index)
        assert (most_frequent(texts, own) == expected).mean() > share
    texts = claims[first].set_index("patent_id")["claim_text"]
    levels = most_frequent(texts, signals["level_words"])
    assert (levels == truth["level_signal"].reindex(texts.index)).mean() > 0.99


def test_a_continuation_does_not_claim_what_its_parent_claims(release):
    truth = pd.read_parquet(release / "truth.parquet")
    children = truth[truth["family_parent"].notna()]
    claims = pd.concat(frames(release, "g_claims_").values())
    first = claims[claims["claim_sequence"] == "0"].set_index("patent_id")["claim_text"]
    own, parents = (first.reindex(children[name]).to_numpy() for name in ("patent_id", "family_parent"))
    assert len(children) > 20 and (own != parents).all()


def test_claims_change_no_other_file_and_do_not_depend_on_chunks(release, tmp_path):
    make(tmp_path / "without", **SETTINGS)
    for path in (tmp_path / "without").iterdir():
        if path.name != "release.json":
            assert path.read_bytes() == (release / path.name).read_bytes(), path.name
    about = make(tmp_path / "chunks", chunk=311, claims=True, **SETTINGS)
    assert about == json.loads((release / "release.json").read_text())
    assert about["rows"]["g_claims_2010.tsv.zip"] == len(frame(release, "g_claims_2010"))
    for year, claims in frames(release, "g_claims_").items():
        pd.testing.assert_frame_equal(frame(tmp_path / "chunks", f"g_claims_{year}"), claims)


def ingested_claims(folder, root):
    """The store after ingest, and its CLAIMS in order."""
    settings = [
        f"source.path={folder}",
        f"warehouse.root={root}",
        "text.fields=[claims]",
        "ingest.max_reject_fraction=0.2",
    ]
    assert main(["ingest", *(part for setting in settings for part in ("--set", setting))]) == 0
    store = Store(root)
    order = [("patent_key", "ascending"), ("claim_sequence", "ascending")]
    return store, store.read_arrow("CLAIMS").sort_by(order)


def test_ingest_reads_both_file_formats_and_rejects_the_broken_rows(release, tmp_path):
    about = make(tmp_path / "old", claims=True, columns="old", broken_fraction=0.02, **SETTINGS)
    store, claims = ingested_claims(tmp_path / "old", tmp_path / "warehouse-old")
    assert claims == ingested_claims(release, tmp_path / "warehouse-new")[1]
    broken = {file: sum(kinds.values()) for file, kinds in about["broken"].items()}
    rejects = store.read_arrow("REJECTS").to_pandas().query("table == 'CLAIMS'")
    assert rejects.groupby("file").size().to_dict() == {
        file: count for file, count in broken.items() if count and file.startswith("claims_")
    }
    assert set(rejects["reason"]) >= REASONS
