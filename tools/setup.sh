#!/usr/bin/env bash
# Sets up what is missing on this machine.
#
#   setup.sh NEED...      go node cc postgres chromium
#
# On Debian, as root, missing programs are installed from its packages without
# a question. Elsewhere it says what is lacking and exits 1. When nothing is
# missing it prints nothing and asks nobody.
set -euo pipefail

missing() { # what it is, and the Debian packages that bring it ("" if none does)
  case $1 in
    go) command -v go >/dev/null || echo "Go 1.26.4 or later|" ;;
    node) node_ok || echo "Node.js 20.19 or later with npm|" ;;
    cc) cc_ok || echo "a C compiler with headers (for go test -race)|gcc libc6-dev" ;;
    postgres) postgres_ok || echo "the PostgreSQL server programs (initdb, pg_ctl)|postgresql" ;;
    chromium) chromium_ok || echo "Chromium|chromium fonts-dejavu-core" ;;
    *) echo "setup.sh: unknown need $1" >&2; exit 2 ;;
  esac
}

node_ok() {
  command -v npm >/dev/null && command -v node >/dev/null &&
    node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)'
}

cc_ok() {
  command -v "${CC:-gcc}" >/dev/null && echo '#include <stdlib.h>' | "${CC:-gcc}" -E - >/dev/null 2>&1
}

postgres_ok() {
  command -v initdb >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null
}

chromium_ok() {
  [[ -x ${ASSENT_CHROMIUM:-/usr/bin/chromium} ]]
}

debian_root() {
  [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null
}

install() {
  export DEBIAN_FRONTEND=noninteractive
  local log; log=$(mktemp)
  # The tests start clusters of their own: a system-wide one would only idle.
  if [[ " $* " == *" postgresql "* && ! -d /etc/postgresql-common ]]; then
    mkdir -p /etc/postgresql-common/createcluster.d
    echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.d/assent.conf
  fi
  # The package index of an image is often older than the mirror. A source of
  # somebody else's that does not answer must not stop us: install decides.
  apt-get -qq update >"$log" 2>&1 </dev/null || true
  if ! apt-get -qq install --yes --no-install-recommends "$@" >>"$log" 2>&1 </dev/null; then
    cat "$log" >&2
    rm -f "$log"
    echo "setup: apt-get could not install: $*" >&2
    exit 1
  fi
  rm -f "$log"
}

names=() packages=() by_hand=()
for need in "$@"; do
  found=$(missing "$need")
  [[ -z $found ]] && continue
  names+=("${found%%|*}")
  read -ra pkgs <<<"${found#*|}"
  if [[ ${#pkgs[@]} == 0 ]] || ! debian_root; then
    by_hand+=("${found%%|*}${pkgs[*]:+ (Debian: ${pkgs[*]})}")
  else
    packages+=("${pkgs[@]}")
  fi
done

if [[ ${#by_hand[@]} -gt 0 ]]; then
  echo "This machine lacks:" >&2
  printf '  - %s\n' "${by_hand[@]}" >&2
  echo "Install that and run make again (as root on Debian, make installs packages by itself)." >&2
  exit 1
fi
if [[ ${#packages[@]} -gt 0 ]]; then
  echo "== install ${packages[*]}"
  install "${packages[@]}"
  for need in "$@"; do
    if [[ -n $(missing "$need") ]]; then
      echo "setup: $need is still missing after installing ${packages[*]}" >&2
      exit 1
    fi
  done
fi
