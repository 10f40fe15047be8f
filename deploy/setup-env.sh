#!/usr/bin/env bash
# Builds the environment of patent_spark in .venv: interpreter, locked packages, Horovod, this package.
# Does nothing if .venv is already up to date. Every `make` target that needs the environment calls it.
#   GPU=1                        for NVIDIA GPUs, from requirements-gpu.lock; GPU=0: for processors
#   HOROVOD_GPU_OPERATIONS=NCCL  ranks exchange gradients through NCCL; none: through main memory
#   HOROVOD_CUDA_HOME=folder     the CUDA toolkit to compile Horovod with NCCL
#   HOROVOD_WITH_MPI=1           compile Horovod with MPI, so that mpirun can start ranks; 0: without
#   EXTRAS="spark serve"         only what these extras of setup.py need, and this package as a copy: for images
# What is not set stays as .venv was built. A new environment is for processors and without MPI; one for GPUs has NCCL
# if there is a toolkit.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=${VENV:-.venv}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/patent_spark
stamp=$venv/.built-from

say() { printf '\033[1m[setup]\033[0m %s\n' "$*"; }
die() { printf 'setup: %s\n' "$*" >&2; exit 1; }

cuda_12() { # prints the folder of a CUDA 12 toolkit; the locked packages bring no nvcc
    local folder folders=("${HOROVOD_CUDA_HOME:-${CUDA_HOME:-/usr/local/cuda}}")
    local on_path; on_path=$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)
    [ -n "${HOROVOD_CUDA_HOME:-}" ] || folders+=("$(dirname "$(dirname "$on_path")")" /usr/local/cuda-12*)
    for folder in "${folders[@]}"; do
        [[ $("$folder/bin/nvcc" --version 2>/dev/null) == *"release 12."* ]] && echo "$folder" && return
    done
    return 1
}

# The stamp holds a digest of the inputs (or `unfinished`), then the variant: cpu, or gpu with NCCL, none or lacking (no
# toolkit was there); and MPI.
built=" $(cat "$stamp" 2>/dev/null || true) "
built_with() { [[ $built == *" $1 "* ]]; }
gpu=${GPU:-$(built_with gpu && echo 1 || echo 0)}
mpi=${HOROVOD_WITH_MPI:-$(built_with MPI && echo 1 || echo 0)}
[[ "$gpu $mpi ${HOROVOD_GPU_OPERATIONS:-none}" =~ ^([01]\ [01]\ none|1\ [01]\ NCCL)$ ]] \
    || die "GPU and HOROVOD_WITH_MPI must be 0 or 1, HOROVOD_GPU_OPERATIONS none or, with GPU=1, NCCL"
lock=requirements.lock how=cpu exchange=none
if [ "$gpu" = 1 ]; then
    if [ -n "${HOROVOD_GPU_OPERATIONS:-}" ]; then exchange=$HOROVOD_GPU_OPERATIONS
    elif built_with none; then exchange=none
    elif built_with NCCL || cuda_12 >/dev/null; then exchange=NCCL
    else exchange=lacking; fi
    lock=requirements-gpu.lock how="gpu $exchange"
fi
[ "$mpi" = 0 ] || how+=" MPI"
extras=${EXTRAS:-}
trains=$([ -z "$extras" ] || [[ " $extras " == *" train"* ]] && echo 1 || echo 0)
wanted="$(cat "$lock" requirements-horovod.txt requirements-uv.txt setup.py deploy/setup-env.sh | sha256sum | cut -d' ' -f1) $how${extras:+ $extras}"

# A missing system program is installed if we may (root on Debian), and named otherwise.
need() { # need PROGRAM DEBIAN-PACKAGE PURPOSE: returns 1 if it is still missing
    command -v "$1" >/dev/null && return
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        say "installing $2 ($3)"
        { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y "$2"; } >/dev/null && return
    fi
    printf 'setup: %s is missing (%s); install it (Debian: apt-get install %s)\n' "$1" "$3" "$2" >&2
    return 1
}
[ "$trains" = 0 ] || need g++ g++ "it compiles Horovod" || exit 1
[ "$trains" = 0 ] || need make make "it compiles Horovod" || exit 1
[ "$mpi" = 0 ] || need mpicxx libopenmpi-dev "it compiles Horovod with MPI" || exit 1
need "${PYTHON:-python3.11}" python3.11 "all locked packages are for this version" || exit 1
[ -n "$extras" ] || need java openjdk-17-jre-headless "local Spark runs on it; the embedded engine, and so the demo, goes without" || true

"${PYTHON:-python3.11}" -c 'import ensurepip' 2>/dev/null \
    || need python3.11-venv python3.11-venv "it makes the environment" || exit 1

[ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && exit 0
python=$(command -v "${PYTHON:-python3.11}")
"$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' \
    || die "$python is not Python 3.11, which the locked packages need; set PYTHON to one"

uv=$(PYTHON=$python bash deploy/uv.sh)

[ "$exchange" != lacking ] || printf 'setup: %s\n' "there is no CUDA 12 toolkit (nvcc), so Horovod is compiled without NCCL: \
several GPUs exchange gradients through main memory, which is slower; a single GPU needs no NCCL. \
Install a toolkit or set HOROVOD_CUDA_HOME to its folder, then run \`make setup\` again" >&2
# Horovod ships no wheel. It is compiled against the locked TensorFlow, once a machine, and kept outside the checkout
# under a name that depends on whatever it was compiled against. pip's own cache cannot tell these variants apart.
tensorflow=$(grep -E "^tensorflow(-cpu)?==" "$lock" | cut -d" " -f1)
nccl_pin=$(grep "^nvidia-nccl" "$lock" | cut -d" " -f1 || true)
parts=$([ "$exchange" != NCCL ] && [ "$mpi" = 0 ] && echo cpu || echo "$how" "$nccl_pin")
against=$(cat requirements-horovod.txt; echo "$tensorflow" "$("$python" -VV)" "$(uname -m)" "$parts")
wheels=$cache/horovod/$(echo "$against" | sha256sum | cut -c1-16)
compiled() { ls "$wheels"/horovod-*.whl >/dev/null 2>&1; }
cuda=
if [ "$exchange" = NCCL ] && ! compiled; then
    cuda=$(cuda_12) || die "Horovod with NCCL needs nvcc of a CUDA 12 toolkit, and none was found: install one, set \
HOROVOD_CUDA_HOME to its folder, or go without NCCL (HOROVOD_GPU_OPERATIONS=none)"
fi

say "installing the locked packages into $venv ($how)"
[ -x "$venv/bin/python" ] || "$uv" venv -q --python "$python" "$venv"
echo "unfinished $how" >"$stamp" # if this is interrupted, the next call starts again with the same variant
# Bytecode is compiled once, here. In a read-only environment each command would compile it again (1 s or more).
locked=$lock
if [ -n "$extras" ]; then
    locked=$venv/locked.txt
    read -ra names <<<"$extras"
    "$python" deploy/lock_subset.py "$lock" "${names[@]}" >"$locked"
fi
"$uv" pip sync -q --compile-bytecode --python "$venv/bin/python" --require-hashes "$locked"

if [ "$trains" = 1 ] && ! compiled; then
    say "compiling Horovod against $tensorflow (2 to 5 minutes, once)"
    mkdir -p "$wheels.part"
    log=$wheels.part/build.log
    with=(HOROVOD_WITH_TENSORFLOW=1 HOROVOD_WITHOUT_PYTORCH=1 HOROVOD_WITHOUT_MXNET=1 HOROVOD_WITH_GLOO=1)
    with+=("HOROVOD_WITH_MPI=$mpi" "HOROVOD_WITHOUT_MPI=$((1 - mpi))" HOROVOD_GPU_OPERATIONS=)
    if [ "$exchange" = NCCL ]; then
        nccl=$("$venv/bin/python" -c 'import nvidia.nccl; print(*nvidia.nccl.__path__)')
        mkdir -p "$wheels.part/nccl"
        ln -sf "$nccl/lib/libnccl.so.2" "$wheels.part/nccl/libnccl.so" # the name that a linker looks for
        with+=(HOROVOD_GPU_OPERATIONS=NCCL "HOROVOD_CUDA_HOME=$cuda" HOROVOD_NCCL_LINK=SHARED
            "HOROVOD_NCCL_INCLUDE=$nccl/include" "HOROVOD_NCCL_LIB=$wheels.part/nccl"
            'LDFLAGS=-Wl,-rpath,$ORIGIN/../../nvidia/nccl/lib') # from horovod/tensorflow to NCCL's package
    fi
    env "${with[@]}" PATH="$PWD/$venv/bin:$PATH" MAKEFLAGS="-j$(nproc)" "$cache/uv/bin/pip" --python "$venv/bin/python" \
        wheel --no-cache-dir --no-deps --no-build-isolation --no-binary horovod \
        --require-hashes -r requirements-horovod.txt -w "$wheels.part" >"$log" 2>&1 \
        || { tail -20 "$log" >&2; die "Horovod did not compile ($parts); the whole log is $log"; }
    mv "$wheels.part" "$wheels"
fi
[ "$trains" = 0 ] || "$uv" pip install -q --python "$venv/bin/python" --no-deps "$wheels"/horovod-*.whl
package=(.)
[ -n "$extras" ] || package=(--editable .)
"$uv" pip install -q --python "$venv/bin/python" --no-deps --no-build-isolation --compile-bytecode "${package[@]}"

echo "$wanted" >"$stamp"
say "done: $venv"
