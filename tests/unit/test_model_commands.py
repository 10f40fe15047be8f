"""`patent-spark predict` as users call it, with tiny packages whose models run in onnxruntime."""

import io
import json
import subprocess
import sys

import numpy as np
import pytest

from patent_spark.cli import main
from patent_spark.core.json_schemas import record_of
from patent_spark.inference.model_package import Package
from tests.support.messages import line_with
from tests.support.served_registry import ServedRegistry, served_config
from tests.support.small_package import small_package

TITLE, ABSTRACT = "A neural network", "a signal of the network, a battery cell and a pump"


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    return small_package(tmp_path_factory.mktemp("package") / "model").folder


@pytest.fixture
def predict(package, capsys, monkeypatch):
    """Calls the command on the package; `given` is its standard input."""

    def predict(*arguments, given=None, model=package):
        if given is not None:
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given.encode())))
        code = main(["predict", "--model", str(model), *arguments])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return predict


def records(out):
    return [record_of("PREDICTION").model_validate_json(line) for line in out.splitlines()]


def test_json_has_the_models_probabilities_to_the_last_digit_shown(predict, package):
    code, out, err = predict("--title", TITLE, "--abstract", ABSTRACT, "--json", "--top", "9")
    assert (code, err) == (0, "")
    (prediction,) = records(out)
    for task, listed in (
        ("technology", prediction.technology.classes),
        ("citation_level", prediction.citation_level.levels),
    ):
        packed = Package(package).task(task)
        (expected,) = packed.probabilities(packed.encode([f"{TITLE} {ABSTRACT}"]))
        answered = {each.label: each.probability for each in listed}
        assert answered == {
            label: round(float(probability), 4)
            for label, probability in zip(packed.labels, expected, strict=True)
        }


def test_an_answer_does_not_depend_on_what_is_scored_with_it(package):
    """So the digits of one answer are those of a table of a million: they stand for 1e-4."""
    packed = Package(package).task("technology")
    rng = np.random.default_rng(5)
    words = packed.vocabulary.words
    texts = [" ".join(rng.choice(words, rng.integers(0, 40))) for _ in range(300)]
    together = packed.probabilities(packed.encode(texts), batch=64)
    alone = np.concatenate([packed.probabilities(packed.encode([text])) for text in texts])
    assert np.abs(together - alone).max() < 1e-6


def test_people_see_classes_with_titles_levels_and_the_words_that_mattered(predict):
    asked = ["--title", TITLE, "--abstract", ABSTRACT, "--task"]
    code, out, _ = predict(*asked, "technology")
    assert code == 0
    line_with(out, "H04", " %", "Electric communication technique")
    line_with(out, "words that mattered")
    # A neural network a signal of the network a battery cell and a pump: `and` is unknown
    line_with(out, "13 of 14 words known")
    line_with(predict(*asked, "citation_level")[1], "zerocite", " %", "not cited")


def test_documents_of_a_file_go_by_row_and_id(predict):
    given = '{"title": "A pump"}\n{"title": "A valve", "id": "b\\u001b[31m"}\n'
    _, out, _ = predict("--format", "jsonl", "--task", "technology", given=given)
    assert [line for line in out.splitlines() if line[:1].isdigit()] == ["1.", "2. b?[31m"]
    assert predict("--title", "A pump")[1].startswith("CPC class, among 4\n")


def test_no_explanation(predict):
    _, out, _ = predict("--title", TITLE, "--abstract", ABSTRACT, "--no-explain")
    assert "words that mattered" not in out


@pytest.mark.parametrize("arguments", [["-"], [], ["--file", "-"]])
def test_standard_input_is_a_text(predict, arguments):
    code, out, _ = predict(*arguments, "--json", given=f"{TITLE}\n{ABSTRACT}\n")
    typed = predict("--title", TITLE, "--abstract", ABSTRACT, "--json")[1]
    assert code == 0 and out == typed


