"""What features add where claims and citations made tell of the citations that a patent receives."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from patent_spark.config import CITATION_LEVEL, load_config
from patent_spark.core.schemas import LEVELS, TOP1, TOP10
from patent_spark.core.store import Store
from patent_spark.metrics.report_schema import read_metrics
from patent_spark.pipeline import run_stage
from tests.support.small_run import ROOT

SETTINGS = (
    "tasks=citation_level", "simulate.patents=20000", "simulate.classes=8", "simulate.feature_effect=0.7",
    "text.workers=1", "text.epochs=3", "text.dimensions=32", "text.min_count=2", "model.units=16",
    "train.epochs=3", "train.ranks=1", "evaluate.resamples=20",
    "evaluate.neighbour_examples=200",
)  # fmt: skip
FEATURES = "model.features=[claims, citations_made, class, kind, text_length, family_size]"


def evaluated(root, *sets):
    """PREDICTIONS of the model and its METRICS, from the examples on."""
    config = load_config([ROOT / "conf" / "demo.yaml"], [*SETTINGS, f"warehouse.root={root}", *sets])[0]
    for stage in ("shard", "train", "evaluate"):
        run_stage(stage, config)
    store = Store(root)
    rows = store.read_arrow("PREDICTIONS").to_pandas().set_index("patent_id")
    return rows, read_metrics(store, CITATION_LEVEL)


@pytest.mark.slow
def test_features_raise_the_ranking_of_the_top_tenth_towards_what_is_attainable(tmp_path):
    config = load_config([ROOT / "conf" / "demo.yaml"], [*SETTINGS, f"warehouse.root={tmp_path}"])[0]
    for stage in ("simulate", "ingest", "label", "split", "text"):
        run_stage(stage, config)
    truth = pd.read_parquet(Store(tmp_path).directory("RELEASE") / "truth.parquet").set_index("patent_id")
    (text, text_metrics), (both, metrics) = evaluated(tmp_path), evaluated(tmp_path, FEATURES)
    assert text.index.equals(both.index.intersection(text.index)) and len(text) == len(both)
    both = both.loc[text.index]
    cited = text["truth"].isin([TOP1, TOP10])
    chances = truth.loc[text.index, [f"{TOP1}_chance", f"{TOP10}_chance"]].sum(axis=1)

    def of_top(rows):
        return np.stack(rows["probabilities"])[:, [LEVELS.index(TOP1), LEVELS.index(TOP10)]].sum(axis=1)

    for metric, gain in ((roc_auc_score, 0.03), (average_precision_score, 0.04)):
        alone, together, most = (metric(cited, each) for each in (of_top(text), of_top(both), chances))
        assert together > alone + gain
        assert together > alone + 0.25 * (most - alone)
        assert together < most + 0.02
    baselines = metrics.baselines
    assert "tfidf_linear_features" in baselines and "tfidf_linear_features" not in text_metrics.baselines
    assert baselines["tfidf_linear_features"].top1.roc_auc > baselines["tfidf_linear"].top1.roc_auc
