"""The stage quality: what a release holds, what each rule drops, and what changed since the last release.

In: the tables of ingest and label, and those of the release before. Out: QUALITY (report.html, quality.json).
May import: reporting, core, config.
"""
