#!/usr/bin/env bash
# Scenario 003: an application adds a passkey for a new person and signs them in
# with it, on its own pages. It starts with an empty database and shows every
# request and answer:
#
#   - Authenticator configs for automatic and manual invocation, and an
#     application for each.
#   - An identity, a binding job for it that returns its link, and the passkey,
#     bound on the application's page. The link binds once.
#   - Sign-in by automatic invocation; the code is exchanged with
#     client_secret_basic.
#   - Sign-in by manual invocation; the code is exchanged with
#     client_secret_post. A code is good once.
#
# Each answer is compared with what it must be, and the first that differs ends
# the script with a failure. docs/embedded.md explains the steps, and
# web/e2e/tests/seed.spec.ts runs them twice in a row.
#
#   make build && examples/seed-003.sh
#
# Needs curl, Node.js and Chromium (CHROMIUM=/path to it). Leaves nothing behind.
set -euo pipefail
unset FORCE_COLOR # what programs print is read
# What somebody has exported for another server does not concern this one.
for name in "${!ASSENT_@}"; do [[ $name == ASSENT_BIN ]] || unset "$name"; done

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
assent=${ASSENT_BIN:-$root/bin/assent}
work=$(mktemp -d)
count=0
server='' browser=''

finish() {
  local status=$?
  [[ -z $browser ]] || kill "$browser" 2>/dev/null || true
  [[ -z $server ]] || { kill "$server" 2>/dev/null && wait "$server" 2>/dev/null; } || true
  if ((status != 0)); then
    echo
    echo "FAILED in step $count." >&2
    [[ ! -s $work/server.log ]] || sed 's/^/server: /' "$work/server.log" >&2
    [[ ! -s $work/browser.log ]] || sed 's/^/browser: /' "$work/browser.log" >&2
  fi
  rm -rf "$work"
}
trap finish EXIT

step() {
  count=$((count + 1))
  printf '\n== %d. %s\n' "$count" "$*"
}

fail() {
  echo "   $*" >&2
  exit 1
}

# Shows text with its secrets cut short.
show() {
  sed -E -e 's/("(client_secret|access_token|id_token|refresh_token|token)": ?"[^"]{4})[^"]*/\1…/g' \
    -e 's/("code": ?"[^"]{4})[A-Za-z0-9_-]{20,}/\1…/g' \
    -e 's/((token|code|request|code_verifier|client_secret)(=|%3D)[A-Za-z0-9_-]{4})[A-Za-z0-9._~-]*/\1…/g' \
    -e "s/^/   $1 /"
}

# curl METHOD URL [arguments]: prints the request and the answer, and keeps the
# answer. Anything but the expected status (2xx, or $expect) ends the script.
call() {
  local method=$1 url=$2 status
  shift 2
  local said=''
  for each; do [[ $each == -* || $each == Authorization:* || $each == Content-Type:* ]] || said+=" $each"; done
  echo "$method $url$said" | sed -E 's/( [a-z0-9_-]+:)[A-Za-z0-9_-]{8,}( |$)/\1…\2/' | show '>'
  status=$(curl --silent --show-error --max-time 30 --output "$work/answer" --write-out '%{http_code}' -X "$method" "$url" "$@")
  answer=$(<"$work/answer")
  echo "$status $answer" | show '<'
  [[ $status == ${expect:-2??} ]] || fail "expected ${expect:-2xx}, got $status"
}

# The management API of the realm.
manage() {
  local method=$1 path=$2
  local content=()
  [[ -z ${3:-} ]] || content=(-H 'Content-Type: application/json' -d "$3")
  call "$method" "$issuer/v1/tenants/$tenant/realms/$realm$path" -H "Authorization: Bearer $token" "${content[@]}"
}

# pick EXPRESSION: a value out of the last answer, such as .identity.id
pick() {
  node -e '
    const value = new Function("it", `return it${process.argv[1]}`)(JSON.parse(require("node:fs").readFileSync(0, "utf8")));
    if (value === undefined || value === "") { console.error(`no ${process.argv[1]} in the answer`); process.exit(1); }
    console.log(value);' "$1" <<<"$answer"
}

# browse JSON: lets the browser do something and prints what came of it.
browse() {
  echo "$1" | show '> browser'
  echo "$1" >&"${BROWSER[1]}"
  IFS= read -r -t 60 answer <&"${BROWSER[0]}" || fail "the browser did not answer"
  echo "$answer" | show '< browser'
  [[ $answer != '{"error"'* ]] || fail "the browser could not do that"
}

same() { [[ $1 == "$2" ]] || fail "expected $2, got $1"; }
free_port() { node -e 'const s = require("node:net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })'; }
random() { node -p 'require("node:crypto").randomBytes(32).toString("base64url")'; }
hash() { node -p 'require("node:crypto").createHash("sha256").update(process.argv[1]).digest("base64url")' "$1"; }
encode() { node -p 'encodeURIComponent(process.argv[1])' "$1"; }
claim() { node -p 'JSON.parse(Buffer.from(process.argv[1].split(".")[1], "base64url"))[process.argv[2]]' "$1" "$2"; }

for need in curl node "$assent"; do
  command -v "$need" >/dev/null || fail "$need is not there; the program comes from make build"
done

step "Start the server with an empty database"
"$assent" dev --json --listen "127.0.0.1:$(free_port)" --data "$work/data" >"$work/server.out" 2>"$work/server.log" &
server=$!
for _ in {1..200}; do
  grep -q '"ready"' "$work/server.out" 2>/dev/null && break
  kill -0 "$server" 2>/dev/null || fail "the server ended"
  sleep 0.05
