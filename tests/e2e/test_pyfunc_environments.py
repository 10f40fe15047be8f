"""The registered model in an environment made of its own requirements, behind MLflow's server, and on Spark.

Each gives the answers of `predict`, which are those of the package.
"""

import json
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
import venv
from pathlib import Path

import pytest

from patent_spark.stages.train.launch.local import kill_group
from tests.support.cluster import free_port, wait_for
from tests.support.small_package import LABELS, TASKS, small_package

pytestmark = pytest.mark.slow

PATENTS = [
    {"title": "A neural network", "abstract": "A device of the network, with memory."},
    {"title": "Battery cell", "abstract": ""},
    {"title": "", "abstract": "laser &amp; antenna " * 30},
]
LARGEST_MB = 400
UV = shutil.which("uv") or Path.home() / ".cache" / "patent_spark" / "uv" / "bin" / "uv"


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    return small_package(
        tmp_path_factory.mktemp("packages") / "joint", joint=True, pyfunc=True, combined=True
    )


@pytest.fixture(scope="module")
def environment(package, tmp_path_factory):
    """A virtual environment with the package's requirements, and nothing else."""
    folder = tmp_path_factory.mktemp("environment") / "venv"
    requirements = package.folder / "requirements.txt"
    if Path(UV).exists():
        run(UV, "venv", "-q", "-p", sys.executable, folder)
        run(UV, "pip", "install", "-q", "-p", folder / "bin" / "python", "-r", requirements)
    else:
        venv.create(folder, with_pip=True)
        run(folder / "bin" / "pip", "install", "-q", "-r", requirements)
    return folder


@pytest.fixture(scope="module")
def expected(package):
    """The columns of the answer to PATENTS."""
    columns = {}
    for task in TASKS:
        packed = package.task(task)
        probabilities = packed.probabilities(packed.encode([packed.text_of(patent) for patent in PATENTS]))
        columns[task] = [LABELS[task][best] for best in probabilities.argmax(axis=1)]
        columns[f"{task}_probability"] = pytest.approx(probabilities.max(axis=1).tolist(), abs=1e-6)
        for label, each in zip(LABELS[task], probabilities.T.tolist(), strict=True):
            columns[f"{task}_{label}"] = pytest.approx(each, abs=1e-6)
    return columns


def variables(environment=None):
    """Without this checkout; with the programs of an environment first."""
    own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    path = f"{environment}/bin:{own['PATH']}" if environment else own["PATH"]
    return own | {"PATH": path, "MLFLOW_DISABLE_TELEMETRY": "true"}


def run(program, *arguments, cwd=None, environment=None):
    done = subprocess.run(
        [program, *arguments],
        cwd=cwd,
        env=variables(environment),
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def columns_of(rows):
    return {name: [row[name] for row in rows] for name in rows[0]}


def test_the_environment_is_small_and_has_no_patent_spark(environment):
    """Byte code, which Python writes later, does not count."""
    files = [
        path
        for path in environment.rglob("*")
        if path.is_file() and not path.is_symlink() and path.suffix != ".pyc"
    ]
    megabytes = sum(path.stat().st_size for path in files) / 1e6
    print(f"{megabytes:.0f} MB")
    assert megabytes < LARGEST_MB
    (packages,) = environment.glob("lib/python3*/site-packages")
    installed = {path.name for path in packages.iterdir()}
    assert {"onnxruntime", "mlflow"} < installed
    assert {"patent_spark", "tensorflow", "keras", "pyspark", "scipy"} & installed == set()


LOAD = """
import json, sys
import mlflow, pandas
model = mlflow.pyfunc.load_model(sys.argv[1])
print(model.predict(pandas.DataFrame(json.loads(sys.argv[2]))).to_json(orient="records"))
"""


def test_load_model(environment, package, expected, tmp_path):
    output = run(
        environment / "bin" / "python", "-c", LOAD, package.folder, json.dumps(PATENTS), cwd=tmp_path
    )
    assert columns_of(json.loads(output.splitlines()[-1])) == expected


def test_models_serve(environment, package, expected, tmp_path):
    port = free_port()
    command = [environment / "bin" / "mlflow", "models", "serve", "-m", package.folder]
    command += ["--env-manager", "local", "--host", "127.0.0.1", "--port", str(port)]
    with (tmp_path / "server.log").open("wb") as log:
        server = subprocess.Popen(
            command,
            cwd=tmp_path,
            env=variables(environment),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        wait_for(lambda: answers(port, "ping")[0] == 200)
        status, body = answers(port, "invocations", {"dataframe_records": PATENTS})
        assert (status, columns_of(body["predictions"])) == (200, expected)
        for patents, fact in (
            ([{"title": 1, "abstract": "a"}], "title of row 0"),
            ([{"title": "a", "abstract": None}], "abstract of row 0 is null"),
            ([{"title": "a"}], "abstract"),
            ([{"title": "a", "abstract": "b"}] * 10_001, "10,001 rows"),
        ):
            status, body = answers(port, "invocations", {"dataframe_records": patents})
            assert (status, fact in body["message"]) == (400, True), body["message"][-400:]
    finally:
        kill_group(server)


def answers(port, path, content=None):
    """Status and content of an answer."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/{path}",
        json.dumps(content).encode() if content else None,
        {"Content-Type": "application/json"},
    )
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as answer:
            text = answer.read()
            return answer.status, json.loads(text) if content else text
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())
    except OSError:
        return 0, None


ON_SPARK = """
import json, sys
import mlflow.pyfunc
from pyspark.sql import SparkSession

spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
predict = mlflow.pyfunc.spark_udf(spark, sys.argv[1], env_manager="local")
patents = spark.createDataFrame(json.loads(sys.argv[2]), "title string, abstract string").repartition(2)
answers = patents.withColumn("answer", predict("title", "abstract")).select("title", "answer.*")
print(json.dumps([row.asDict() for row in answers.collect()]))
"""


def test_spark_udf(package, expected, tmp_path):
    output = run(sys.executable, "-c", ON_SPARK, package.folder, json.dumps(PATENTS), cwd=tmp_path)
    rows = {row.pop("title"): row for row in json.loads(output.splitlines()[-1])}
    assert columns_of([rows[patent["title"]] for patent in PATENTS]) == expected
