"""The HTTP service: predictions, neighbours and CSV files over HTTP, and a page for analysts.

In: the champions of the registry, or a model in a folder. Out: JSON, CSV, metrics for Prometheus, one page of
HTML. Limits hold while a request is received. May import: inference and what stands below it; no stage.
"""
