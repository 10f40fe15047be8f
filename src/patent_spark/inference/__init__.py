"""All that using a trained model takes.

In: a model's package, and texts. Out: calibrated probabilities and document vectors.
model_source finds a package, model_package reads it with onnxruntime, packaging writes it; scorer is the
Keras model of the evaluation. Nothing that reads imports TensorFlow.
May import: metrics, tracking, core, config. No stage, so that a package works without the pipeline.
"""
