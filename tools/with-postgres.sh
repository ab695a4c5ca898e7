#!/usr/bin/env bash
# Runs a command with a PostgreSQL cluster of its own.
#
#   with-postgres.sh COMMAND...
#
# The cluster lives in a folder under $TMPDIR, listens on a Unix socket in
# that folder and nowhere else, and is gone when the command ends, however it
# ends. COMMAND finds its URL in ASSENT_TEST_POSTGRES. The folder has the same
# name each time, so that Go's test cache sees an unchanged environment; it is
# taken by lock, and what a killed run left behind is cleared first.
set -euo pipefail

[[ $# -gt 0 ]] || { echo "usage: with-postgres.sh COMMAND..." >&2; exit 2; }

here=$(cd "$(dirname "$0")/.." && pwd -P)
tag=$(printf '%s' "$here" | cksum | cut -d' ' -f1)
# A socket's path holds 107 bytes at most, and user postgres must reach it:
# both rule out a folder inside the checkout.
dir=${TMPDIR:-/tmp}/assent-postgres-$(id -u)-$tag
lock=$here/.cache/postgres.lock
bin=$(dirname "$(command -v initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb' | sort -V | tail -1)")

# PostgreSQL refuses to run as root.
as=()
owner=$(id -un)
if [[ $(id -u) == 0 ]]; then
  owner=postgres
  as=(setpriv --reuid=postgres --regid=postgres --init-groups --)
fi

stop() {
  if [[ -f $dir/data/postmaster.pid ]]; then
    "${as[@]}" "$bin/pg_ctl" -D "$dir/data" -m immediate -w stop >/dev/null 2>&1 || true
  fi
  rm -rf "$dir"
}

# The folder is under /tmp, where anyone may have put one of that name first.
own() {
  if [[ -e $dir && $(stat -c %U "$dir") != "$owner" ]]; then
    echo "with-postgres: $dir belongs to somebody else; remove it first" >&2
    exit 1
  fi
}

start() {
  install -d -m 0700 -o "$owner" "$dir"
  "${as[@]}" env LC_ALL=C.UTF-8 "$bin/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --no-sync >"$dir/initdb.log" 2>&1
  cat >>"$dir/data/postgresql.conf" <<CONF
listen_addresses = ''
unix_socket_directories = '$dir'
max_connections = 400
shared_buffers = 128MB
# The write-ahead log stays durable: the tests rely on what commit promises.
fsync = on
synchronous_commit = on
max_wal_size = 2GB
log_min_messages = fatal
CONF
  "${as[@]}" "$bin/pg_ctl" -D "$dir/data" -l "$dir/server.log" -w -t 60 start >/dev/null
}

mkdir -p "$(dirname "$lock")"
exec 9>"$lock"
flock -n 9 || { echo "with-postgres: waiting for another run in this checkout" >&2; flock 9; }

own
stop
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
cd "$here"
if ! (cd / && start) 9>&-; then
  cat "$dir"/*.log >&2 || true
  echo "with-postgres: the cluster did not start" >&2
  exit 1
fi

# The command does not hold the lock: a server it leaves behind must not.
ASSENT_TEST_POSTGRES="postgres://postgres@/postgres?host=$dir" "$@" 9>&-
