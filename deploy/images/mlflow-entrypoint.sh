#!/usr/bin/env bash
# Makes the bucket if it is missing, then serves. MLFLOW_ALLOWED_HOSTS: the Host headers that clients send; any other one
# gets status 403.
set -euo pipefail
if [ "${1:-}" = health ]; then
    exec python -c 'import os, urllib.request as u; u.urlopen(u.Request(
        "http://127.0.0.1:5000/api/2.0/mlflow/experiments/search?max_results=1",
        headers={"Host": os.environ["MLFLOW_ALLOWED_HOSTS"].split(",")[0].replace("*", "5000")}), timeout=8)'
fi
python - "$MLFLOW_BUCKET" <<'END'
import sys, time
import boto3
store = boto3.client("s3", endpoint_url=__import__("os").environ.get("MLFLOW_S3_ENDPOINT_URL"))
for attempt in range(60):
    try:
        if sys.argv[1] not in [each["Name"] for each in store.list_buckets()["Buckets"]]:
            store.create_bucket(Bucket=sys.argv[1])
        break
    except Exception as error:
        if attempt == 59:
            sys.exit(f"mlflow: the store of {sys.argv[1]} does not answer: {error}")
        time.sleep(2)
END
exec mlflow server --host "${MLFLOW_HOST:-0.0.0.0}" --port 5000 --workers 1 \
    --backend-store-uri "$MLFLOW_BACKEND_STORE_URI" --artifacts-destination "s3://$MLFLOW_BUCKET/mlflow" \
    --allowed-hosts "$MLFLOW_ALLOWED_HOSTS"
