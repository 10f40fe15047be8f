#!/bin/bash
set -euo pipefail
data=/var/lib/postgresql/data/cluster
if [ ! -f "$data/PG_VERSION" ]; then
    initdb -D "$data" -A scram-sha-256 -U "$POSTGRES_USER" --pwfile <(printf '%s' "$POSTGRES_PASSWORD") --no-sync
    echo "host all all all scram-sha-256" >>"$data/pg_hba.conf"
    pg_ctl -D "$data" -w -o "-c listen_addresses= -c unix_socket_directories=/tmp" start
    PGPASSWORD=$POSTGRES_PASSWORD createdb -h /tmp -U "$POSTGRES_USER" "$POSTGRES_DB" || true
    pg_ctl -D "$data" -w stop
fi
exec postgres -D "$data" -c listen_addresses='*' -c unix_socket_directories=/tmp
