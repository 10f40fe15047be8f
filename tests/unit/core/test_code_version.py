"""What a stage depends on: equal to what it imports, blind to comments and pages, the same from a zip."""

import copy
import shutil
import subprocess
import sys
import zipfile
from fnmatch import fnmatchcase
from pathlib import Path

import grimp
import pytest

import patent_spark
from patent_spark.core.code_version import (
    PLATFORM,
    PRESENTATION,
    code_digest,
    code_digests,
    is_left_out,
    modules_of,
)
from patent_spark.core.schemas import TABLES
from patent_spark.pipeline import STAGES

PACKAGE = Path(patent_spark.__file__).parent
KEPT = [name for name, stage in STAGES.items() if not stage.outside]
"""Stages that are skipped when nothing changed."""
MODULES = [STAGES[name].module for name in KEPT]


@pytest.fixture(scope="module")
def imports():
    return grimp.build_graph("patent_spark", cache_dir=None, exclude_type_checking_imports=True)


@pytest.fixture(scope="module")
def before():
    return code_digests(MODULES, presentation=True)


@pytest.fixture
def changed(tmp_path, before):
    """Stages that run again when `edit` has rewritten the text of a source file."""
    sources = tmp_path / "patent_spark"
    shutil.copytree(PACKAGE, sources, ignore=shutil.ignore_patterns("__pycache__"))

    def stages(file, edit=lambda text: text + "\nADDED = 1\n"):
        path = sources / file
        original = path.read_text()
        assert edit(original) != original
        path.write_text(edit(original))
        after = code_digests(MODULES, True, sources)
        path.write_text(original)
        return {name for name, module in zip(KEPT, MODULES, strict=True) if after[module] != before[module]}

    return stages


@pytest.mark.parametrize("presentation", [False, True])
@pytest.mark.parametrize("stage", STAGES)
def test_the_modules_of_a_stage_are_those_that_it_imports(imports, stage, presentation):
    """Against grimp, which knows nothing of a module that is started by name."""
    graph = copy.deepcopy(imports)
    graph.add_import(
        importer="patent_spark.stages.train.launch.local", imported="patent_spark.stages.train.launch.worker"
    )
    for module in sorted(
        graph.modules - {"patent_spark"}, reverse=True
    ):  # with a package goes all that is in it
        if is_left_out(module, presentation):
            graph.remove_module(module)
    module = STAGES[stage].module
    packages = {name for name in imports.modules if imports.find_children(name)}
    expected = {module} | graph.find_upstream_modules(module)
    assert set(modules_of(module, presentation)) - packages == expected - packages


def test_packages_hold_no_code_that_a_digest_would_miss(imports):
    """Importing a module runs the packages around it, which no digest covers."""
    for name in imports.modules:
        if imports.find_children(name) and not is_left_out(name, presentation=True):
            text = PACKAGE.joinpath(*name.split(".")[1:], "__init__.py").read_text()
            assert text.count('"""') in (0, 2) and text.strip()[-3:] in ("", '"""'), name


@pytest.mark.parametrize("pattern", [*PLATFORM, *PRESENTATION])
def test_every_exception_is_of_use(imports, pattern):
    assert any(fnmatchcase(module, pattern) for module in imports.modules)


def test_comments_docstrings_and_formatting_redo_nothing(changed):
    counts = "stages/label/counts.py"
    assert changed(counts, lambda text: text + "\n# a remark\n") == set()
    assert changed(counts, lambda text: text.replace('"""', '"""Some words more. ', 1)) == set()
    assert changed(counts, lambda text: text.replace("\n    ", "\n\n    ", 3)) == set()
    assert changed(counts, lambda text: "\n".join(f"{line}  " for line in text.split("\n"))) == set()


@pytest.mark.parametrize(
    ("file", "stages"),
    [
        ("stages/label/counts.py", {"label"}),
        ("stages/split/protocols.py", {"split"}),
        ("inference/pyfunc.py", set()),
        ("stages/train/loop.py", {"train"}),  # which another process runs
        ("core/store.py", set()),
        ("tracking/runs.py", set()),
        ("config/sections/training.py", set()),
        ("reporting/html.py", {"quality", "evaluate", "audit"}),
    ],
)
def test_changed_code_redoes_what_it_does(changed, file, stages):
    """What follows on a stage is done again as well, because versions of its inputs are in its key."""
    assert changed(file) == stages


SCHEMA_CHANGES = [
    ('"null when unknown"', '"null when nobody knows it"', set()),
    ('"One row per patent."', '"A row for each patent."', set()),
    ('"QUALITY": "quality"', '"QUALITY": "profile"', set()),
    (
        '("total_citations", LongType()',
        '("total_citations", IntegerType()',
        {"label", "quality", "audit"},
    ),
    ('("predicted", StringType(), "the most', '("predicted", LongType(), "the most', {"evaluate", "audit"}),
    ("split == LARGE_TEST", "split != LARGE_TEST", {"text", "evaluate", "audit"}),
]


@pytest.mark.parametrize(("old", "new", "stages"), SCHEMA_CHANGES)
def test_a_changed_table_redoes_those_that_name_it_and_its_description_none(changed, old, new, stages):
    assert changed("core/schemas.py", lambda text: text.replace(old, new)) == stages


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('_KEY = ("patent_key", LongType()', '_KEY = ("patent_key", StringType()'),
        ('"zerocite"\n', '"none"\n'),
        ("kind.spark(), True, {", "kind.spark(), False, {"),
    ],
)
def test_what_a_table_or_constant_is_made_of_belongs_to_it(changed, old, new):
    assert {"label", "audit"} <= changed("core/schemas.py", lambda text: text.replace(old, new))


def test_a_new_table_redoes_nothing(changed):
    assert changed("core/schemas.py") == set()


@pytest.mark.parametrize(
    "table", [table for table in TABLES.values() if table.stage in KEPT], ids=lambda table: table.name
)
def test_the_code_of_a_stage_names_its_tables(changed, table):
    """So a change of their columns makes the stage run again."""
    start = f'{table.name} = _table(\n    "{table.name}'
    assert table.stage in changed("core/schemas.py", lambda text: text.replace(start, start + "_RENAMED"))


@pytest.mark.parametrize(
    ("file", "stages"),
    [
        ("stages/evaluate/plots.py", {"evaluate"}),
        ("stages/evaluate/templates/report.html", {"evaluate"}),
        ("stages/quality/templates/quality.html", {"quality"}),
        ("reporting/templates/page.css", {"quality", "evaluate", "audit"}),
    ],
)
def test_a_page_redoes_the_stage_that_draws_it_alone(changed, tmp_path, file, stages):
    assert changed(file) == stages
    (tmp_path / "patent_spark" / file).write_text("# another page")
    assert code_digests(MODULES, False, tmp_path / "patent_spark") == code_digests(MODULES)


def test_the_digest_is_the_same_from_a_checkout_and_from_a_zip(tmp_path):
    with zipfile.ZipFile(tmp_path / "package.zip", "w") as archive:
        for source in sorted(PACKAGE.rglob("*")):
            if source.is_file() and "__pycache__" not in source.parts:
                archive.write(source, Path("patent_spark") / source.relative_to(PACKAGE))
    module = STAGES["quality"].module  # with templates
    code = (
        f"from patent_spark.core import code_version as c; print(c.__file__, c.code_digest('{module}', True))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(tmp_path / "package.zip")},
        capture_output=True,
        text=True,
        check=True,
    )
    where, from_zip = ended.stdout.split()
    assert "package.zip" in where
    assert from_zip == code_digest(module, True) != code_digest(module)
