"""docs/sizing.md: what is marked as computed follows from what is measured; other files keep to it."""

import math
import re

import pytest

from tests.deploy.test_kubernetes import HERE, JOBS, rendered
from tests.support.small_run import ROOT

PAGE = (ROOT / "docs" / "sizing.md").read_text()
SMALL, LARGE, FULL = 0.2, 1.0, 9.4
"""Millions of patents: the two sizes that were measured, and a whole release."""

GIB = {"Gi": 1.0, "g": 1.0, "Mi": 1 / 1024, "m": 1 / 1024}
SUBMIT = dict(
    line.split(maxsplit=1)
    for line in (ROOT / "conf" / "spark-defaults.conf").read_text().splitlines()
    if line.startswith("spark.")
)


def rows(title):
    """Cells of the table whose first column has this title, by their first cell."""
    table = re.search(rf"^\| {title} \|.*\n\|[-|]+\n((?:\|.*\n)+)", PAGE, re.MULTILINE)[1]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    return {first: others for first, *others in cells}


def numbers(cells):
    return [float(cell.replace(",", "")) for cell in cells]


def straight_line(small, large):
    return large + (large - small) / (LARGE - SMALL) * (FULL - LARGE)


STAGES = rows("stage")


@pytest.mark.parametrize("stage", STAGES)
def test_computed_time_and_memory_lie_on_the_line_through_the_measured(stage):
    small_s, large_s, full_s, small_mb, large_mb, full_mb = numbers(STAGES[stage])
    assert full_s == pytest.approx(straight_line(small_s, large_s), abs=0.6)
    assert full_mb == pytest.approx(straight_line(small_mb, large_mb), abs=0.6)


def test_stages_on_executors_take_their_share_of_the_cpu_seconds():
    sizes = [int(size) for size in re.findall(r"(\d+) executors", PAGE[PAGE.index("| work |") :])[:3]]
    assert sizes == [4, 16, 64]
    for name, (cpu, *seconds) in rows("work").items():
        for executors, shown in zip(sizes, numbers(seconds), strict=True):
            assert shown == pytest.approx(15.2 + float(cpu.replace(",", "")) / (4 * executors), abs=0.6), name


def gib(text):
    number, unit = re.fullmatch(r"(\d+)(\w+)", text).groups()
    return int(number) * GIB[unit]


def largest_gib():
    return max(numbers(cells)[-1] for cells in STAGES.values()) / 1024


def test_the_refresh_on_kubernetes_has_room_for_the_largest_stage():
    (job,) = (each for each in rendered(HERE) if each["kind"] == "CronJob")
    (container,) = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert gib(container["resources"]["requests"]["memory"]) >= largest_gib()
    assert gib(container["resources"]["limits"]["memory"]) >= 1.25 * largest_gib()


@pytest.mark.parametrize("name", sorted({*JOBS} - {"train"}))
def test_applications_have_the_executors_of_spark_submit(name):
    (application,) = (each for each in rendered(HERE / "jobs" / name) if each["kind"] == "SparkApplication")
    executor, driver = application["spec"]["executor"], application["spec"]["driver"]
    assert executor["memory"] == SUBMIT["spark.executor.memory"]
    assert executor["cores"] == int(SUBMIT["spark.executor.cores"])
    assert driver["memory"] == SUBMIT["spark.driver.memory"]
    partitions = int(application["spec"]["sparkConf"]["spark.sql.shuffle.partitions"])
    assert partitions == int(SUBMIT["spark.sql.shuffle.partitions"])
    assert partitions >= 2 * executor["cores"] * executor["instances"]


def test_score_has_memory_for_a_model_in_each_python_worker():
    (application,) = rendered(HERE / "jobs" / "score")
    executor = application["spec"]["executor"]
    assert gib(executor["memoryOverhead"]) >= 0.5 * executor["cores"] + 0.1 * gib(executor["memory"])


def test_a_rank_has_memory_for_a_training():
    (job,) = (each for each in rendered(HERE / "jobs" / "train") if each["kind"] == "MPIJob")
    worker = job["spec"]["mpiReplicaSpecs"]["Worker"]["template"]["spec"]["containers"][0]
    assert gib(worker["resources"]["requests"]["memory"]) >= numbers(STAGES["train, one epoch"])[-1] / 1024


def test_the_claim_holds_what_the_page_counts():
    total = re.search(r"\*\*(\d+) GB of disk\*\*", PAGE)[1]
    (claim,) = (each for each in rendered(HERE) if each["kind"] == "PersistentVolumeClaim")
    assert gib(claim["spec"]["resources"]["requests"]["storage"]) >= int(total)
    assert math.isfinite(float(total))