def test_the_formats_give_the_same_answers(predict, tmp_path):
    (tmp_path / "a.jsonl").write_text(json.dumps({"title": TITLE, "abstract": ABSTRACT, "id": 1}) + "\n")
    (tmp_path / "a.csv").write_text(f'id,title,abstract\n1,"{TITLE}","{ABSTRACT}"\n')
    lines, table = (predict("--file", str(tmp_path / name), "--json")[1] for name in ("a.jsonl", "a.csv"))
    assert lines == table
    assert records(lines)[0].id == "1"
    assert records(lines)[0].technology.words is None
    explained = predict("--file", str(tmp_path / "a.csv"), "--json", "--explain")[1]
    assert records(explained)[0].technology.words


def test_a_format_that_the_extension_does_not_say(predict, tmp_path):
    (tmp_path / "a.data").write_text(json.dumps({"title": TITLE}))
    assert predict("--file", str(tmp_path / "a.data"))[0] == 2
    assert predict("--file", str(tmp_path / "a.data"), "--format", "jsonl")[0] == 0


def test_many_documents_are_answered_in_order_and_numbered(predict):
    given = "".join(json.dumps({"title": TITLE, "id": str(number)}) + "\n" for number in range(150))
    code, out, _ = predict("--format", "jsonl", "--json", given=given)
    assert code == 0
    assert [(each.row, each.id) for each in records(out)] == [(n + 1, str(n)) for n in range(150)]


def test_a_broken_line_comes_after_the_answers_before_it(predict):
    code, out, err = predict("--format", "jsonl", "--json", given='{"title": "A pump"}\n{"title": \n')
    assert code == 3
    assert len(records(out)) == 1
    line_with(err, "patent-spark: standard input: line 2 is not JSON")
    assert err.count("\n") == 1


def test_a_document_without_words_is_named_by_its_row(predict):
    given = '{"title": "A pump"}\n' * 70 + '{"title": "…"}\n'
    code, _, err = predict("--format", "jsonl", "--json", given=given)
    assert code == 3
    line_with(err, "document 71 has no words")


@pytest.mark.parametrize(
    ("arguments", "code", "facts"),
    [
        (["--title", "", "--abstract", ""], 3, ["no words"]),
        (["--title", "A", "--file", "b.txt"], 2, ["--title", "--file", "not both"]),
        (["--title", "A", "--format", "csv"], 2, ["--format"]),
        (["--file", "missing.txt"], 3, ["missing.txt", "cannot be read"]),
        (["--file", "missing.xls"], 2, ["missing.xls", "--format"]),
        (["--title", "A", "--top", "0"], 2, ["--top 0"]),
        (["--title", "A", "--limit-to", "H04L,G06"], 2, ["H04L", "near it: H04"]),
        (["--title", "A", "--task", "technology", "--set", "predict.min_confidence=2"], 2, ["predict.min"]),
    ],
)
def test_misuse_is_one_sentence_and_an_exit_code(predict, arguments, code, facts):
    actual, out, err = predict(*arguments)
    assert (actual, out, err.count("\n")) == (code, "", 1)
    line_with(err, "patent-spark: ", *facts)


def test_a_limit_shows_shares_too(predict):
    _, out, _ = predict("--title", TITLE, "--limit-to", "g06, H04", "--task", "technology")
    line_with(out, "limited to G06, H04")
    listed = [line for line in out.splitlines() if line.count(" %") == 2]
    assert len(listed) == 2


def test_a_task_of_its_own(predict):
    (prediction,) = records(predict("--title", TITLE, "--task", "citation_level", "--json")[1])
    assert prediction.technology is None and prediction.citation_level is not None


def test_models_in_folders_of_their_own(predict, tmp_path, package):
    for number, task in enumerate(("technology", "citation_level")):
        small_package(tmp_path / task, tasks=[task], seed=number + 1)
    arguments = ["--title", TITLE, "--json", "--model", str(tmp_path / "citation_level")]
    (prediction,) = records(predict(*arguments, model=tmp_path / "technology")[1])
    assert prediction.technology.model.address == str(tmp_path / "technology")
    assert prediction.citation_level.model.address == str(tmp_path / "citation_level")


