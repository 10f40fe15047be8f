"""The documentation: the reference is not stale, commands and Python parse, the site builds strictly."""

import ast
import datetime
import importlib
import importlib.util
import re
import subprocess
import textwrap
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
import yaml

from patent_spark.commands.parser import parser
from patent_spark.config import load_config
from patent_spark.core.schemas import STAGE_OF, TABLES
from tests.support.doc_commands import PAGES, PLACEHOLDERS, calls, shown_commands
from tests.support.small_run import ROOT

COMMANDS = {name for action in parser()._actions for name in action.choices or ()}
REFERENCE = ROOT / "docs" / "reference"
SITE_PROGRAM = ROOT / "build" / "docs-env" / "bin" / "mkdocs"


def test_the_reference_is_what_the_code_says(tmp_path):
    """`make reference` writes it."""
    source = ROOT / "deploy" / "docs" / "reference.py"
    spec = importlib.util.spec_from_file_location("reference", source)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    pages = module.pages()
    assert sorted(pages) == sorted(path.name for path in REFERENCE.iterdir())
    for name, text in pages.items():
        assert (REFERENCE / name).read_text() == text, name


def test_the_reference_has_every_setting_command_column_and_document():
    from patent_spark.config import Config, flatten
    from patent_spark.core.json_schemas import DOCUMENTS

    text = {
        name: (REFERENCE / f"{name}.md").read_text() for name in ("settings", "commands", "columns", "json")
    }
    for name in flatten(Config()):
        section, _, key = name.rpartition(".")
        part = text["settings"].partition(f"## {section}\n" if section else "# Settings\n")[2]
        assert f"| `{key}` |" in part.partition("\n## ")[0], name
    assert all(f"## {table}\n" in text["columns"] for table in TABLES)
    assert all(f"## {name}\n" in text["json"] for name in DOCUMENTS)
    assert "| `3` | The input data is unusable. |" in text["commands"]
    assert "## train\n" in text["commands"] and "`--resume`" in text["commands"]


def test_the_page_of_outputs_names_each_that_is_not_a_table():
    rows = re.findall(r"^\| ([A-Z_, ]+) \|", (ROOT / "docs" / "tables.md").read_text(), re.MULTILINE)
    assert {name for row in rows for name in row.split(", ")} == STAGE_OF.keys() - TABLES.keys()


def test_calls_are_found_in_lines_of_shell():
    assert [*calls("cat a | patent-spark predict - > b", "patent-spark")] == [("predict", "-")]
    assert [*calls("0 3 * * *  cd /srv && .venv/bin/patent-spark refresh", "patent-spark")] == [("refresh",)]
    assert [*calls("cat $(patent-spark where LABELS)/../manifest.json", "patent-spark")] == [
        ("where", "LABELS")
    ]
    assert [*calls("patent-spark label   # a comment", "patent-spark")] == [("label",)]
    assert [*calls("patent-spark's words", "patent-spark")] == []


def parses(words):
    """Whether the program takes these words, and its settings are right."""
    try:
        options = parser().parse_args([PLACEHOLDERS.get(word, word) for word in words])
    except SystemExit:
        return False
    files = [name for name in options.config if name.startswith("conf/")]
    load_config([str(ROOT / name) for name in files], [each for each in options.set if "..." not in each])
    return True


def test_every_command_that_is_shown_parses():
    shown = [*shown_commands("patent-spark")]
    assert len(shown) > 60
    # A name alone is that of a command in a sentence.
    named = [each for each in shown if len(each.words) == 1 and each.words[0] in COMMANDS]
    assert [str(each) for each in shown if each not in named and not parses(each.words)] == []


def job_of(words):
    """Job and options of a call of deploy/submit.sh or spark-submit."""
    if "--" in words:
        return words[words.index("--") + 1 :]
    script = next(word for word in words if word.startswith("jobs/"))
    return Path(script).stem, *words[words.index(script) + 1 :]


def test_every_job_that_is_shown_is_there_and_takes_its_options():
    shown = [*shown_commands("submit.sh"), *shown_commands("spark-submit")]
    assert len(shown) >= 5
    for each in shown:
        job, *options = job_of(each.words)
        assert (ROOT / "jobs" / f"{job}.py").exists() and parses((job, *options)), str(each)


def test_files_that_other_programs_are_shown_with_are_there():
    programs = ("python", "pytest", "podman", "podman-compose", "kubectl")
    shown = [each for program in programs for each in shown_commands(program)]
    assert len(shown) >= 10
    roots = ("benchmarks/", "conf/", "deploy/", "tests/")
    for each in shown:
        assert all((ROOT / word).exists() for word in each.words if word.startswith(roots)), str(each)


def test_services_that_are_shown_are_in_the_compose_file():
    services = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())["services"]
    shown = [each.words for each in shown_commands("podman-compose")]
    assert {words[-1] for words in shown if "run" in words} == {
        name for name, service in services.items() if "demo" in service.get("profiles", ())
    }