done
answer=$(grep '"ready"' "$work/server.out") || fail "the server is not ready"
issuer=$(pick .base_url)
origin=http://localhost:$(free_port)
echo "   issuer $issuer, the application's site $origin"

step "Register an application for the management API"
answer=$(cd "$work" && "$assent" management create --name "Replay" --json --database data/assent.db --key-file data/dev.key)
echo "$answer" | tr -d '\n' | sed 's/$/\n/' | show '<'
manager=$(pick .client_id) manager_secret=$(pick .client_secret) tenant=$(pick .tenant_id) realm=$(pick .realm_id)

step "Get a token for it (client credentials)"
call POST "$issuer/oauth/token" -u "$manager:$manager_secret" -d grant_type=client_credentials
token=$(pick .access_token)

# config INVOCATION: how people authenticate.
config() {
  manage POST /authenticator-configs "{\"authenticator_config\":{\"name\":\"Shop, $1\",\"type\":\"embedded\",\"invocation_type\":\"$1\",\"invoke_url\":\"$origin\",\"trusted_origins\":[\"$origin\"]}}"
  pick .authenticator_config.id >"$work/picked"
}
# application CONFIG METHOD: an application whose people do.
application() {
  manage POST /applications "{\"application\":{\"display_name\":\"Shop\",\"kind\":\"web\",\"first_party\":true,\"token_endpoint_auth_method\":\"$2\",\"grant_types\":[\"authorization_code\"],\"scopes\":[\"openid\",\"profile\"],\"redirect_uris\":[\"$origin/callback\"],\"authenticator_config_id\":\"$1\"}}"
}

step "Create an authenticator config for automatic invocation, and an application that sends its secret in a header"
config automatic
automatic_config=$(<"$work/picked")
application "$automatic_config" client_secret_basic
automatic_id=$(pick .application.client_id) automatic_secret=$(pick .client_secret)

step "The same for manual invocation, with the secret in the form"
config manual
manual_config=$(<"$work/picked")
application "$manual_config" client_secret_post
manual_id=$(pick .application.client_id) manual_secret=$(pick .client_secret)

step "Create an identity"
manage POST /identities '{"identity":{"display_name":"Test Person","traits":{"type":"traits_v0","username":"test.person","primary_email_address":"test.person@example.com"}}}'
identity=$(pick .identity.id)

step "Create a binding job and get its link"
manage POST "/identities/$identity/credential-binding-jobs" "{\"job\":{\"delivery_method\":\"RETURN\",\"authenticator_config_id\":\"$manual_config\"}}"
same "$(pick .credential_binding_job.state)" LINK_SENT
job=$(pick .credential_binding_job.id) link=$(pick .credential_binding_link)

step "Bind a passkey in the browser"
coproc BROWSER { exec node "$root/examples/seed-003.browser.mjs" "$issuer" "$origin" 2>"$work/browser.log"; }
browser=$BROWSER_PID
browse "{\"do\":\"bind\",\"url\":\"$link\"}"
passkey=$(pick .passkey.id)
same "$(pick .passkey.identity.id)" "$identity"
manage GET "/identities/$identity/credential-binding-jobs/$job"
same "$(pick .credential_binding_job.state)" COMPLETE

step "The link binds once"
expect=410 call POST "$issuer/embedded/bind" -H "Origin: $origin" -H 'Content-Type: application/json' -d "{\"token\":\"${link#*token=}\"}"
same "$(pick .code)" link_used

# sign_in WAY CLIENT: lets the browser authenticate; leaves code and verifier.
sign_in() {
  local state
  verifier=$(random) state=$(random)
  browse "{\"do\":\"$1\",\"url\":\"$issuer/oauth/authorize?response_type=code&client_id=$(encode "$2")&redirect_uri=$(encode "$origin/callback")&scope=openid%20profile&state=$state&code_challenge=$(hash "$verifier")&code_challenge_method=S256\"}"
  same "$(pick .state)" "$state"
  code=$(pick .code)
}
# tokens: what the exchange must have answered.
tokens() {
  same "$(claim "$(pick .id_token)" iss)" "$issuer"
  same "$(claim "$(pick .id_token)" aud)" "$1"
  call GET "$issuer/userinfo" -H "Authorization: Bearer $(pick .access_token)"
  same "$(pick .name)" "Test Person"
}
grant() { echo "grant_type=authorization_code&redirect_uri=$(encode "$origin/callback")&code=$code&code_verifier=$verifier"; }

step "Authenticate, automatic: the browser is redirected to the application's page"
sign_in automatic "$automatic_id"

step "Exchange the code with client_secret_basic"
call POST "$issuer/oauth/token" -u "$automatic_id:$automatic_secret" -d "$(grant)"
tokens "$automatic_id"

step "Authenticate, manual: the application's page gets JSON and asks for the passkey itself"
sign_in manual "$manual_id"

step "Exchange the code with client_secret_post"
call POST "$issuer/oauth/token" -d "$(grant)" -d "client_id=$manual_id" -d "client_secret=$manual_secret"
tokens "$manual_id"

step "A code is good once"
expect=400 call POST "$issuer/oauth/token" -d "$(grant)" -d "client_id=$manual_id" -d "client_secret=$manual_secret"
same "$(pick .error)" invalid_grant

cat <<END

DONE: all $count steps.
  identity   $identity
  passkey    $passkey, bound by $job
  automatic  code exchanged with client_secret_basic by $automatic_id
  manual     code exchanged with client_secret_post by $manual_id
END
