"""Is a test set like the patents it stands for?"""

from __future__ import annotations

import math

from patent_spark.core.schemas import is_test
from patent_spark.stages.audit.evidence import Evidence
from patent_spark.stages.audit.verdicts import SHARE, Check, Question

_TOLERANCE = 0.02  # texts that are too short leave a slightly other mix
_CHANCE = math.sqrt(
    math.log(1000) / 2
)  # times 1 / sqrt(n): exceeded once in a thousand draws (McDiarmid 1989)

MIX = Question(
    "mix of labels in the test sets", "total variation from the population", SHARE,
    "The test patents are not a fair draw: a figure on them says little about patents as they come, and a classifier may profit from the mix alone.",
)  # fmt: skip


def label_mix(evidence: Evidence) -> Check:
    """The labels of each test set against those of all patents that it stands for: of its grant year, or all of them.

    The limit of a test set of n out of N patents is what chance gives (none when it holds them all) and 2 % for the
    texts that were too short; the worst of the sets is told.
    """
    labelled = evidence.warehouse.labels.dropna(subset=[evidence.column])
    temporal = evidence.warehouse.first_test_day(evidence.task) is not None
    worst: tuple[float, float, float, str] | None = None
    for split, tests in evidence.examples.groupby("split"):
        if not is_test(str(split)):
            continue
        population = labelled[labelled["year"].isin(tests["year"])] if temporal else labelled
        whole = population[evidence.column].value_counts(normalize=True)
        mine = tests["label"].value_counts(normalize=True)
        distance = 0.5 * float(whole.sub(mine, fill_value=0).abs().sum())
        left_out = math.sqrt(max(0.0, 1 - len(tests) / max(1, len(population))) / len(tests))
        expected = 0.5 * math.sqrt(2 / math.pi) * float((whole * (1 - whole)).pow(0.5).sum())
        limit = _TOLERANCE + (expected + _CHANCE) * left_out
        if worst is None or distance - limit > worst[0]:
            worst = (
                distance - limit,
                distance,
                limit,
                f"{split}: {len(tests):,} of {len(population):,} patents",
            )
    if worst is None:
        return MIX.not_applicable("there is no test set")
    return MIX.answer(worst[1], worst[2], f"Worst of {len(evidence.test_splits)} test sets, {worst[3]}.")
