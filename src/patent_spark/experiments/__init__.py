"""Runs over runs: sweep, back-test, comparison, ablation, and the neighbors of a word.

In: configurations, finished stages, MLflow runs. Out: pages, JSON records, nested MLflow runs.
May import: pipeline and everything below it.
"""
