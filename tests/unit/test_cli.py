import json
import subprocess
import sys
from pathlib import Path

import pytest

from patent_spark.cli import main
from patent_spark.core.schemas import STAGE_OF
from tests.support.small_package import small_package

ROOT = Path(__file__).parents[2]


def run(capsys, *arguments):
    code = main(arguments)
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_config_prints_every_setting_with_its_origin(capsys):
    code, out, _ = run(capsys, "config", "--set", "train.ranks=2")
    assert code == 0
    assert "train.ranks = 2  # --set: " in out
    assert "train.epochs = 5  # default: " in out


def test_a_wrong_setting_is_exit_2_and_one_line(capsys, tmp_path):
    code, out, err = run(capsys, "label", "--set", "lable.reference_set=class")
    assert (code, out) == (2, "")
    assert all(part in err for part in ("lable.reference_set", "--set", " label.reference_set"))
    assert err.count("\n") == 1


def test_an_unknown_command_is_exit_2():
    with pytest.raises(SystemExit) as ended:
        main(["lable"])
    assert ended.value.code == 2


@pytest.mark.parametrize("table", ["LABELS", "METRICS", "MODEL", "REPORT"])
def test_where_before_the_stage_ran_is_exit_3_and_says_what_to_run(capsys, tmp_path, table):
    code, _, err = run(capsys, "where", table, "--set", f"warehouse.root={tmp_path}")
    assert code == 3
    assert all(part in err for part in (table, str(tmp_path), f"`patent-spark {STAGE_OF[table]}`"))
    assert err.count("\n") == 1


def test_a_stage_before_its_inputs_says_what_to_run(capsys, tmp_path):
    code, _, err = run(capsys, "label", "--set", f"warehouse.root={tmp_path}")
    assert code == 3
    assert "stage label" in err and "`patent-spark ingest`" in err


def test_no_source_is_exit_2_and_a_missing_folder_exit_3(capsys, tmp_path):
    code, _, err = run(capsys, "ingest", "--set", f"warehouse.root={tmp_path}")
    assert code == 2
    assert "source.path" in err and "source.kind=simulate" in err
    code, _, err = run(
        capsys, "ingest", "--set", f"warehouse.root={tmp_path}", "--set", f"source.path={tmp_path}/none"
    )
    assert code == 3
    assert f"source.path = {tmp_path}/none" in err and err.count("\n") == 1


