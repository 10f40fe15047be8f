"""The benchmarks run, on inputs too small to say anything: a setting or a column that was renamed must not
break them unnoticed.
"""

import math
import re
import subprocess
import sys

import numpy as np
import pytest

from patent_spark.core.store import Store
from tests.support.factories import publish
from tests.support.small_package import small_package
from tests.support.small_run import ROOT, SMALL

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def benchmark(program, *arguments, cwd=ROOT / "benchmarks"):
    """The output of a benchmark: stdout, then stderr."""
    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / program, *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout + done.stderr


def tables(output):
    """The rows of each Markdown table in a text, without its header."""
    blocks = re.findall(r"(?:^\|.*\n)+", output, re.MULTILINE)
    return [
        [[cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines()[2:]]
        for block in blocks
    ]


def bayes_optimal(metrics):
    """Accuracy and average precision of top1 of the Bayes-optimal classifier in METRICS."""
    reference = metrics["references"]["bayes_optimal"]
    top1 = (reference.get("top1") or {}).get("pr_auc")
    return {"accuracy": reference["accuracy"], "top1_average_precision": top1}


def number(cell):
    """The positive number of a cell; of a mean without its error."""
    value = float(cell.split(" ± ")[0].rstrip("%").replace(",", ""))
    assert math.isfinite(value) and value > 0, cell
    return value


def require_ratio(ratio, own, base):
    """A cell is the ratio of two others, but for what rounding of all three does."""
    own, base, half = number(own), number(base), 0.505
    assert number(ratio) == pytest.approx(own / base, abs=0.0051 + own / base * (half / own + half / base))


@pytest.mark.parametrize(
    ("program", "output"),
    [
        (["labels.py", "--citations", "0.05", "--runs", "1"], "labels: the same rows from all 7"),
        (["ingest.py", "--citations", "0.05", "--runs", "1"], "ABSTRACTS: the same rows from both"),
        (["scale.py", "--millions", "0.03", "0.05", "--engines", "sail"], "| label on sail |"),
    ],
)
def test_a_small_run(tmp_path, program, output):
    assert output in benchmark(*program, "--scratch", tmp_path)


def test_a_refresh(tmp_path):
    """A second call measures nothing anew."""
    small = ["text.dimensions=8", "text.epochs=2", "split.embargo=false", "shard.row_group_rows=128"]
    arguments = ["--patents", 1500, "--scratch", tmp_path / "scratch"]
    arguments += [part for each in small for part in ("--set", each)]
    (rows,) = tables(benchmark("refresh.py", *arguments))
    assert [row[0] for row in rows] == [
        *("ingest", "label", "quality", "split", "text", "shard"),
        *("text, continued vectors", "all"),
    ]
    for row in rows:
        require_ratio(row[3], row[2], row[1])
        require_ratio(row[6], row[5], row[4])
    assert "TOKENS" in rows[4][7] and "TOKENS" in rows[6][7] and not rows[1][7]
    assert tables(benchmark("refresh.py", *arguments)) == [rows]


def test_every_stage_at_two_sizes(tmp_path):
    """The computed columns follow from the measured ones; a second call measures nothing anew."""
    small = ["split.embargo=false", "shard.row_group_rows=128", "simulate.classes=4", "tasks=technology"]
    arguments = ["--sizes", 600, 1200, "--scratch", tmp_path / "scratch"]
    arguments += [part for each in small for part in ("--set", each)]
    (rows,) = tables(benchmark("pipeline.py", *arguments))
    stages = ("ingest", "label", "quality", "split", "text", "shard", "train", "evaluate", "audit")
    assert [row[0] for row in rows] == [*stages]
    for cells in rows:
        few, many, exponent, _, small_mb, large_mb, all_mb = (
            float(cell.replace(",", "")) for cell in cells[1:]
        )
        assert exponent == pytest.approx(math.log2(many / few), abs=0.3)  # seconds have one decimal
        slope = (large_mb - small_mb) / 600
        # Megabytes are whole, and the line is long.
        assert all_mb == pytest.approx(large_mb + slope * (9_400_000 - 1200), abs=9_400_000 / 600 + 1)
    assert tables(benchmark("pipeline.py", *arguments)) == [rows]


def test_words_a_second(tmp_path):
    whole, training = tables(
        benchmark("embed.py", "--words", "0.1", "--runs", "1", "--scratch", tmp_path / "texts")
    )
    assert (
        [row[0] for row in whole]
        == [row[0] for row in training]
        == ["gensim, iterator", "patent_spark, files"]
    )
    for row in whole:
        assert [number(row[column]) for column in (1, 3, 4, 5, 6)]
    plain = training[0]
    for _, pace, ratio, cpu_pace, cpu_ratio in training:
        require_ratio(ratio, pace, plain[1])
        require_ratio(cpu_ratio, cpu_pace, plain[3])


def test_examples_a_second(tmp_path):
    few = ["--steps", "3", "--runs", "1", "--patents", "1500", "--batch", "32"]
    output = benchmark("train.py", *few, "--scratch", tmp_path, "--torch", tmp_path / "none")
    paces, ratios = tables(output)
    paces = {name: pace for name, *pace in paces}
    ours, memory, paper = (
        "patent_spark, its feed",
        "the same step, batches in memory",
        "Keras generator of float matrices",
    )
    one, two = "1 rank, 1 core", "2 ranks, 1 core each"
    assert list(paces) == [ours, memory, one, two, paper]
    assert [row[:2] for row in ratios] == [[ours, memory], [ours, paper], [ours, "PyTorch"], [two, one]]
    assert ratios.pop(2)[2] == f"could not be had: no {tmp_path}/none"
    for name, other, *both in ratios:
        for ratio, own, base in zip(both, paces[name], paces[other], strict=True):
            require_ratio(ratio, own, base)
    before, after = map(
        float,
        re.search(r"computed: ([\d.]+)%; with batches of texts of like length ([\d.]+)%", output).groups(),
    )
    assert 0 < after < before < 100


def test_similar_patents(tmp_path):
    """By a graph, and how good the neighbours are; the texts of the model and of the release are alike."""
    package = small_package(tmp_path / "package", tasks=("technology",))
    arguments = ["--patents", "1500", "--queries", "50", "--model", package.folder, "--scratch", tmp_path]
    output = benchmark("similar.py", *arguments, "--set", "index.exact_up_to=500")
    assert "with a graph" in output
    (queries,) = tables(output)
    assert len(queries) == 5
    for _, passed, by_cosine, by_patent, p50, p95, exact, _ in queries:
        assert number(passed) <= 1500 and number(by_patent) <= 1
        assert number(p95) >= number(p50) and number(exact)
        assert number(by_cosine) > 0.9
    (quality,) = tables(benchmark("similar_quality.py", "--warehouse", tmp_path / "1500", "--sample", "40"))
    for kind, *shares in quality:
        assert kind == "document"
        assert all(0 <= float(share) <= 1 for share in shares)


@pytest.fixture
def accuracy(tmp_path):
    """Run the benchmark on models that learn next to nothing; returns its tables. Warehouses come below
    tmp_path.
    """
    settings = [*SMALL[1:], "train.ranks=1", "train.epochs=1", "evaluate.resamples=0"]
    sets = [part for setting in settings for part in ("--set", setting)]
    return lambda *arguments: tables(
        benchmark(
            "accuracy.py", *arguments, "--configs", "conf/demo.yaml", "--scratch", tmp_path, *sets, cwd=ROOT
        )
    )


def test_accuracy(tmp_path, accuracy):
    """On simulated patents, and then on the same as a release, split twice."""
    (actual,) = accuracy("--simulated", "2000")
    simulated = Store(tmp_path / "simulated-2000" / "demo-seed1")
    technology, levels = (
        simulated.read_json("METRICS", f"{task}.json") for task in ("technology", "citation_level")
    )
    years = [year for year in levels["by_year"].values() if year["top1"]["pr_auc"] is not None]
    mean = np.average(
        [year["top1"]["pr_auc"] for year in years], weights=[year["examples"] for year in years]
    )
    figures = {
        ("technology", "accuracy"): (technology["accuracy"], bayes_optimal(technology)["accuracy"]),
        ("citation_level", "accuracy"): (levels["accuracy"], bayes_optimal(levels)["accuracy"]),
        ("citation_level", "top1 PR-AUC, all test years together"): (levels["top1"]["pr_auc"], None),
        ("citation_level", "top1 PR-AUC, mean of the test years"): (
            mean,
            bayes_optimal(levels)["top1_average_precision"],
        ),
    }
    assert [tuple(row[:2]) for row in actual] == list(figures)
    for (model, optimum), row in zip(figures.values(), actual, strict=True):
        assert row[2] == f"{model:.3f}" and row[5] == ("–" if optimum is None else f"{optimum:.3f}")
        assert (
            row[6] == "–"
            if optimum is None
            else number(row[6]) == pytest.approx(100 * model / optimum, abs=0.051)
        )
    assert (
        all(0 < float(row[4]) <= 1 for row in actual if row[4] != "–")
        and [row[4] for row in actual].count("–") == 1
    )

    release = simulated.directory("RELEASE")
    first, (*_, mean) = accuracy("--release", release, "--seeds", "1", "2")
    stores = [Store(tmp_path / release.name / f"demo-seed{seed}") for seed in (1, 2)]
    metrics = [store.read_json("METRICS", "technology.json") for store in stores]
    pairs = [(each["accuracy"], each["baselines"]["tfidf_linear"]["accuracy"]) for each in metrics]
    assert [row[:3] for row in first] == [["1", *(f"{value:.3f}" for value in pairs[0])]]
    assert mean[0] == "mean ± standard error"
    for column, values in zip((1, 2), zip(*pairs, strict=True), strict=True):
        assert number(mean[column]) == pytest.approx(sum(values) / 2, abs=0.00051)
    (one, its_linear), (two, linear) = pairs
    assert float(mean[3].split(" ± ")[0]) == pytest.approx((one - its_linear + two - linear) / 2, abs=0.00051)


def test_service_under_load(tmp_path):
    patents = [{"patent_key": key, "title": f"network {key}"} for key in range(20)]
    abstracts = [{"patent_key": key, "abstract": "a battery cell"} for key in range(20)]
    publish(Store(tmp_path / "w"), "ingest", {"PATENTS": patents, "ABSTRACTS": abstracts})
    package = small_package(tmp_path / "package").folder
    options = {"--warehouse": tmp_path / "w", "--model": package, "--clients": 3, "--seconds": 1}
    (rows,) = tables(benchmark("serve_load.py", *(word for pair in options.items() for word in pair)))
    values = dict(rows)
    assert number(values["requests"]) > 3 and values["errors"] == "0"
    assert number(values["p50 s"]) <= number(values["p99 s (target: 1.5)"]) <= number(values["longest s"])


def test_using_a_model():
    """The answers of the two engines are compared by the benchmark itself."""
    output = benchmark(
        "inference.py", "--words", 300, "--labels", 4, "--texts", 20, "--runs", 1, "--threads", 1
    )
    (rows,) = tables(output)
    assert [row[0] for row in rows][2:] == [
        "batch 1, ms a text",
        "batch 256, texts/s",
        "batch 256, CPU ms a text",
        "memory, MB",
    ]
    assert all(float(row[1].replace(",", "")) > 0 < float(row[2].replace(",", "")) for row in rows)


def test_scoring(tmp_path):
    said = benchmark(
        "score.py", "--texts", 1000, "--runs", 1, "--memory", 500, 1500, "--scratch", tmp_path / "scratch"
    )
    speed, memory = tables(said)
    ours, alone, with_words = speed
    assert ours[0] == "patent-spark score, sail"
    require_ratio(ours[3], ours[1], alone[1])
    require_ratio(ours[4], ours[1], with_words[1])
    assert [(row[0], number(row[3]) > 50) for row in memory] == [("500", True), ("1,500", True)]
