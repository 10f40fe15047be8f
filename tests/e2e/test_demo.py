"""The demo itself, 20,000 simulated patents: what a newcomer sees must be near the Bayes-optimal
classifier."""

import json
import subprocess

import pytest

from patent_spark.core.store import Store
from tests.support.small_run import PROGRAM, ROOT

NOISE = 1.03
"""The Bayes-optimal accuracy is an expectation; on some two thousand test patents a lucky draw exceeds it
a little."""


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_the_demo_is_near_the_bayes_optimal_accuracy_and_beats_every_baseline(tmp_path):
    command = [PROGRAM, "run", "--config", ROOT / "conf" / "demo.yaml", "--set", f"warehouse.root={tmp_path}"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for task in ("technology", "citation_level"):
        metrics = json.loads((Store(tmp_path).directory("METRICS") / f"{task}.json").read_text())
        best = metrics["references"]["bayes_optimal"]["accuracy"]
        assert best >= 0.75, task
        assert metrics["accuracy"] >= 0.9 * best, task
        others = {name: each["accuracy"] for name, each in metrics["baselines"].items()}
        network = others.pop("network")  # a part of the model, and here nearly as good as possible alone
        assert metrics["accuracy"] > max(others.values()), task
        assert metrics["accuracy"] >= network - 0.005, task
        assert metrics["accuracy"] <= NOISE * best, f"{task}: better than possible, so there is a leak"
