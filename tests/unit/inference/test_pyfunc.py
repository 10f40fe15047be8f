"""What MLflow loads: in this process, and in one where patent_spark and TensorFlow are never imported."""

import ast
import json
import os
import subprocess
import sys

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.exceptions import MlflowException

from patent_spark.inference import embedded_code
from patent_spark.inference.embedded_code import write_code
from patent_spark.inference.pyfunc import MAX_ROWS
from tests.support.small_package import LABELS, TASKS, small_package

PATENTS = pd.DataFrame(
    {
        "title": ["A neural network", "", "Battery cell", "LASER &amp; antenna"],
        "abstract": ["A device of the network, with memory.", "", "unheard-of", "a fiber " * 40],
    },
    index=[7, 3, 5, 1],
)
HEAVY = ("tensorflow", "keras", "horovod", "petastorm", "gensim", "pyspark", "scipy", "onnx")


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    return small_package(tmp_path_factory.mktemp("packages") / "joint", joint=True, pyfunc=True)


@pytest.fixture(scope="module")
def loaded(package):
    return mlflow.pyfunc.load_model(str(package.folder))


def expected(package, patents):
    """The answers of the package itself, by task."""
    texts = [f"{row.title} {row.abstract}" for row in patents.itertuples()]
    return {
        task: package.task(task).probabilities(package.task(task).encode(texts)) for task in package.tasks
    }


def test_an_answer_has_label_and_probabilities_of_each_task(package, loaded):
    answers = loaded.predict(PATENTS)
    assert answers.columns.tolist() == [
        column
        for task in TASKS
        for column in (task, f"{task}_probability", *(f"{task}_{label}" for label in LABELS[task]))
    ]
    assert answers.index.tolist() == [7, 3, 5, 1]
    for task, probabilities in expected(package, PATENTS).items():
        assert (answers[[f"{task}_{label}" for label in LABELS[task]]].to_numpy() == probabilities).all()
        assert answers[task].tolist() == [LABELS[task][best] for best in probabilities.argmax(axis=1)]
        assert (answers[f"{task}_probability"].to_numpy() == probabilities.max(axis=1)).all()
    assert loaded.predict(PATENTS[:0]).columns.tolist() == answers.columns.tolist()


def test_the_signature_names_columns_and_types(loaded, package):
    schema = loaded.metadata.get_input_schema()
    assert [(each.name, str(each.type), each.required) for each in schema.inputs] == [
        ("title", "DataType.string", True),
        ("abstract", "DataType.string", True),
    ]
    kinds = {each.name: str(each.type) for each in loaded.metadata.get_output_schema().inputs}
    assert list(kinds) == loaded.predict(PATENTS).columns.tolist()
    assert [name for name, kind in kinds.items() if kind == "DataType.string"] == list(TASKS)
    assert set(kinds.values()) == {"DataType.string", "DataType.float"}
    example = loaded.input_example
    assert loaded.predict(example)["technology_probability"][0] == pytest.approx(
        max(package.samples[-1].probabilities["technology"]), abs=1e-6
    )


@pytest.mark.parametrize(
    ("patents", "facts"),
    [
        ({"title": [1, "a"], "abstract": ["b", "c"]}, ["title", "row 0", "int", "1 of 2"]),
        ({"title": ["a", "a"], "abstract": ["b", None]}, ["abstract", "row 1", "null", "1 of 2"]),
        ({"title": ["a", "b"], "abstract": [np.nan, np.nan]}, ["abstract", "row 0", "null", "2 of 2"]),
        ({"title": [["a"]], "abstract": ["b"]}, ["title", "row 0", "list"]),
        ({"title": [b"a"], "abstract": ["b"]}, ["title", "row 0", "bytes"]),
        ({"title": ["a"] * (MAX_ROWS + 1), "abstract": ["b"] * (MAX_ROWS + 1)}, ["10,001", "10,000"]),
    ],
)
def test_what_mlflow_lets_through_is_refused(loaded, patents, facts):
    with pytest.raises(MlflowException) as caught:
        loaded._model_impl.predict(pd.DataFrame(patents))
    assert [fact for fact in facts if fact not in str(caught.value)] == []
    assert caught.value.error_code == "INVALID_PARAMETER_VALUE"