def test_every_target_of_make_that_is_shown_is_there():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    shown = {str(each): each.words for each in shown_commands("make")}
    assert len(shown) > 10
    for name, words in shown.items():
        assert all(word in targets or "=" in word or word.startswith("--") for word in words), name


def python_blocks():
    """Page and text of each block of code that imports something; in a list it is indented twice."""
    for page in PAGES:
        for indent in (" {4}", " {8}"):
            for block in re.findall(rf"(?:^(?:{indent}.*|[ ]*)\n)+", page.read_text(), re.MULTILINE):
                if re.search(rf"^{indent}(import|from) \w", block, re.MULTILINE):
                    yield page, textwrap.dedent(block)


def test_python_that_is_shown_parses_and_its_imports_are_there():
    blocks = [*python_blocks()]
    assert len(blocks) >= 5
    for page, block in blocks:
        for node in ast.walk(ast.parse(block, str(page))):
            if isinstance(node, ast.ImportFrom) and node.module.startswith("patent_spark"):
                module = importlib.import_module(node.module)
                assert all(hasattr(module, alias.name) for alias in node.names), (
                    f"{page}: {ast.unparse(node)}"
                )


def names_in(page):
    """What the code of a page defines."""
    names = {}
    for path, block in python_blocks():
        if path.name == page:
            exec(compile(block, page, "exec"), names)
    return names


def test_the_check_that_is_shown_finds_repeated_patents():
    check = names_in("new-audit-check.md")["repeated_test_patents"]
    once = pd.DataFrame({"split": ["test_2011", "test_2012"], "patent_key": [7, 7]})
    assert check(SimpleNamespace(test_examples=once)).status == "passed"
    twice = check(SimpleNamespace(test_examples=pd.concat([once, once.head(1)])))
    assert (twice.status, twice.value, twice.limit) == ("failed", 1, 0)


def test_the_source_that_is_shown_lists_the_newest_release_first():
    index = {"releases": [{"day": f"202{n}-09-30", "files": {"g_patent.tsv.zip": n}} for n in (4, 5)]}
    client = SimpleNamespace(json={"http://m/index.json": index}.__getitem__)
    config, _ = load_config([], ["source.url=http://m/"])
    newest, older = names_in("new-source.md")["MirrorSource"](config, client).releases()
    assert (newest.id, newest.data_to_date) == ("mirror-2025-09-30", datetime.date(2025, 9, 30))
    assert newest.files[0].url == "http://m/2025-09-30/g_patent.tsv.zip" and older.size == 4


def test_pictures_are_few_and_each_is_shown():
    pictures = [*(ROOT / "docs" / "images").iterdir()]
    shown = {name for page in PAGES for name in re.findall(r"images/([\w-]+\.png)", page.read_text())}
    assert {picture.name for picture in pictures} == shown
    assert sum(picture.stat().st_size for picture in pictures) < 1_500_000


@pytest.fixture
def checkout(tmp_path):
    """Copies of what the site is made of."""
    if not SITE_PROGRAM.exists():
        pytest.skip("no environment of the documentation; run `make docs`")
    files = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in files.splitlines():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        if name.startswith(("docs/", "deploy/", "mkdocs.yml", "benchmarks/RESULTS")) or name.endswith(".md"):
            (tmp_path / name).write_bytes((ROOT / name).read_bytes())
        else:
            (tmp_path / name).touch()  # links to it are right
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "docs-env").symlink_to(SITE_PROGRAM.parents[1])
    return tmp_path


def build(checkout):
    return subprocess.run(["bash", "deploy/docs/build.sh"], cwd=checkout, capture_output=True, text=True)


def test_the_site_is_built(checkout):
    done = build(checkout)
    assert done.returncode == 0, done.stderr
    pages = {
        str(path.relative_to(checkout / "build/docs")) for path in (checkout / "build/docs").rglob("*.html")
    }
    assert {"index.html", "reference/settings.html", "results.html", "contributing.html"} <= pages


@pytest.mark.parametrize(
    ("added", "named"),
    [
        ("[dead](nowhere.md)", "nowhere.md"),
        ("[dead](labels.md#no-such-part)", "no-such-part"),
        ("[dead](../src/nowhere.py)", "nowhere.py"),
        ("![outside](https://example.com/a.png)", "https://example.com/a.png"),
        ('<script src="//example.com/a.js"></script>', "//example.com/a.js"),
    ],
)
def test_dead_links_and_loads_from_other_hosts_end_the_build(checkout, added, named):
    with (checkout / "docs" / "index.md").open("a") as page:
        page.write(f"\n{added}\n")
    done = build(checkout)
    assert done.returncode != 0 and named in done.stderr


def test_a_page_that_the_navigation_lacks_ends_the_build(checkout):
    (checkout / "docs" / "lost.md").write_text("# Lost\n")
    done = build(checkout)
    assert done.returncode != 0 and "lost.md" in done.stderr
