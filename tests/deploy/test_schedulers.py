"""What schedulers read: systemd's units, and the Airflow DAG in a real Airflow.

`make test-airflow` builds Airflow's environment and runs the second half; without it they are skipped.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SYSTEMD, AIRFLOW = ROOT / "deploy" / "systemd", ROOT / "deploy" / "airflow"
AIRFLOW_PROGRAM = Path(os.environ.get("AIRFLOW_VENV", ROOT / "build" / "airflow")) / "bin" / "airflow"


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
def test_systemd_has_nothing_to_say_about_the_units(tmp_path):
    """It exits with 0 on an unknown key, so that it must not print anything."""
    for unit in SYSTEMD.iterdir():
        text = unit.read_text().replace("/srv/patent_spark/.venv/bin/patent-spark", "/bin/true")
        (tmp_path / unit.name).write_text(text.replace("User=patent-spark\n", ""))
    done = subprocess.run(
        ["systemd-analyze", "verify", *sorted(tmp_path.iterdir())], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


needs_airflow = [
    pytest.mark.slow,
    pytest.mark.skipif(not AIRFLOW_PROGRAM.exists(), reason="no Airflow; run `make test-airflow`"),
]
STAGES = ["ingest", "label", "quality", "split", "text", "shard", "train", "evaluate", "audit"]
PROGRAM = """#!{python}
import sys
from pathlib import Path
folder = Path(__file__).parent
with (folder / "calls").open("a") as calls:
    print(*sys.argv[1:], file=calls)
codes = dict(line.split() for line in (folder / "codes").read_text().splitlines())
last = sys.argv[sys.argv.index("--through") + 1] if "--through" in sys.argv else "publish"
sys.exit(int(codes.get(last, 0)))
"""


@pytest.fixture
def airflow(tmp_path):
    """A call of Airflow on the DAG, with a command that notes its calls and ends as `codes` says."""
    program = tmp_path / "patent-spark"
    program.write_text(PROGRAM.format(python=sys.executable))
    program.chmod(0o755)
    own = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment = own | {
        "AIRFLOW_HOME": str(tmp_path / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(AIRFLOW),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "PATENT_SPARK": str(program),
        "PATENT_SPARK_CONFIG": "/refresh.yaml",
    }

    def call(*words):
        return subprocess.run(
            [AIRFLOW_PROGRAM, *words], env=environment, capture_output=True, text=True, timeout=500
        )

    assert call("db", "migrate").returncode == 0
    return call


def run_dag(airflow, folder, **codes):
    """Exit code of a run of the DAG, and the stages that its tasks called."""
    (folder / "codes").write_text("".join(f"{stage} {code}\n" for stage, code in codes.items()))
    done = airflow("dags", "test", "patent_spark_refresh", "2026-02-03")
    calls = (folder / "calls").read_text().splitlines()
    assert all(call.startswith("refresh --config /refresh.yaml") for call in calls)
    return done.returncode, [call.split()[4] if "--through" in call else "publish" for call in calls]


@pytest.mark.parametrize("needed", [pytest.param(None, marks=needs_airflow)])
def test_the_dag_is_parsed_without_patent_spark(airflow, needed):
    listed = airflow("dags", "list", "--local")  # not from the database, which only a running Airflow fills
    assert listed.returncode == 0
    assert "patent_spark_refresh" in listed.stdout
    assert "No data found" in airflow("dags", "list-import-errors", "--local").stdout


@pytest.mark.parametrize(
    ("codes", "failed", "stages"),
    [
        pytest.param({}, False, [*STAGES, "publish"], marks=needs_airflow, id="a release is published"),
        pytest.param({"ingest": 99}, False, STAGES[:1], marks=needs_airflow, id="nothing new"),
        pytest.param({"quality": 4}, True, STAGES[:3], marks=needs_airflow, id="a gate says no"),
    ],
)
def test_exit_codes_become_states(airflow, tmp_path, codes, failed, stages):
    code, called = run_dag(airflow, tmp_path, **codes)
    assert (code != 0, called) == (failed, stages)
