#!/usr/bin/env bash
# Builds the environment of patent_spark in .venv: interpreter, locked packages, Horovod, this package.
# Does nothing when .venv already matches the lock file. Called by every `make` target that needs it.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=${VENV:-.venv}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/patent_spark
inputs=(requirements.lock requirements-horovod.txt requirements-uv.txt setup.py deploy/setup-env.sh)
stamp=$venv/.built-from
wanted=$(cat "${inputs[@]}" | sha256sum | cut -d' ' -f1)

say() { printf '\033[1m[setup]\033[0m %s\n' "$*"; }
die() { printf 'setup: %s\n' "$*" >&2; exit 1; }

# A missing system program is installed where we may (root on Debian), and named otherwise.
need() { # need PROGRAM DEBIAN-PACKAGE PURPOSE: 1 if it is missing still
    command -v "$1" >/dev/null && return
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        say "installing $2 ($3)"
        { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y "$2"; } >/dev/null && return
    fi
    printf 'setup: %s is missing (%s); install it (Debian: apt-get install %s)\n' "$1" "$3" "$2" >&2
    return 1
}
need g++ g++ "it compiles Horovod" || exit 1
need make make "it compiles Horovod" || exit 1
need "${PYTHON:-python3.11}" python3.11 "all locked packages are for this version" || exit 1
need java openjdk-17-jre-headless "local Spark runs on it; the embedded engine, and so the demo, goes without" || true

"${PYTHON:-python3.11}" -c 'import ensurepip' 2>/dev/null || { need python3.11-venv python3.11-venv "it makes the environment" || exit 1; }

[ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && exit 0
python=$(command -v "${PYTHON:-python3.11}")
"$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || die "$python is not Python 3.11, which the locked packages need; set PYTHON to one"

if [ ! -x "$cache/uv/bin/uv" ] || ! "$cache/uv/bin/pip" freeze 2>/dev/null | grep -qxF "$(head -1 requirements-uv.txt | cut -d' ' -f1)"; then
    say "installing uv"
    "$python" -m venv --clear "$cache/uv"
    "$cache/uv/bin/pip" install -q --require-hashes --no-deps -r requirements-uv.txt
fi
uv=$cache/uv/bin/uv

say "installing the locked packages into $venv"
[ -x "$venv/bin/python" ] || "$uv" venv -q --python "$python" "$venv"
# Compiled here, once: where nobody may write beside the packages, each command would compile them anew (1 s and more).
"$uv" pip sync -q --compile-bytecode --python "$venv/bin/python" --require-hashes requirements.lock

# Horovod ships no wheel. It is compiled against the TensorFlow just installed and kept outside the checkout,
# under a name that changes with whatever it was compiled against, so that it is compiled once a machine.
tensorflow=$(grep -E "^tensorflow(-cpu)?==" requirements.lock | cut -d" " -f1)
wheels=$cache/horovod/$({ cat requirements-horovod.txt; echo "$tensorflow" "$("$python" -VV)" "$(uname -m)" "${HOROVOD_GPU_OPERATIONS:-cpu}"; } | sha256sum | cut -c1-16)
if ! ls "$wheels"/horovod-*.whl >/dev/null 2>&1; then
    say "compiling Horovod against $tensorflow (2 to 5 minutes, once)"
    mkdir -p "$wheels.part"
    log=$wheels.part/build.log
    PATH="$PWD/$venv/bin:$PATH" MAKEFLAGS="-j$(nproc)" \
    HOROVOD_WITH_TENSORFLOW=1 HOROVOD_WITHOUT_PYTORCH=1 HOROVOD_WITHOUT_MXNET=1 HOROVOD_WITHOUT_MPI=1 HOROVOD_WITH_GLOO=1 \
        "$cache/uv/bin/pip" --python "$venv/bin/python" wheel --no-deps --no-build-isolation --no-binary horovod \
        --require-hashes -r requirements-horovod.txt -w "$wheels.part" >"$log" 2>&1 \
        || { tail -20 "$log" >&2; die "Horovod did not compile; the whole log is $log"; }
    mv "$wheels.part" "$wheels"
fi
"$uv" pip install -q --python "$venv/bin/python" --no-deps "$wheels"/horovod-*.whl
"$uv" pip install -q --python "$venv/bin/python" --no-deps --no-build-isolation -e .

echo "$wanted" >"$stamp"
say "done: $venv"
