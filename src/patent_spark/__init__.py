"""Technology class and citation level of US patents, from a PatentsView release to a registered model.

Layers, top down: cli; run_summary and experiments; pipeline; stages; inference; metrics and reporting;
tracking; core; config. A module imports from lower layers only; tests/test_architecture.py holds this.
"""

import os

# Keras 3 reads this at its first import. The models need TensorFlow, whatever backend the user's shell names.
os.environ["KERAS_BACKEND"] = "tensorflow"

__version__ = "0.1.0"
