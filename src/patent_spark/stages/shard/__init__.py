"""The stage shard: training examples as Parquet row groups of equal size, and the feed that reads them.

In: LABELS, SPLITS, TOKENS, VOCABULARY. Out: EXAMPLES, token ids of fixed length per task and split.
May import: core, config. Only its module feed imports petastorm. train reads through feed and layout.
"""
