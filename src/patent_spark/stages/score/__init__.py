"""The stage score: answers of a registered model on many texts, partition by partition.

In: PATENTS, ABSTRACTS and CLAIMS of the warehouse, or Parquet or CSV files; a model package. Out: SCORES.
May import: inference, core, config.
"""
