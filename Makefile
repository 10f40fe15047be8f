# What a person types. Each target builds the environment first; a second run of any rebuilds nothing.
SHELL := /bin/bash
VENV ?= .venv
BIN := $(VENV)/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
export TF_CPP_MIN_LOG_LEVEL ?= 3

.PHONY: help setup demo check format test test-slow lock zip clean audit-canaries bench-labels bench-ingest bench-scale bench-embed bench-train bench-accuracy bench-recent compare-warehouses

help:  ## what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup:  ## build the environment in .venv (GPU=1: for NVIDIA GPUs)
	@bash deploy/setup-env.sh

demo: setup  ## a simulated release from raw files to judged models, with two Horovod ranks
	@patent-spark run --config conf/demo.yaml

check: setup  ## ruff and mypy
	@ruff check src jobs tests benchmarks setup.py
	@ruff format --check src jobs tests benchmarks setup.py
	@mypy

format: setup  ## let ruff rewrite what it can
	@ruff check --fix src jobs tests benchmarks setup.py
	@ruff format src jobs tests benchmarks setup.py

test: setup  ## all tests but the slow ones; the Spark stages on both engines
	@pytest -m "not slow"
	@pytest -m "engine and not slow" --engine spark

test-slow: setup  ## spark-submit, a cluster, four ranks, kills, a tracking server that goes away, the bar on 20,000 patents
	@pytest -m slow

lock: setup  ## choose versions anew from setup.py and write requirements.lock and requirements-gpu.lock
	@bash deploy/lock.sh

clean:  ## remove caches and builds; keep the environment and the warehouse
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache

zip: setup  ## build/patent_spark.zip for `spark-submit --py-files`
	@rm -rf build/zip && mkdir -p build/zip && cp -r src/patent_spark build/zip/ && find build/zip -name __pycache__ -prune -exec rm -rf {} +
	@cd build/zip && python -m zipfile -c ../patent_spark.zip patent_spark && echo build/patent_spark.zip

audit-canaries: setup  ## plant every leak that the audit knows, and show which check catches it
	@python -m tests.support.audit_canaries

bench-labels: setup  ## the label job against DuckDB, Polars and pandas (20 M citations)
	@cd benchmarks && python labels.py --scratch ../build/bench-labels

bench-ingest: setup  ## zip to Parquet against DuckDB reading the unzipped TSV (20 M citations, 1.1 M abstracts)
	@cd benchmarks && python ingest.py --scratch ../build/bench-ingest

bench-scale: setup  ## time, memory and growth of ingest and label at 5, 20, 50 and 151 M citations on both engines
	@cd benchmarks && python scale.py --scratch ../build/bench-scale

bench-embed: setup  ## skip-gram vectors against plain gensim over an iterator: words/s and peak memory (10 M words)
	@cd benchmarks && python embed.py --scratch ../build/bench-embed

bench-train: setup  ## examples/s against batches in memory, the paper's generator, PyTorch and a second rank (MODEL=default, FLAGS="--steps 40")
	@[ -x build/torch/bin/python ] || { python3.11 -m venv build/torch && build/torch/bin/pip install -q 'torch==2.13.*' numpy; } || rm -rf build/torch
	@python benchmarks/train.py --model $(or $(MODEL),paper) $(FLAGS)

bench-accuracy: setup  ## RELEASE=folder: default.yaml against TF-IDF + linear on five splits; SIMULATED=100000: against what is attainable (FLAGS="--seeds 1 2")
	@python benchmarks/accuracy.py $(if $(SIMULATED),--simulated $(SIMULATED),--release $(RELEASE)) $(FLAGS)

bench-recent: setup  ## what training on the early levels of recent patents adds for the newest test year, with and without drift
	@python benchmarks/recent.py $(FLAGS)

compare-warehouses: setup  ## whether two warehouses hold the same results to the bit (OLD=warehouse NEW=warehouse)
	@python benchmarks/compare_warehouses.py $(OLD) $(NEW)
