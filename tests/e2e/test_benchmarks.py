"""The benchmarks run, on inputs too small to say anything: a knob or a column that was renamed must not break them unnoticed."""

import subprocess
import sys

import pytest

from tests.e2e.conftest import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.mark.parametrize(
    ("program", "said"),
    [
        (["labels.py", "--citations", "0.05", "--runs", "1"], "labels: the same rows from all 7"),
        (["ingest.py", "--citations", "0.05", "--runs", "1"], "ABSTRACTS: the same rows from both"),
        (["scale.py", "--millions", "0.03", "0.05", "--engines", "sail"], "| label on sail |"),
    ],
)
def test_a_small_run(tmp_path, program, said):
    command = [sys.executable, *program, "--scratch", tmp_path]
    done = subprocess.run(command, cwd=ROOT / "benchmarks", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert said in done.stdout + done.stderr
