"""Answers about single patents: documents in, predictions out, for the command line, the service and others.

In: opened models (see inference.model_source) and documents. Out: records of `records.py`, one a document.
May import: inference's package reader, metrics, core, config. It loads no network library and no engine.
"""
