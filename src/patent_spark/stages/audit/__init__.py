"""The stage audit: checks that look for leaks, written independently of the code they check.

In: all tables, METRICS and the release's files. Out: AUDIT (report.html, audit.json).
May import: inference (to ask the model), reporting, tracking, core, config and the record
of METRICS; nothing of metrics that computes.
"""
