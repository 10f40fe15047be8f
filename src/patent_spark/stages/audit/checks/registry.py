"""The checks of the audit, in the order of its report.

A new check: write its CheckSpec and its function in a file of this package, add its line below, and write a
leak that it catches in tests/support/leaks.
"""

from patent_spark.stages.audit.check_spec import Check
from patent_spark.stages.audit.checks import (
    duplicates,
    features,
    joins,
    label_shift,
    lookahead,
    memorisation,
    percentiles,
    plausibility,
    recount,
    shortcuts,
    splits,
    tables,
)
from patent_spark.stages.audit.task_data import TaskData
from patent_spark.stages.audit.warehouse import Warehouse

WAREHOUSE_CHECKS: tuple[Check[Warehouse], ...] = (
    Check(joins.COUNTS, joins.counts_of_patents),
    Check(joins.LABELS, joins.labels_of_counts),
    Check(tables.CLASSES, tables.classes_of_cpc),
    Check(tables.INTERIM, tables.interim_levels_of_labels),
    Check(tables.FAMILIES, tables.families_of_documents),
    Check(tables.TOKENS, tables.tokens_of_patents),
    Check(percentiles.RECOMPUTED, percentiles.percentiles_recomputed),
    Check(lookahead.VOCABULARY, lookahead.vocabulary_lookahead),
    Check(lookahead.VECTORS, lookahead.vectors_lookahead),
    Check(recount.RECOUNT, recount.label_recount),
)
"""Checks of the tables that all tasks share."""

TASK_CHECKS: tuple[Check[TaskData], ...] = (
    Check(splits.MEMBERSHIP, splits.split_membership),
    Check(joins.EXAMPLES, joins.examples_of_splits),
    Check(joins.TEXTS, joins.texts_of_tokens),
    Check(joins.PREDICTIONS, joins.predictions_of_examples),
    Check(duplicates.EXACT, duplicates.exact_duplicates),
    Check(duplicates.NEAR, duplicates.near_duplicates),
    Check(duplicates.ABSTRACTS, duplicates.shared_abstracts),
    Check(duplicates.RELATED, duplicates.related_patents),
    Check(lookahead.PERCENTILES, lookahead.percentiles_lookahead),
    Check(lookahead.EMBARGO, lookahead.label_embargo),
    Check(features.LOOKAHEAD, features.features_lookahead),
    Check(label_shift.SHIFT, label_shift.label_shift),
    *shortcuts.LABEL_CHECKS,
    *shortcuts.TEST_CHECKS,
    Check(shortcuts.WORD, shortcuts.word_predicts_label),
    Check(memorisation.SHUFFLED, memorisation.shuffled_labels),
    Check(memorisation.COPIED, memorisation.nearest_text_labels),
    Check(plausibility.METRICS, plausibility.metrics_recomputed),
    Check(plausibility.SHORT_TEXTS, plausibility.short_texts),
    Check(plausibility.TOP1_AUC, plausibility.top1_auc),
    Check(plausibility.UPPER_BOUND, plausibility.upper_bound),
)
"""Checks of one task: its splits, its examples, and what its model predicted."""
