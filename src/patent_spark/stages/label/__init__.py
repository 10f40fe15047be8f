"""The stage label: forward citations within the horizon, and the citation level within the reference set.

In: PATENTS, CITATIONS, CPC. Out: COUNTS, LABELS, and INTERIM_LEVELS if asked for.
May import: core, config.
"""
