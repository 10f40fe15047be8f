"""Releases in which claims and citations made tell of the citations received: by how much is known."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from patent_spark.core.schemas import LEVELS
from patent_spark.stages.simulate.citing_skew import CitingSkew
from patent_spark.stages.simulate.hashing import hashes
from patent_spark.stages.simulate.population import Population
from tests.support.simulated_release import frame, make


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    """Folder, release.json and patents, with claims, citations made and truth, of a strong effect."""
    folder = tmp_path_factory.mktemp("effects") / "strong"
    about = make(folder, patents=20_000, classes=4, feature_effect=0.7)
    patents = frame(folder, "g_patent").set_index("patent_id")
    made = frame(folder, "g_us_patent_citation")["patent_id"].value_counts()
    truth = (
        pd.read_parquet(folder / "truth.parquet")
        .set_index("patent_id")
        .join(patents["num_claims"].astype(int))
    )
    truth["made"] = made.reindex(truth.index, fill_value=0)
    truth["year"] = patents["patent_date"].str[:4].astype(int)
    return folder, about, truth[truth["cpc_class"].notna() & (truth["year"] < 2018)]


def test_without_an_effect_a_release_is_what_it_was(small, tmp_path):
    folder, about = small
    again = make(tmp_path / "again", patents=3000, seed=5, feature_effect=0.0)
    assert again == about and "feature_effect" not in about["settings"]
    assert not any(name.endswith("_chance") for name in pd.read_parquet(folder / "truth.parquet"))


def test_the_share_of_a_patent_is_its_place_among_the_citing_ones():
    """Of many draws, those with a larger share of their block are chosen more often."""
    population = Population(seed=3, size=6000, class_count=4)
    skew = CitingSkew(population)
    index = np.arange(16 * 20)
    shares = skew.shares(index).reshape(20, 16)
    assert np.sort(shares, axis=1) == pytest.approx(np.tile((np.arange(16) + 0.5) / 16, (20, 1)))
    draws = hashes(1, "draws", np.arange(len(index) * 200))
    chosen = np.bincount(skew.skew(np.repeat(index, 200), draws), minlength=len(index)).reshape(20, 16)
    for own, counts in zip(shares, chosen, strict=True):
        assert spearmanr(own, counts).statistic > 0.95


def top_tenth(truth):
    """Whether a patent is above the 90th percentile of its class and year, by its count."""
    q90 = truth.groupby(["cpc_class", "year"])["five_year_citations"].transform(
        lambda each: each.quantile(0.9)
    )
    return truth["five_year_citations"] > q90


def test_claims_and_citations_made_raise_the_chance_of_many_citations(release):
    _, about, truth = release
    assert about["settings"]["feature_effect"] == 0.7
    cited = top_tenth(truth)
    for column in ("num_claims", "made"):
        place = truth.groupby("year")[column].rank(pct=True)
        shares = [cited[place <= 0.25].mean(), cited[place > 0.75].mean()]
        assert shares[1] > 2.5 * shares[0]


def test_the_chances_are_those_that_happen(release):
    """Chances of the top levels are calibrated, and rank patents better than the text's level alone."""
    _, _, truth = release
    chances = truth[[f"{level}_chance" for level in LEVELS]].to_numpy()
    assert chances.sum(axis=1) == pytest.approx(1, abs=1e-5)
    cited, chance = top_tenth(truth), chances[:, :2].sum(axis=1)
    for low, high in ((0, 0.05), (0.05, 0.3), (0.3, 1)):
        within = (chance >= low) & (chance < high)
        assert within.sum() > 200
        # Percentiles of small reference sets have ties, so that fewer than a tenth lie above.
        assert cited[within].mean() == pytest.approx(chance[within].mean(), rel=0.15, abs=0.03)
    text = truth["level_signal"].map({level: -place for place, level in enumerate(LEVELS)})
    assert roc_auc_score(cited, chance) > roc_auc_score(cited, text) + 0.05


def test_ranks_stay_uniform(release, tmp_path):
    """The effect says who is cited often, not how often patents are cited."""
    _, _, truth = release
    make(tmp_path / "plain", patents=20_000, classes=4)
    before = pd.read_parquet(tmp_path / "plain" / "truth.parquet").set_index("patent_id")
    before = before.loc[truth.index, "five_year_citations"]
    quantiles = [0.25, 0.5, 0.75, 0.9]
    after = truth["five_year_citations"].quantile(quantiles)
    assert after.to_numpy() == pytest.approx(before.quantile(quantiles).to_numpy(), abs=1)
    assert truth["five_year_citations"].mean() == pytest.approx(before.mean(), rel=0.1)