def test_an_unexpected_failure_is_exit_1_and_its_traceback_is_in_the_log(capsys, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("patent_spark.commands.stages.run_stage", fail)
    code, _, err = run(capsys, "label", "--set", f"warehouse.root={tmp_path}")
    assert code == 1
    assert all(part in err for part in ("label", "OSError", "[Errno 28] No space left on device"))
    log = Path(err.split()[-1])
    assert "Traceback" in log.read_text()


def test_the_traceback_of_a_command_without_a_log_is_kept_too(capsys, tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("patent_spark.commands.lookups.flatten", fail)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    code, _, err = run(capsys, "config")
    assert code == 1
    assert "Traceback" in Path(err.split()[-1]).read_text()


def test_output_that_is_cut_short_is_no_failure():
    piped = subprocess.run(
        f"{sys.executable} -m patent_spark.cli config | head -1",
        shell=True,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert piped.stderr == ""


def test_the_log_holds_the_traceback_of_bad_data_too(capsys, tmp_path):
    code, _, _ = run(capsys, "label", "--set", f"warehouse.root={tmp_path}")
    assert code == 3
    (log,) = (tmp_path / "logs").glob("*-label.log")
    assert "Traceback" in log.read_text() and "DataError: " in log.read_text()


def test_a_warehouse_that_cannot_be_written_is_exit_2_and_one_line(capsys):
    code, _, err = run(capsys, "label", "--set", "warehouse.root=/proc/nowhere")
    assert code == 2
    assert "warehouse.root = /proc/nowhere" in err and "No such file or directory" in err
    assert err.count("\n") == 1


def test_years_of_a_back_test_are_a_setting(capsys, tmp_path):
    """An answer that names the setting shows that --years and --set arrived."""
    code, _, err = run(capsys, "backtest", "--set", f"warehouse.root={tmp_path}", "--years", "2006,zwei")
    assert (code, err.count("\n")) == (2, 1)
    assert "backtest.years = 'zwei' (--set)" in err
    code, _, err = run(
        capsys,
        "backtest",
        "--years",
        "2006",
        "--set",
        f"warehouse.root={tmp_path}",
        "--set",
        "tasks=technology",
    )
    assert code == 2
    assert "technology.protocol=temporal" in err


def test_protocols_need_another_configuration(capsys, tmp_path):
    with pytest.raises(SystemExit) as ended:
        main(["ablate", "--set", f"warehouse.root={tmp_path}"])
    assert ended.value.code == 2
    assert "--against" in capsys.readouterr().err
    paper = str(ROOT / "conf" / "paper.yaml")
    code, _, err = run(
        capsys, "ablate", "--config", paper, "--against", paper, "--set", f"warehouse.root={tmp_path}"
    )
    assert code == 2
    assert "--against paper" in err and err.count("\n") == 1


@pytest.mark.parametrize(
    "command", [["backtest"], ["ablate", "--against", str(ROOT / "conf" / "paper.yaml")]]
)
def test_back_tests_start_their_own_ranks(capsys, tmp_path, command):
    code, _, err = run(
        capsys, *command, "--set", f"warehouse.root={tmp_path}", "--set", "train.launcher=external"
    )
    assert code == 2
    assert "train.launcher = external" in err and "local" in err and "spark" in err


def test_score_has_options_for_its_input_and_its_model(capsys, tmp_path):
    package = small_package(tmp_path / "package").folder
    root = f"warehouse.root={tmp_path / 'warehouse'}"
    code, _, err = run(
        capsys, "score", "--set", root, "--model", str(package), "--input", str(tmp_path / "new.csv")
    )
    assert code == 3
    assert f"score.input = {tmp_path}/new.csv" in err and err.splitlines()[-1].startswith("patent-spark: ")
    code, _, err = run(
        capsys, "score", "--set", root, "--model", str(tmp_path / "none"), "--input", str(package)
    )
    assert code == 2
    assert f"{tmp_path}/none" in err


def test_score_without_an_input_needs_patents(capsys, tmp_path):
    code, _, err = run(capsys, "score", "--set", f"warehouse.root={tmp_path}")
    assert code == 3
    assert "stage score" in err and "`patent-spark ingest`" in err


def test_with_json_each_line_on_stderr_and_in_the_log_is_one_object(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("PATENT_SPARK_RUN_ID", "dag-7")
    code, out, err = run(
        capsys, "label", "--set", f"warehouse.root={tmp_path}", "--set", "logging.format=json"
    )
    assert (code, out) == (3, "")
    traceback, last = map(json.loads, err.splitlines())
    assert "DataError" in traceback["exception"] and "`patent-spark ingest`" in last["message"]
    for line in (traceback, last):
        assert (line["command"], line["stage"], line["run_id"]) == ("label", "label", "dag-7")
        assert (line["level"], line["release_id"]) == ("ERROR", None)
    assert last["exit_code"] == 3
    (log,) = (tmp_path / "logs").glob("*-label.log")
    assert [json.loads(line)["command"] for line in log.read_text().splitlines()] == ["label", "label"]


def test_a_log_that_cannot_be_written_names_the_setting_of_its_folder(capsys):
    for root, setting in (("/proc/none", "warehouse.root"), ("s3://patents/w", "warehouse.cache_dir")):
        sets = ["--set", f"warehouse.root={root}", "--set", "warehouse.cache_dir=/proc/none"]
        assert main(["label", *sets]) == 2
        assert setting in capsys.readouterr().err
