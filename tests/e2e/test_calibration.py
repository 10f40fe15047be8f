"""Probabilities of top1 against the true ones, which are known of a simulated release alone."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from patent_spark.core.schemas import TOP1
from patent_spark.core.store import Store

ROOT = Path(__file__).parents[2]
SETTINGS = (
    "tasks=citation_level", "simulate.patents=80000", "simulate.classes=4",
    "simulate.abstract_words=70", "label.reference_set=class_year",
    "citation_level.protocol=temporal", "citation_level.max_tokens=100", "citation_level.min_tokens=50",
    "text.epochs=2", "train.ranks=1",
    "train.label_smoothing=0.1", "evaluate.resamples=10",
)  # fmt: skip
"""Patents enough for a decile's share to be sure to half a point, and few classes, so that a class and year
holds enough of them for its percentiles; with percentiles by year top1 is as frequent in each. With smoothed
labels, as in default.yaml, every level has a probability of a fortieth or more."""


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_top1_is_as_probable_as_was_planted_in_every_decile(tmp_path):
    sets = [
        argument for setting in (f"warehouse.root={tmp_path}", *SETTINGS) for argument in ("--set", setting)
    ]
    command = [
        Path(sys.executable).with_name("patent-spark"),
        "run",
        "--config",
        ROOT / "conf" / "demo.yaml",
        *sets,
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    store = Store(tmp_path)
    deciles = deciles_of(store)
    assert len(deciles) == 10
    for predicted, generated in deciles:
        assert predicted == pytest.approx(generated, abs=0.02)
    assert (
        np.mean([abs(predicted - generated) for predicted, generated in deciles[:9]]) < 0.005
    )  # where top1 is a matter of parts in a thousand
    assert deciles[-1][1] > 3 * deciles[0][1]  # the deciles differ
    calibration = json.loads((store.directory("METRICS") / "citation_level.json").read_text())["calibration"]
    assert [each["probability"] for each in calibration["after"]["top1"]["bins"]] == pytest.approx(
        [predicted for predicted, _ in deciles]
    )
    # The model itself promises top1 to everybody, and a temperature can only take a part of that back.
    errors = [calibration[time]["top1"]["ece"] for time in ("before", "temperature_alone", "after")]
    assert errors == sorted(errors, reverse=True) and errors[1] > 2 * errors[2]


def deciles_of(store: Store) -> list[tuple[float, float]]:
    """Mean calibrated and mean generated probability of top1 in each decile of the test patents by the
    former."""
    release = store.directory("RELEASE")
    posterior = json.loads((release / "release.json").read_text())["bayes_rates"]["citation_level"][
        "posterior"
    ]
    signal = (
        pq.read_table(release / "truth.parquet", columns=["patent_id", "level_signal"])
        .to_pandas()
        .set_index("patent_id")
        .level_signal
    )
    predictions = store.read_arrow("PREDICTIONS").to_pandas()
    predicted = np.stack(predictions.probabilities)[:, 0]
    generated = signal[predictions.patent_id].map(lambda level: posterior[level][TOP1]).to_numpy()
    return [
        (float(predicted[part].mean()), float(generated[part].mean()))
        for part in np.array_split(np.argsort(predicted, kind="stable"), 10)
    ]
