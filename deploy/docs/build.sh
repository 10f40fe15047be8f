#!/usr/bin/env bash
# Builds the documentation as a site in build/docs, strictly: a dead link or anchor, a page outside the navigation and
# anything that a page would load from another host are errors. Its environment is build/docs-env.
set -euo pipefail
cd "$(dirname "$0")/../.."

environment=build/docs-env
lock=deploy/docs/requirements.lock
if ! cmp -s "$lock" "$environment/requirements.lock"; then
    uv=$(bash deploy/uv.sh)
    "$uv" venv -q --clear --python "${PYTHON:-python3.11}" "$environment"
    "$uv" pip sync -q --python "$environment/bin/python" --require-hashes "$lock"
    cp "$lock" "$environment/"
fi
# --quiet would make it forget to be strict
said=$(NO_MKDOCS_2_WARNING=1 "$environment/bin/mkdocs" build --strict 2>&1) || { printf "%s\n" "$said" >&2; exit 1; }
echo "build/docs/index.html; with search: python3 -m http.server --bind 127.0.0.1 --directory build/docs"
