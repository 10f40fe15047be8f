"""The stage split: patent families, and which patents train, are development, and test.

In: PATENTS, ABSTRACTS, RELATED_DOCUMENTS, LABELS, INTERIM_LEVELS. Out: FAMILIES, SPLITS.
May import: core, config. It runs before anything is learned from text.
"""
