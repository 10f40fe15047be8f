"""What a stage declares in pipeline.py is what its code uses: settings, and stages that it reads."""

import ast

import pytest

from patent_spark.core.code_version import modules_of
from patent_spark.pipeline import STAGES
from patent_spark.stages.evaluate.stage import MEASURE, PREDICT
from tests.support.code_dependencies import DESCRIPTIONS, parsed, settings_used, stages_read

SKIPPED = {name: stage for name, stage in STAGES.items() if not stage.outside}
"""The stages that are skipped when nothing changed; the others always run."""
NOT_IN_KEYS = {
    "warehouse": "where tables are kept",
    "engine": "tables come out the same on each engine",
    "source.kind": "the release itself is in the key: its version, or a digest of its files",
    "tracking": "where runs are logged",
}


NOT_CALLED = {"score": {"label.citing", "label.self_citations"}}
"""Settings of functions in a module that a stage takes other functions from."""
COLUMNS = {"score": {"text"}}
"""Names of stages that are columns in the code of a stage."""


def within(setting, sections):
    return any(setting == section or setting.startswith(f"{section}.") for section in sections)


def overlap(setting, sections):
    return within(setting, sections) or any(section.startswith(f"{setting}.") for section in sections)


def read_before(stages):
    """These stages, and all that they were made from: the version of one stands for all the others."""
    return set(stages).union(*(read_before(STAGES[name].reads) for name in stages))


def used_by(module, presentation):
    """Settings and stages that a module and all that it imports use."""
    trees = [parsed(name) for name in modules_of(module, presentation) if name not in DESCRIPTIONS]
    return set().union(*map(settings_used, trees)), set().union(*map(stages_read, trees))


@pytest.mark.parametrize("stage", SKIPPED.values(), ids=SKIPPED)
def test_a_stage_declares_the_settings_that_it_uses(stage):
    settings, _ = used_by(stage.module, presentation=True)
    settings -= NOT_CALLED.get(stage.name, set())
    upstream = [section for name in read_before(stage.reads) for section in STAGES[name].sections]
    assert not {each for each in settings if not within(each, [*stage.sections, *upstream, *NOT_IN_KEYS])}
    assert not {
        section for section in stage.sections if not any(overlap(each, [section]) for each in settings)
    }


@pytest.mark.parametrize("stage", SKIPPED.values(), ids=SKIPPED)
def test_a_stage_declares_the_stages_that_it_reads(stage):
    _, stages = used_by(stage.module, presentation=True)
    assert len(set(stage.reads)) == len(stage.reads)
    if "ingest" in stage.reads:
        stages -= {"simulate"}  # what ingest read: its version is among the inputs of ingest
    stages &= STAGES.keys()  # a back-test is no stage
    assert stages - {stage.name} - COLUMNS.get(stage.name, set()) == {*stage.reads, *stage.shows}


@pytest.mark.parametrize(
    ("step", "before"), [(PREDICT, []), (MEASURE, [PREDICT])], ids=["predict", "measure"]
)
def test_a_step_of_evaluate_declares_what_it_uses(step, before):
    """A step before stands for what it depends on itself, as its key is in the key of this one."""
    settings, stages = used_by(step.module, presentation=False)
    settings -= {"evaluate"}  # handed on whole, to functions whose parameter is an Evaluate
    read = read_before([*step.reads, *(name for each in before for name in each.reads)])
    upstream = [section for name in read for section in STAGES[name].sections]
    upstream += [setting for each in before for setting in each.settings]
    assert not {each for each in settings if not within(each, [*step.settings, *upstream, *NOT_IN_KEYS])}
    assert not {each for each in step.settings if not overlap(each, settings)}
    assert stages - {"evaluate"} <= read
    assert set(step.reads) <= stages


SOURCE = '''
def direct(config: Config): return config.text.window
def through_context(context: StageContext): return context.config.label
def renamed(context: StageContext):
    first, settings = 1, context.config
    return settings.split.seed
def members(self): return self.data.config.task_names, self.config.task("technology")
def a_section(config: Evaluate): return config.batch
def named(context: StageContext):
    settings = context.config.shard
    return settings.row_group_rows
def gpus(): tf.config.list_physical_devices("GPU")
def reads(context): context.read("LABELS"), context.store.metadata(TextMetadata), schemas.EXAMPLES
def made(store): return store.manifest("train")
def complains(): raise DataError("no METRICS", table="METRICS")
class Data:
    main: Config
    def field(self): return self.main.audit.seed
'''  # fmt: skip


def test_settings_are_seen_however_they_are_reached():
    assert settings_used(ast.parse(SOURCE)) == {
        "text.window", "label", "split.seed", "tasks", "technology", "citation_level", "audit.seed",
        "evaluate.batch", "shard.row_group_rows",
    }  # fmt: skip


def test_outputs_are_seen_by_name_by_record_and_by_manifest():
    assert stages_read(ast.parse(SOURCE)) == {"label", "text", "shard", "train"}
