"""The yearly files of claims of a simulated release, read with pandas alone."""

import io
import json
import zipfile

import pandas as pd
import pytest

from patent_spark.cli import main
from patent_spark.config import Simulate
from patent_spark.core.store import Store
from patent_spark.stages.simulate.generator import Maker

SETTINGS = {"patents": 2000, "seed": 5, "classes": 6}


def make(folder, chunk=8192, **settings):
    folder.mkdir()
    return Maker(folder, Simulate(**(SETTINGS | settings)), chunk).make()


def frame(folder, name):
    with zipfile.ZipFile(folder / f"{name}.tsv.zip") as archive:
        return pd.read_csv(
            io.BytesIO(archive.read(f"{name}.tsv")), sep="\t", dtype=str, keep_default_na=False
        )


def frames(folder, prefix):
    years = sorted(path.name[len(prefix) : -len(".tsv.zip")] for path in folder.glob(f"{prefix}*.zip"))
    return {year: frame(folder, prefix + year) for year in years}


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    folder = tmp_path_factory.mktemp("simulated") / "release"
    make(folder, claims=True)
    return folder


def test_each_claim_stands_in_the_file_of_its_grant_year(release):
    patents, by_year = frame(release, "g_patent"), frames(release, "g_claims_")
    assert set(by_year) == set(patents["patent_date"].str[:4])
    claims = pd.concat(each.assign(year=year) for year, each in by_year.items())
    assert list(claims)[:-1] == [
        "patent_id",
        "claim_sequence",
        "claim_text",
        "dependent",
        "claim_number",
        "exemplary",
    ]
    merged = claims.merge(patents, on="patent_id", validate="many_to_one")
    assert len(merged) == len(claims) and (merged["year"] == merged["patent_date"].str[:4]).all()
    assert (
        claims.groupby("patent_id").size().to_dict()
        == patents.set_index("patent_id")["num_claims"].astype(int).to_dict()
    )
    numbered = claims.groupby("patent_id", sort=False).cumcount()
    assert (claims["claim_sequence"].astype(int) == numbered).all() and (
        claims["claim_number"].astype(int) == numbered + 1
    ).all()
    first = numbered == 0
    assert (claims["dependent"] == first.map({True: "", False: "claim 1"})).all()
    assert (claims["exemplary"] == first.map({True: "1", False: "0"})).all()
    assert claims[claims["patent_id"].str.startswith("D")]["claim_text"].unique().tolist() == [
        "1. The ornamental design, as shown."
    ]


def test_claims_speak_of_the_class_and_level_of_the_abstract(release):
    truth = pd.read_parquet(release / "truth.parquet").set_index("patent_id")
    planted = json.loads((release / "release.json").read_text())["planted"]
    claims = pd.concat(frames(release, "g_claims_").values())
    claims = claims[~claims["patent_id"].str.startswith("D")]
    first = claims["claim_sequence"] == "0"

    def spoken(texts, words):
        """The label whose words stand most often in each text."""
        said = texts.str.lower().str.findall(r"[a-z]+")
        counts = pd.DataFrame(
            {
                label: said.map(lambda text, own=frozenset(own): sum(word in own for word in text))
                for label, own in words.items()
            }
        )
        return counts.idxmax(axis=1)

    groups = {
        tuple(words): code for code, words in planted["keywords"].items()
    }  # two classes of a pair share theirs: either will do
    of_class = {code: groups[tuple(words)] for code, words in planted["keywords"].items()}
    for chosen, share in ((first, 0.99), (~first, 0.7)):
        texts = claims[chosen].set_index("patent_id")["claim_text"]
        expected = truth["text_class"].map(of_class).reindex(texts.index)
        own = {code: planted["keywords"][code] for code in groups.values()}
        assert (spoken(texts, own) == expected).mean() > share
    texts = claims[first].set_index("patent_id")["claim_text"]
    assert (spoken(texts, planted["level_words"]) == truth["level_signal"].reindex(texts.index)).mean() > 0.99


def test_a_continuation_does_not_claim_what_its_parent_claims(release):
    truth = pd.read_parquet(release / "truth.parquet")
    children = truth[truth["family_parent"].notna()]
    first = (
        pd.concat(frames(release, "g_claims_").values())
        .query("claim_sequence == '0'")
        .set_index("patent_id")["claim_text"]
    )
    assert len(children) > 20
    assert (
        first.reindex(children["patent_id"]).to_numpy() != first.reindex(children["family_parent"]).to_numpy()
    ).all()


def test_claims_change_no_other_file_and_do_not_depend_on_chunks(release, tmp_path):
    make(tmp_path / "without")
    for path in (tmp_path / "without").iterdir():
        if path.name != "release.json":
            assert path.read_bytes() == (release / path.name).read_bytes(), path.name
    about = make(tmp_path / "chunks", chunk=311, claims=True)
    assert about == json.loads((release / "release.json").read_text())
    assert about["rows"]["g_claims_2010.tsv.zip"] == len(frame(release, "g_claims_2010"))
    for year, claims in frames(release, "g_claims_").items():
        pd.testing.assert_frame_equal(frame(tmp_path / "chunks", f"g_claims_{year}"), claims)


def test_ingest_reads_both_generations_of_names_and_rejects_the_broken_rows(release, tmp_path):
    about = make(tmp_path / "old", claims=True, columns="old", broken_fraction=0.02)

    def ingest(folder):
        root = tmp_path / folder.name / "warehouse"
        settings = [
            f"source.path={folder}",
            f"warehouse.root={root}",
            "text.fields=[claims]",
            "ingest.max_reject_fraction=0.2",
        ]
        assert main(["ingest", *(part for setting in settings for part in ("--set", setting))]) == 0
        return Store(root)

    store = ingest(tmp_path / "old")
    claims = store.read_arrow("CLAIMS").sort_by(
        [("patent_key", "ascending"), ("claim_sequence", "ascending")]
    )
    assert claims == ingest(release).read_arrow("CLAIMS").sort_by(
        [("patent_key", "ascending"), ("claim_sequence", "ascending")]
    )
    planted = {
        file: sum(reasons.values()) for file, reasons in about["broken"].items() if file.startswith("claims_")
    }
    rejects = store.read_arrow("REJECTS").to_pandas().query("table == 'CLAIMS'")
    assert rejects.groupby("file").size().to_dict() == {
        file: count for file, count in planted.items() if count
    }
    assert {
        "claim_sequence is not a whole number from 0",
        "too few fields",
        "too many fields",
        "empty patent_id",
    } <= set(rejects["reason"])
