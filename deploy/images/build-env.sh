#!/usr/bin/env bash
# In the build of an image: the environment with the extras of EXTRAS. The secret `ca`, if there is one, holds the
# certificates of a proxy between this build and the package index.
set -euo pipefail
if [ -s /run/secrets/ca ]; then
    export SSL_CERT_FILE=/run/secrets/ca PIP_CERT=/run/secrets/ca
fi
export XDG_CACHE_HOME=/tmp/cache UV_NO_CACHE=1 UV_LINK_MODE=copy
bash deploy/setup-env.sh
find .venv -name tests -type d -path '*site-packages*' -prune -exec rm -rf {} +
