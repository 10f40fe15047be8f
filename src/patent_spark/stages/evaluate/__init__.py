"""The stage evaluate: predict, measure, report.

In: MODEL, EXAMPLES and the tables before them. Out: PREDICTIONS, METRICS, CALIBRATION, REPORT.
May import: inference, metrics, reporting, tracking, core, config.
"""
