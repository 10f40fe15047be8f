"""The stage simulate: a synthetic release in PatentsView's format.

In: the settings `simulate`. Out: RELEASE: zipped TSV tables, and release.json with the Bayes-optimal rates.
May import: core, config. The same seed and settings give the same bytes.
"""
