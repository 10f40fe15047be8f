"""The network and its training step: layers, heads, loss, optimizer, dropout.

In: settings of the model, word vectors, numbers of labels. Out: Keras models and functions for the loop.
May import: core, config, stages.shard.layout. It knows no rank, no file and no MLflow.
"""
