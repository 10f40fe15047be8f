#!/usr/bin/env bash
# Submits a job to a Spark cluster in client mode, with the package and its environment:
#   deploy/submit.sh --master spark://host:7077 -- label --config conf/default.yaml --config conf/cluster.yaml
# Before `--` are options of spark-submit (conf/spark-defaults.conf goes with them), after it a job of jobs/ and its options.
# Executors need Spark, Python 3.11 in the place where it is here, and warehouse.root; the rest comes with the job.
#   PACK=etl|train     what executors get (deploy/pack_env.py); by default train for `train`, and for `run` and `refresh` with
#                      train.launcher=spark
#   VENV=folder        the environment that is packed and that the driver runs in; by default .venv
#   SPARK_HOME=folder  whose spark-submit; by default that of the environment
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
die() { printf 'submit: %s\n' "$*" >&2; exit 2; }

options=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do options+=("$1"); shift; done
[ $# -ge 2 ] || die "usage: deploy/submit.sh [OPTION OF SPARK-SUBMIT ...] -- JOB [OPTION ...]"
job=$2; shift 2
[ -f "$root/jobs/$job.py" ] || die "there is no jobs/$job.py"

python=$(cd "${VENV:-$root/.venv}" 2>/dev/null && pwd)/bin/python || die "there is no environment; run \`make setup\`"
pack=etl
case $job in
train) pack=train ;;
run | refresh) [[ " $* " != *train.launcher=spark* ]] || pack=train ;;
esac
environment=$("$python" "$root/deploy/pack_env.py" "${PACK:-$pack}")

# As an archive and not by --py-files: ranks of a training are processes that know nothing of Spark's files.
mkdir -p "$root/build"
package=$(mktemp -d "$root/build/package.XXXXXX")
trap 'rm -rf "$package"' EXIT
cp -r "$root/src/patent_spark" "$package/"
find "$package" -name __pycache__ -prune -exec rm -rf {} +
(cd "$package" && "$python" -m zipfile -c patent_spark.zip patent_spark)

submit=${SPARK_HOME:+$SPARK_HOME/bin/}spark-submit
[ -n "${SPARK_HOME:-}" ] || submit=$(dirname "$python")/spark-submit
export PYSPARK_PYTHON=./environment/bin/python PYSPARK_DRIVER_PYTHON=$python
"$submit" --properties-file "$root/conf/spark-defaults.conf" \
    --archives "$environment#environment,$package/patent_spark.zip#package" \
    --conf spark.executorEnv.PYTHONPATH=./package \
    ${options[@]+"${options[@]}"} "$root/jobs/$job.py" "$@" &
spark=$!
trap 'kill -TERM $spark 2>/dev/null; wait $spark; rm -rf "$package"' TERM INT
wait $spark
