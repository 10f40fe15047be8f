"""All that using a trained model takes: scorer, calibrated network, model package, MLflow's pyfunc.

In: a folder of a trained model, and texts or token ids. Out: calibrated probabilities.
May import: metrics, tracking, core, config. No stage, so that a package works without the pipeline.
"""
