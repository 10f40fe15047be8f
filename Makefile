# Each target builds the environment first; a second run rebuilds nothing.
SHELL := /bin/bash
VENV ?= .venv
BIN := $(VENV)/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
export TF_CPP_MIN_LOG_LEVEL ?= 3

SOURCES := src jobs tests benchmarks deploy notebooks setup.py
COVERAGE ?= --cov --cov-report=term
TRAIN_TESTS := tests/unit/stages/train tests/e2e tests/faults
# Tests run in two processes; those of one file stay together, so that they share its fixtures.
PYTEST := pytest --numprocesses $(or $(WORKERS),2) --dist loadfile
# On Spark, tests are short: the first compiler of Java is enough for them.
BRIEF_JAVA := JDK_JAVA_OPTIONS=-XX:TieredStopAtLevel=1

.PHONY: help setup demo notebooks docs reference check format test test-slow cluster-test test-images test-compose test-airflow \
	lock zip clean audit-canaries compare-warehouses bench-labels bench-ingest bench-scale bench-embed bench-train \
	bench-accuracy bench-recent bench-serve bench-similar \
	bench-score bench-refresh bench-pipeline

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

setup:  ## build the environment in .venv (GPU=1: for NVIDIA GPUs)
	@bash deploy/setup-env.sh

demo: setup  ## simulate a release, train both tasks on two ranks, print a summary
	@patent-spark run --config conf/demo.yaml

notebooks: setup  ## execute notebooks/ into build/notebooks/*.ipynb (WAREHOUSE=folder or YAML file)
	@python deploy/notebooks.py $(or $(WAREHOUSE),warehouse)

docs:  ## build the documentation as a site in build/docs, in an environment of its own
	@bash deploy/docs/build.sh

reference: setup  ## write docs/reference anew, from the settings, the commands and the schemas
	@python deploy/docs/reference.py

check: setup  ## lint, formatting and types (ruff, mypy)
	@ruff check $(SOURCES)
	@ruff format --check $(SOURCES)
	@mypy

format: setup  ## fix lint and formatting
	@ruff check --fix $(SOURCES)
	@ruff format $(SOURCES)

test: setup  ## all but the slow tests, with coverage; Spark stages on both engines (COVERAGE=: without, a third faster)
	@mkdir -p build
	@$(PYTEST) -m "not slow" $(addprefix --ignore=,$(TRAIN_TESTS)) $(COVERAGE)
	@$(PYTEST) -m "not slow" $(TRAIN_TESTS)
	@$(BRIEF_JAVA) $(PYTEST) -m "engine and not slow" --engine spark

test-slow: setup  ## the slow tests: spark-submit, a cluster, four ranks, killed processes, the whole demo
	@pytest -m slow

cluster-test: setup  ## every job on a Spark cluster with MLflow on PostgreSQL, all on this machine (needs postgresql)
	@pytest -rs tests/deploy/test_submit.py

build/containers/tools: deploy/images/tools.txt
	@rm -rf $@ && python3.11 -m venv $@ && $@/bin/pip install -q -r $< || { rm -rf $@; exit 1; }

test-images: setup build/containers/tools  ## build the ETL and the serving image and run them (root; docs/images.md)
	@pytest -rs -s tests/deploy/test_images.py

test-compose: setup build/containers/tools  ## start deploy/compose.yaml, all but the training (root; docs/compose.md)
	@pytest -rs tests/deploy/test_compose.py

test-airflow: setup  ## the refresh's DAG in a real Airflow, in an environment of its own
	@test -x build/airflow/bin/airflow || { python3.11 -m venv build/airflow \
		&& build/airflow/bin/pip install -q -r deploy/airflow/requirements.txt; } || rm -rf build/airflow
	@pytest tests/deploy/test_schedulers.py

audit-canaries: setup  ## inject each leak that the audit looks for; show which check catches it
	@python -m tests.support.audit_canaries

compare-warehouses: setup  ## compare tables and metrics of two warehouses to the bit (OLD=folder NEW=folder)
	@python benchmarks/compare_warehouses.py $(OLD) $(NEW)

zip: setup  ## build/patent_spark.zip for `spark-submit --py-files`
	@rm -rf build/zip && mkdir -p build/zip && cp -r src/patent_spark build/zip/
	@find build/zip -name __pycache__ -prune -exec rm -rf {} +
	@cd build/zip && python -m zipfile -c ../patent_spark.zip patent_spark && echo build/patent_spark.zip

lock: setup  ## choose new versions within setup.py's ranges; write both lock files
	@bash deploy/lock.sh

clean:  ## remove caches and builds; keep the environment and the warehouse
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache

bench-labels: setup  ## label job against DuckDB, Polars and pandas (20 M citations)
	@cd benchmarks && python labels.py --scratch ../build/bench-labels

bench-ingest: setup  ## zip to Parquet, against DuckDB on the unzipped TSV (20 M citations, 1.1 M abstracts)
	@cd benchmarks && python ingest.py --scratch ../build/bench-ingest

bench-scale: setup  ## time and memory of ingest and label at 5, 20, 50 and 151 M citations, both engines
	@cd benchmarks && python scale.py --scratch ../build/bench-scale

bench-embed: setup  ## skip-gram vectors against plain gensim: words/s and memory (10 M words)
	@cd benchmarks && python embed.py --scratch ../build/bench-embed

bench-train: setup  ## examples/s against PyTorch, the paper's generator, two ranks (MODEL=default FLAGS="--steps 40")
	@[ -x build/torch/bin/python ] \
		|| { python3.11 -m venv build/torch && build/torch/bin/pip install -q 'torch==2.13.*' numpy; } \
		|| rm -rf build/torch
	@python benchmarks/train.py --model $(or $(MODEL),paper) $(FLAGS)

bench-accuracy: setup  ## accuracy against TF-IDF + linear (RELEASE=folder), or Bayes-optimal (SIMULATED=100000)
	@python benchmarks/accuracy.py $(if $(SIMULATED),--simulated $(SIMULATED),--release $(RELEASE)) $(FLAGS)

bench-recent: setup  ## gain from training on interim levels of recent patents, with and without drift
	@python benchmarks/recent.py $(FLAGS)

bench-similar: setup  ## nearest of a million patents: recall and ms of the HNSW graph against exact search
	@python benchmarks/similar.py $(FLAGS)

bench-serve: setup  ## onnxruntime against Keras; then 50 clients on the service (WAREHOUSE=folder, FLAGS="--model FOLDER")
	@python benchmarks/inference.py
	@python benchmarks/inference.py --layers 2
	@python benchmarks/serve_load.py --warehouse $(or $(WAREHOUSE),warehouse) $(FLAGS)

bench-score: setup  ## score against plain onnxruntime; its memory from 100,000 to 1 million texts (FLAGS=...)
	@cd benchmarks && python score.py --scratch ../build/bench-score $(FLAGS)

bench-pipeline: setup  ## every stage at 20,000, 200,000 and 1,000,000 patents: seconds, memory, growth
	@cd benchmarks && python pipeline.py --scratch ../build/bench-pipeline $(FLAGS)

bench-refresh: setup  ## a new release after the one before against an empty warehouse (FLAGS="--patents 100000")
	@cd benchmarks && python refresh.py --scratch ../build/bench-refresh $(FLAGS)
