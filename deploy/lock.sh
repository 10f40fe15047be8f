#!/usr/bin/env bash
# Chooses versions within setup.py's ranges and writes them, with hashes, to requirements.lock. requirements-gpu.lock has
# the same versions, but TensorFlow's build for NVIDIA GPUs and what that needs. Pins that still fit are kept.
set -euo pipefail
cd "$(dirname "$0")/.."
uv=$(bash deploy/uv.sh)
choose() { # choose LOCK-FILE OPTION...
    "$uv" pip compile setup.py --extra spark --extra serve --extra refresh --extra lineage --extra tracking --extra objects \
        --extra notebooks --extra build --extra dev --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -o "$@"
}
choose requirements.lock --extra train "$@"
choose requirements-gpu.lock --extra train-gpu --constraint requirements.lock "$@"
"$uv" pip compile deploy/docs/requirements.txt --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
    -o deploy/docs/requirements.lock "$@"
