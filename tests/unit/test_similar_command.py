"""`patent-spark similar` on an index that the stage made: options, filters, errors, exit codes, JSON."""

import json

import pytest

from patent_spark import cli
from patent_spark.core.errors import DataError
from patent_spark.inference.similar import opening
from patent_spark.inference.similar.records import SimilarPatentsAnswer
from tests.support.index_warehouse import WordCountModel, publish_texts, random_texts, use_model
from tests.support.ingested_tables import run
from tests.support.small_index import FIRST

MISUSED, BAD_DATA = 2, DataError.exit_code


@pytest.fixture(scope="module")
def model():
    return WordCountModel()


@pytest.fixture(scope="module")
def root(engine, tmp_path_factory, model):
    """120 patents; rows 3 and 4 are one family with one text."""
    texts = random_texts(120)
    texts[4] = texts[3]
    store = publish_texts(tmp_path_factory.mktemp("warehouse"), texts, families={3: 99, 4: 99})
    with pytest.MonkeyPatch.context() as patched:
        use_model(patched, model)
        run(store, "index", engine, "index.threads=1", "index.vectors=[document,words]")
    return store.root


@pytest.fixture
def asked(monkeypatch, model):
    """The models that a command opens."""
    opened = []

    def open_models(config, name, tasks, threads):
        opened.append(name)
        return {tasks[0]: model}

    monkeypatch.setattr(opening, "open_models", open_models)
    return opened


def similar(root, *arguments):
    return cli.main(["similar", "--set", f"warehouse.root={root}", *arguments])


def answer(root, capsys, *arguments):
    assert similar(root, *arguments, "--json") == 0
    return SimilarPatentsAnswer.model_validate(json.loads(capsys.readouterr().out))


def test_a_patent_needs_no_model(root, capsys, asked):
    actual = answer(root, capsys, "--id", "7,000,003", "--top", "5")
    assert asked == []
    assert len(actual.neighbors) == 5
    assert (actual.query.patent_id, actual.vectors, actual.release_id) == ("7000003", "document", "release-7")
    assert not {"7000003", "7000004"} & {each.patent_id for each in actual.neighbors}
    with_family = answer(root, capsys, "--id", "7000003", "--include-family")
    assert {each.patent_id for each in with_family.neighbors[:2]} == {"7000003", "7000004"}


def test_a_text_is_read_by_the_model_of_the_index(root, capsys, asked, tmp_path):
    actual = answer(root, capsys, "--title", "W1", "--abstract", "w2 w2 unheard")
    assert asked == ["models:/patent_spark_technology/3"]
    assert actual.query.known_words == 3
    (tmp_path / "text").write_text("w1 w2\nw2 unheard")
    assert answer(root, capsys, "--file", str(tmp_path / "text")).neighbors == actual.neighbors


def test_each_text_of_a_file_gets_an_answer(root, capsys, asked, tmp_path):
    (tmp_path / "texts.csv").write_text("id,title,abstract\na,w1,w2\nb,w3,\n")
    assert similar(root, "--file", str(tmp_path / "texts.csv"), "--json", "--top", "2") == 0
    lines = [SimilarPatentsAnswer.model_validate_json(line) for line in capsys.readouterr().out.splitlines()]
    assert [(each.query.id, each.query.known_words, len(each.neighbors)) for each in lines] == [
        ("a", 2, 2),
        ("b", 1, 2),
    ]
    assert similar(root, "--file", str(tmp_path / "texts.csv"), "--top", "2") == 0
    assert len(capsys.readouterr().out.splitlines()) == 4 + 1 + 4


def test_filters_by_day_class_and_number(root, capsys, asked):
    actual = answer(root, capsys, "--id", "7000050", "--granted-before", "2001-03-01", "--class", "h04, g06")
    assert actual.query.classes == ("H04", "G06")
    # Rows 0 to 8 were granted before; those of classes G06 and H04 have r % 3 < 2.
    assert {int(each.patent_id) - FIRST for each in actual.neighbors} == {0, 1, 3, 4, 6, 7}


def test_words_are_asked_with_their_own_vectors(root, capsys, asked):
    actual = answer(root, capsys, "--vectors", "words", "--title", "w1 w2")
    assert (actual.vectors, asked) == ("words", [])


def test_a_table_is_printed_for_people(root, capsys, asked):
    assert similar(root, "--id", "7000003", "--top", "2") == 0
    assert len(capsys.readouterr().out.splitlines()) == 4


def test_another_model_is_refused(root, capsys, asked, monkeypatch):
    newer = WordCountModel(identity="model-2")
    monkeypatch.setattr(opening, "open_models", lambda *_: {"technology": newer})
    assert similar(root, "--title", "w1", "--model", "champion") == BAD_DATA
    printed = capsys.readouterr().err
    assert "model-1" in printed and "model-2" in printed and "patent-spark index" in printed


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((), MISUSED),
        (("--id", "7000003", "--title", "w1"), MISUSED),
        (("--file", "/nowhere"), BAD_DATA),
        (("--id", "7999999"), BAD_DATA),
        (("--id", "a pump"), BAD_DATA),
        (("--id", "7000003", "--class", "G6"), BAD_DATA),
        (("--title", "unheard"), BAD_DATA),
    ],
)
def test_what_cannot_be_answered_is_one_line_and_an_exit_code(root, capsys, asked, arguments, code):
    assert similar(root, *arguments) == code
    printed = capsys.readouterr()
    assert printed.out == "" and len(printed.err.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments",
    [("--top", "0"), ("--top", "many"), ("--granted-before", "31.3.2015"), ("--vectors", "letters")],
)
def test_ill_formed_options_are_refused(root, arguments):
    with pytest.raises(SystemExit) as ended:
        similar(root, "--id", "7000003", *arguments)
    assert ended.value.code == MISUSED


def test_without_an_index_the_command_says_how_to_make_one(tmp_path, capsys):
    assert similar(tmp_path, "--id", "7000003") == BAD_DATA
    assert "patent-spark index" in capsys.readouterr().err
