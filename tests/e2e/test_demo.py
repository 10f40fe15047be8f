"""The demo itself, 20,000 simulated patents: what a newcomer sees must be near the best that anyone could reach."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from patent_spark.core.store import Store

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_the_demo_reaches_nine_tenths_of_the_attainable_and_beats_every_baseline(tmp_path):
    program = Path(sys.executable).with_name("patent-spark")
    command = [program, "run", "--config", ROOT / "conf" / "demo.yaml", "--set", f"warehouse.root={tmp_path}"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for task in ("technology", "citation_level"):
        metrics = json.loads((Store(tmp_path).directory("METRICS") / f"{task}.json").read_text())
        assert metrics["attainable"]["accuracy"] >= 0.75
        assert metrics["accuracy"] >= 0.9 * metrics["attainable"]["accuracy"], task
        assert metrics["accuracy"] > max(each["accuracy"] for each in metrics["baselines"].values()), task
    assert (
        metrics["accuracy"] <= 1.03 * metrics["attainable"]["accuracy"]
    )  # better than possible would be a leak
