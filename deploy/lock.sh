#!/usr/bin/env bash
# Chooses versions from setup.py's ranges and writes them, with hashes, to requirements.lock.
set -euo pipefail
cd "$(dirname "$0")/.."
uv=${XDG_CACHE_HOME:-$HOME/.cache}/patent_spark/uv/bin/uv
"$uv" pip compile setup.py --extra spark --extra train --extra serve --extra build --extra dev \
    --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -o requirements.lock "$@"
