"""The stage train: an LSTM on one or many Horovod ranks.

In: EXAMPLES, VECTORS, VOCABULARY. Out: MODEL (network, labels, history), checkpoints, an MLflow run a model.
May import: stages.shard.feed, stages.shard.layout, inference and everything below it.
"""