def test_a_missing_column_and_another_input_are_refused(loaded):
    for patents in (pd.DataFrame({"title": ["a"]}), pd.DataFrame({"text": ["a"]})):
        with pytest.raises(MlflowException, match="abstract"):
            loaded.predict(patents)
        with pytest.raises(MlflowException, match=r"no column .*abstract"):
            loaded._model_impl.predict(patents)
    with pytest.raises(MlflowException, match="list"):
        loaded._model_impl.predict(["a text"])


def test_the_limit_of_rows_can_be_set(loaded, monkeypatch):
    monkeypatch.setenv("PATENT_SPARK_MAX_ROWS", "3")
    with pytest.raises(MlflowException, match="4 rows; at most 3"):
        loaded.predict(PATENTS)
    assert len(loaded.predict(PATENTS[:3])) == 3


def test_a_model_that_reads_claims_asks_for_them(tmp_path):
    fields = ("title", "abstract", "claims")
    package = small_package(tmp_path / "p", tasks=("technology",), fields=fields, pyfunc=True)
    loaded = mlflow.pyfunc.load_model(str(package.folder))
    with pytest.raises(MlflowException, match="claims"):
        loaded.predict(PATENTS)
    without, with_claims = (
        loaded.predict(PATENTS.assign(claims=claims))["technology_probability"].to_numpy()
        for claims in ("", "laser pump")
    )
    assert (without[:3] != with_claims[:3]).all()


ASK = """
import builtins, json, sys

real = builtins.__import__

def guarded(name, *arguments, **named):
    if name.split(".")[0] == "patent_spark":
        raise ModuleNotFoundError("No module named " + name, name=name)
    return real(name, *arguments, **named)

builtins.__import__ = guarded
import mlflow, pandas
model = mlflow.pyfunc.load_model(sys.argv[1])
answers = model.predict(pandas.read_json(sys.argv[2], dtype=False))
loaded = sorted({name.split(".")[0] for name in sys.modules})
print(json.dumps([answers.to_dict("list"), loaded]))
"""


def test_it_needs_neither_patent_spark_nor_tensorflow(package, tmp_path):
    PATENTS.reset_index(drop=True).to_json(tmp_path / "patents.json")
    done = subprocess.run(
        [sys.executable, "-c", ASK, package.folder, tmp_path / "patents.json"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
    )
    assert done.returncode == 0, done.stderr
    answers, modules = json.loads(done.stdout.splitlines()[-1])
    assert {"patent_spark", *HEAVY[:5]} & set(modules) == set()
    for task, probabilities in expected(package, PATENTS).items():
        assert answers[f"{task}_probability"] == pytest.approx(probabilities.max(axis=1).tolist(), abs=1e-6)


def test_the_code_inside_imports_only_what_is_required(package):
    (code,) = (package.folder / "code").iterdir()
    assert code.name.startswith("patent_spark_model_")
    required = {line.split("==")[0] for line in (package.folder / "requirements.txt").read_text().split()}
    assert required == {"mlflow-skinny", "onnxruntime", "numpy", "pandas", "pyarrow"}
    imported = set()
    for file in code.rglob("*.py"):
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            if isinstance(node, ast.ImportFrom):
                imported.add(str(node.module).split(".")[0])
    assert imported - sys.stdlib_module_names == {code.name, "numpy", "onnxruntime", "pyarrow", "pydantic"}


def test_other_code_has_another_name(tmp_path, monkeypatch):
    first = write_code(tmp_path / "a")
    assert write_code(tmp_path / "b") == first
    source = embedded_code._source
    monkeypatch.setattr(embedded_code, "_source", lambda name: source(name) + "\nCHANGED = 1\n")
    assert write_code(tmp_path / "c") != first
    with pytest.raises(ModuleNotFoundError, match=r"patent_spark\.config"):
        source("patent_spark.config")