def test_a_task_that_none_of_several_models_has(predict, tmp_path):
    folders = [small_package(tmp_path / name, tasks=["technology"]).folder for name in ("one", "other")]
    asked = ["--title", TITLE, "--model", str(folders[1]), "--task", "citation_level"]
    code, out, err = predict(*asked, model=folders[0])
    assert (code, out) == (3, "")
    line_with(err, *folders, "citation_level", "technology")


def test_a_confidence_that_is_asked_for(predict):
    confident = ["--title", TITLE, "--json", "--set", "predict.min_confidence=0"]
    doubtful = ["--title", TITLE, "--json", "--set", "predict.min_confidence=1"]
    for arguments, expected in ((confident, True), (doubtful, False)):
        (prediction,) = records(predict(*arguments)[1])
        assert prediction.technology.confident is expected
        codes = [warning.code for warning in prediction.technology.warnings]
        assert ("low_confidence" not in codes) is expected


def test_no_model_is_an_error_that_says_what_to_do(tmp_path, capsys, predict):
    assert predict("--title", "A", model=tmp_path)[0] == 3
    code, _, err = predict("--title", "A", model=tmp_path / "none")
    assert code == 2
    line_with(err, "none", "champion", "folder")


NETWORK_LIBRARIES = {"tensorflow", "keras", "horovod", "petastorm"}
ENGINES = {"pyspark", "pysail"}
SLOW = {"mlflow", "pandas", "gensim", "sklearn", "matplotlib", "faiss", "fastapi"}


@pytest.fixture(scope="module")
def config_of_a_registry(package, tmp_path_factory):
    """Options of a warehouse whose champion of technology is the package."""
    folder = tmp_path_factory.mktemp("registry")
    registry = ServedRegistry(served_config(folder), folder)
    registry.promote(package, 1)
    return [f"--set=warehouse.root={folder}/warehouse", f"--set=inference.cache={folder}/cache"]


def imported(arguments, cwd):
    """What a process has imported after `patent-spark predict`, which must succeed."""
    code = (
        "import sys; from patent_spark.cli import main; code = main(sys.argv[1:]); "
        "print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr); sys.exit(code)"
    )
    asked = ["predict", "--title", TITLE, "--abstract", ABSTRACT, *map(str, arguments)]
    done = subprocess.run([sys.executable, "-c", code, *asked], capture_output=True, text=True, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return set(done.stderr.split())


def test_using_a_local_model_loads_no_network_library_no_engine_and_nothing_slow(package, tmp_path):
    assert not imported(["--model", package], tmp_path) & (NETWORK_LIBRARIES | ENGINES | SLOW)
    assert not list(tmp_path.iterdir())  # no warehouse, no log


def test_using_a_registered_model_loads_no_network_library(config_of_a_registry, tmp_path):
    options = [*config_of_a_registry, "--task", "technology"]
    assert not imported(options, tmp_path) & NETWORK_LIBRARIES  # the first time MLflow downloads it
    assert not imported(options, tmp_path) & (NETWORK_LIBRARIES | ENGINES | SLOW)


@pytest.mark.parametrize("model", [None, "technology=1", "models:/patent_spark_technology/1"])
def test_registered_models_answer_as_the_folder_does(config_of_a_registry, predict, capsys, model):
    named = ["--model", model] if model else []
    asked = ["--title", TITLE, "--task", "technology", "--json"]
    assert main(["predict", *config_of_a_registry, *named, *asked]) == 0
    (found,) = records(capsys.readouterr().out)
    (expected,) = records(predict(*asked)[1])
    assert (found.technology.model.name, found.technology.model.version) == ("patent_spark_technology", "1")
    assert found.technology.model_copy(update={"model": expected.technology.model}) == expected.technology


def test_a_version_that_is_not_registered(config_of_a_registry, capsys):
    assert main(["predict", *config_of_a_registry, "--model", "technology=7", "--title", "A"]) == 3
    line_with(capsys.readouterr().err, "technology=7", "not registered")
