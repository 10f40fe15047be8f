#!/usr/bin/env bash
# What a container of the ETL image runs:
#   driver ..., executor   as Kubernetes starts the pods of a Spark application
#   master, worker ADDRESS of a standalone cluster
#   stages ADDRESS STAGE... OPTION...   these stages, one after another, on such a cluster
#   health                 whether master or worker answers; a container of another kind is well while it runs
#   anything else          patent-spark with these arguments
set -euo pipefail
# Kubernetes may give the container a user that the image does not have; Hadoop wants it to have a name.
if ! getent passwd "$(id -u)" >/dev/null && [ -w /etc/passwd ]; then
    echo "spark:x:$(id -u):0:spark:/tmp:/bin/false" >>/etc/passwd
fi
state=/tmp/spark-web-port

case "${1:-}" in
driver)
    shift
    exec "$SPARK_HOME/bin/spark-submit" --conf "spark.driver.bindAddress=${SPARK_DRIVER_BIND_ADDRESS:-}" \
        --deploy-mode client "$@"
    ;;
executor)
    options=()
    while IFS='=' read -r name value; do
        [[ $name == SPARK_JAVA_OPT_* ]] && options+=("$value")
    done < <(env | LC_ALL=C sort -t_ -k4 -n)
    exec java "${options[@]}" "-Xms$SPARK_EXECUTOR_MEMORY" "-Xmx$SPARK_EXECUTOR_MEMORY" -cp "$SPARK_HOME/jars/*" \
        org.apache.spark.scheduler.cluster.k8s.KubernetesExecutorBackend \
        --driver-url "$SPARK_DRIVER_URL" --executor-id "$SPARK_EXECUTOR_ID" --cores "$SPARK_EXECUTOR_CORES" \
        --app-id "$SPARK_APPLICATION_ID" --hostname "$SPARK_EXECUTOR_POD_IP" \
        --resourceProfileId "$SPARK_RESOURCE_PROFILE_ID" --podName "$SPARK_EXECUTOR_POD_NAME"
    ;;
master)
    echo 8080 >"$state"
    exec "$SPARK_HOME/bin/spark-class" org.apache.spark.deploy.master.Master --host "$(hostname)" --port 7077 --webui-port 8080
    ;;
worker)
    port=${SPARK_WORKER_WEBUI_PORT:-8081}
    echo "$port" >"$state"
    exec "$SPARK_HOME/bin/spark-class" org.apache.spark.deploy.worker.Worker --webui-port "$port" \
        --work-dir /tmp/spark-worker "$2"
    ;;
stages)
    address=$2; shift 2
    names=()
    while [[ ${1:-} == [a-z]* ]]; do names+=("$1"); shift; done
    for name in "${names[@]}"; do
        "$SPARK_HOME/bin/spark-submit" --master "$address" --properties-file conf/spark-defaults.conf \
            --conf "spark.executor.memory=${SPARK_EXECUTOR_MEMORY:-1g}" --conf spark.executor.cores=1 \
            --conf "spark.driver.memory=${SPARK_DRIVER_MEMORY:-1g}" --conf spark.sql.shuffle.partitions=8 \
            "jobs/$name.py" "$@"
    done
    ;;
health)
    [ -f "$state" ] || exit 0
    exec python -c 'import sys, urllib.request as u; u.urlopen(f"http://{sys.argv[1]}:{sys.argv[2]}/json/", timeout=5)' \
        "${SPARK_LOCAL_IP:-127.0.0.1}" "$(cat "$state")"
    ;;
*)
    exec patent-spark "$@"
    ;;
esac
