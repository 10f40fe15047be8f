#!/usr/bin/env bash
# Prints the path of the locked uv. Installs it first if it is not there; it is kept outside the checkout.
set -euo pipefail
cd "$(dirname "$0")/.."

cache=${XDG_CACHE_HOME:-$HOME/.cache}/patent_spark
uv_pin=$(head -1 requirements-uv.txt | cut -d' ' -f1)
if [ ! -x "$cache/uv/bin/uv" ] || ! "$cache/uv/bin/pip" freeze 2>/dev/null | grep -qxF "$uv_pin"; then
    printf '\033[1m[setup]\033[0m %s\n' "installing uv" >&2
    "${PYTHON:-python3.11}" -m venv --clear "$cache/uv"
    "$cache/uv/bin/pip" install -q --require-hashes --no-deps -r requirements-uv.txt
fi
echo "$cache/uv/bin/uv"
