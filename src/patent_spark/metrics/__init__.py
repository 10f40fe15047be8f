"""Statistics for any predictions: classification, ranking, calibration, cluster bootstrap, paired comparison.

In: prediction records (arrays of truth, prediction, probability, family). Out: typed metrics and intervals.
May import: tracking, core, config. It reads no model and draws no page.
"""
