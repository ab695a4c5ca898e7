#!/usr/bin/env bash
# Scenario 004: a service client gets tokens with a key that never leaves it, and
# asks an API with them whether people are old enough. It starts with an empty
# database and shows every request and answer:
#
#   - An API is registered with its scopes, and a client for it with a new key.
#   - Key, assertion, token: signed once with openssl alone, and then with assent.
#   - A verification that passes, some that fail, and what was recorded.
#   - What is refused: an assertion twice, another's key, a scope that is not the
#     client's, a token that does not reach.
#   - Every token of the client is revoked: the API refuses the old one, also after
#     a restart of both, and takes a new one.
#   - The key is rotated: the one before works for 24 hours and not longer, tried
#     with a server whose clock runs ahead.
#
# Each answer is compared with what it must be, and the first that differs ends
# the script with a failure. examples/ageverify/README.md is about the API and its
# passes, and examples/ageverify/seed_test.go runs this.
#
#   examples/seed-004.sh
#
# Needs curl, openssl and Node.js, and Go to build both programs (or ASSENT_BIN and
# AGEVERIFY_BIN). Leaves nothing behind.
set -euo pipefail
unset FORCE_COLOR # what programs print is read
# What somebody has exported for another server does not concern this one.
for name in "${!ASSENT_@}" PRIVATE_KEY; do [[ $name == ASSENT_BIN ]] || unset "$name"; done

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
work=$(mktemp -d)
count=0
server='' api=''

finish() {
  local status=$?
  end "$api"
  end "$server"
  if ((status != 0)); then
    echo
    echo "FAILED in step $count." >&2
    for log in server api; do [[ ! -s $work/$log.log ]] || sed "s/^/$log: /" "$work/$log.log" >&2; done
  fi
  rm -rf "$work"
}
trap finish EXIT

# end PID: stops a program of ours and waits until it has.
end() { [[ -z $1 ]] || { kill "$1" 2>/dev/null && wait "$1" 2>/dev/null; } || true; }

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
  sed -E -e 's/("(client_secret|access_token|d)": ?"[^"]{4})[^"]*/\1…/g' \
    -e 's/((client_assertion|client_secret)=[A-Za-z0-9_-]{4})[A-Za-z0-9._~-]*/\1…/g' -e "s/^/   $1 /"
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

# pick EXPRESSION: a value out of the last answer, such as .access_token
pick() {
  node -e '
    const value = new Function("it", `return it${process.argv[1]}`)(JSON.parse(require("node:fs").readFileSync(0, "utf8")));
    if (value === undefined || value === "") { console.error(`no ${process.argv[1]} in the answer`); process.exit(1); }
    console.log(value);' "$1" <<<"$answer"
}

# operate COMMAND...: a command of the operator, on the database of the server.
operate() {
  echo "assent $*" | show '>'
  answer=$(cd "$work" && "$assent" "$@" --json --database data/assent.db --key-file data/dev.key) || fail "the command failed"
  answer=$(tr -d '\n' <<<"$answer")
  echo "$answer" | show '<'
}

same() { [[ $1 == "$2" ]] || fail "expected $2, got $1"; }
# Both programs are started again on the ports that they had, so these are none that
# connections of others are given meanwhile.
free_port() {
  node -e 'const look = () => {
    const s = require("node:net").createServer().on("error", look);
    s.listen(20000 + require("node:crypto").randomInt(12000), "127.0.0.1", () => { console.log(s.address().port); s.close(); });
  };
  look();'
}
millis() { echo $((${EPOCHREALTIME/[.,]/} / 1000)); }
base64url() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }

# start NAME COMMAND...: starts a program and waits until it is ready; its line is
# the answer. (The clock of whoever waits does not matter: 60 seconds at most.)
start() {
  local name=$1
  shift
  : >"$work/$name.out"
  "$@" >"$work/$name.out" 2>>"$work/$name.log" &
  started=$!
  for _ in {1..1200}; do
    grep -q '"ready"' "$work/$name.out" && break
    kill -0 "$started" 2>/dev/null || fail "$name ended"
    sleep 0.05
  done
  answer=$(grep '"ready"' "$work/$name.out") || fail "$name is not ready"
}

start_server() {
  start server "$assent" dev --json --listen "127.0.0.1:$port" --data "$work/data" "$@"
  server=$started
}

start_api() {
  start api "$ageverify" serve --listen "127.0.0.1:$api_port" --issuer "$issuer" --resource "$resource" --client-id "$api_id" \
    --client-key "$work/api.key" --keys "$work/pass.keys" --database "$work/age.db" "$@"
  api=$started
}

restart() {
  end "$api"
  end "$server"
  start_server "$@"
  start_api "$@"
}

for need in curl node openssl; do
  command -v "$need" >/dev/null || fail "$need is not there"
done
assent=${ASSENT_BIN:-$work/assent} ageverify=${AGEVERIFY_BIN:-$work/ageverify}
[[ -n ${ASSENT_BIN:-} ]] || (cd "$root" && go build -o "$assent" ./cmd/assent)
[[ -n ${AGEVERIFY_BIN:-} ]] || (cd "$root" && go build -o "$ageverify" ./examples/ageverify)

step "Start the server with an empty database"
port=$(free_port) api_port=$(free_port)
start_server
issuer=$(pick .base_url)
resource=http://127.0.0.1:$api_port/api
echo "   issuer $issuer, the API $resource"

step "Register the service client that acts for the API, and the API with its scopes"
operate client create --name "Age verification API" --out "$work/api.key"
api_id=$(pick .client_id)
operate resource-server create --identifier "$resource" --name "Age verification" --client "$api_id" \
  --scope "devices:read=List and read device details" --scope "devices:write=Create, update, and delete devices" \
  --scope "locations:read=Read location information" --scope "locations:write=Create, update, and delete locations" \
  --scope "employees:read=Read employee records" --scope "employees:write=Create, update, and delete employee records" \
  --scope "transactions:read=Read verification transaction records" --scope "transactions:write=Create verification transactions" \
  --approval-scope "locations:close=Close locations for good"

step "Make a key that issues passes, and start the API"
"$ageverify" keygen --out "$work/pass.key" --public "$work/pass.keys"
show '<' <"$work/pass.keys"
start_api

step "Register a service client: its key is shown once"
operate client create --name "Till software" --description "Checks ages at the tills" --resource "$resource" \
  --scope "devices:read devices:write transactions:read transactions:write"
client=$(pick .client_id) kid=$(pick .key_id) endpoint=$(pick .token_endpoint)
PRIVATE_KEY=$(node -p 'JSON.stringify(JSON.parse(process.argv[1]).private_key)' "$answer")
[[ $client == svc_* && $PRIVATE_KEY == '{'*'"d":'* && $PRIVATE_KEY != *$'\n'* ]] || fail "that is no client with a key on one line"

# assertion KEY [claims]: a client assertion (RFC 7523), by assent.
assertion() {
  local key=$1
  shift
  PRIVATE_KEY=$key "$assent" jwt sign --iss "$client" --sub "$client" --aud "$endpoint" --jti "$(node -p 'crypto.randomUUID()')" --exp $(($(date +%s) + 60)) "$@"
}

# The same with openssl and nothing of ours. Its signatures are in DER, and those of
# JWS are two numbers of 32 bytes (RFC 7518, Section 3.4).
hex() { node -p 'Buffer.from(JSON.parse(process.argv[1])[process.argv[2]], "base64url").toString("hex")' "$PRIVATE_KEY" "$1"; }
bytes() { local h=$1 out='' i; for ((i = 0; i < ${#h}; i += 2)); do out+="\\x${h:i:2}"; done; printf '%b' "$out"; }
assertion_by_openssl() {
  # RFC 5915: version, private key, the curve P-256, the public key.
  bytes "30770201010420$(hex d)a00a06082a8648ce3d030107a14403420004$(hex x)$(hex y)" | openssl ec -inform DER -out "$work/private.pem" 2>/dev/null
  local now input
  now=$(date +%s)
  input=$(printf '{"alg":"ES256","typ":"JWT","kid":"%s"}' "$kid" | base64url).$(printf \
    '{"iss":"%s","sub":"%s","aud":"%s","jti":"%s","iat":%d,"exp":%d}' "$client" "$client" "$endpoint" "$(openssl rand -hex 16)" "$now" $((now + 60)) | base64url)
  local numbers signature=''
  numbers=$(printf %s "$input" | openssl dgst -sha256 -sign "$work/private.pem" | openssl asn1parse -inform DER | sed -n 's/.*INTEGER *://p')
  for n in $numbers; do signature+=$(printf '%64s' "$n" | tr ' ' 0); done
  echo "$input.$(bytes "$signature" | base64url)"
}

# exchange ASSERTION SCOPES
exchange() {
  call POST "$endpoint" -H 'Content-Type: application/x-www-form-urlencoded' -d grant_type=client_credentials -d "client_id=$client" \
    -d client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer -d "client_assertion=$1" --data-urlencode "scope=$2"
}

step "Sign an assertion with openssl, and exchange it for an access token"
signed=$(assertion_by_openssl)
exchange "$signed" "transactions:read transactions:write"
token=$(pick .access_token)
same "$(pick .token_type)" Bearer
same "$(pick .expires_in)" 300
same "$(pick .scope)" "transactions:read transactions:write"
[[ $answer != *refresh_token* ]] || fail "there is a refresh token"

step "An assertion is good once, and another's key never"
expect=401 exchange "$signed" "transactions:read"
same "$(pick .error)" invalid_client
expect=401 exchange "$(assertion "$(<"$work/api.key")" --kid "$kid")" "transactions:read"
same "$(pick .error)" invalid_client

step "A scope that the client was not given is refused"
expect=400 exchange "$(assertion "$PRIVATE_KEY")" "employees:write"
same "$(pick .error)" invalid_scope

# verify PASS AGE
verify() {
  call POST "$resource/verification/pass" -H "Authorization: Bearer $token" -H 'Content-Type: application/json' -d "{\"passData\":$1,\"requiredAge\":$2}"
}
passes() { "$ageverify" issue --key "$work/pass.key" "$@"; }

step "Issue a pass for somebody of 18, and check it offline, as a shop can"
pass=$(passes --over 18 --valid 48h)
echo "$pass" | show '<'
same "$(openssl base64 -d -A <<<"$pass" | wc -c | tr -d ' ')" 64
same "$("$ageverify" check --keys "$work/pass.keys" --age 18 "$pass")" pass

step "Verify it at the API: pass"
verify "\"$pass\"" 18
same "$(pick .result)" pass
transaction=$(pick .transactionId)

step "The legacy form of a pass, 64 characters of Latin-1: pass"
verify "$(passes --over 18 --latin1)" 18
same "$(pick .result)" pass

step "Too young, and forged: fail, with status 200"
verify "\"$pass\"" 20
same "$(pick .result)" fail
verify "\"${pass:0:60}$([[ ${pass:60:1} == A ]] && echo B || echo A)${pass:61}\"" 18
same "$(pick .result)" fail

step "What is no pass is malformed: 400, and nothing is recorded"
expect=400 verify "\"${pass:4}\"" 18
expect=400 verify "\"$pass\"" 18.5

step "The transactions: two passed, two failed"
call GET "$resource/transactions?page_size=100" -H "Authorization: Bearer $token"
same "$(pick '.transactions.map(t => t.result + (t.reason ? " " + t.reason : "")).join(", ")')" "pass, pass, fail too_young, fail forged"
same "$(pick '.transactions[0].id')" "$transaction"

step "A token that does not reach is refused, and so is no token"
expect=403 call GET "$resource/devices" -H "Authorization: Bearer $token"
same "$(pick .error)" insufficient_scope
expect=401 call GET "$resource/devices"
call GET "${resource%/api}/.well-known/oauth-protected-resource/api"
same "$(pick '.authorization_servers[0]')" "$issuer"
same "$(pick '.scopes_supported.includes("locations:close")')" false # nobody gets it without a person

step "Register an application for the management API, and get a token for it"
operate management create --name "Replay"
manager=$(pick .client_id) manager_secret=$(pick .client_secret) tenant=$(pick .tenant_id) realm=$(pick .realm_id)
call POST "$issuer/oauth/token" -u "$manager:$manager_secret" -d grant_type=client_credentials
management=$(pick .access_token)

# asked TOKEN: what the API says to it.
asked() { curl --silent --max-time 30 --output /dev/null --write-out '%{http_code}' "$resource/transactions" -H "Authorization: Bearer $1"; }

step "Revoke all tokens of the client: the API refuses the next use"
same "$(asked "$token")" 200
before=$(millis)
call POST "$issuer/v1/tenants/$tenant/realms/$realm/service-clients/$client/revoke-tokens" -H "Authorization: Bearer $management"
for _ in {1..1000}; do
  status=$(asked "$token")
  [[ $status == 401 ]] && break
  (($(millis) - before < 20000)) || break
done
same "$status" 401
echo "   refused $(($(millis) - before)) ms after the request to revoke"
old=$token

step "A new token works at once"
exchange "$(assertion "$PRIVATE_KEY")" "transactions:read transactions:write"
token=$(pick .access_token)
same "$(asked "$token")" 200
same "$(asked "$old")" 401

step "Restart both: the old token is still refused, the new one works, and the transactions are there"
restart
same "$(asked "$old")" 401
same "$(asked "$token")" 200
call GET "$resource/transactions/$transaction" -H "Authorization: Bearer $token"
same "$(pick .result)" pass

step "Rotate the key: the new one and the one before work"
operate client rotate "$client"
NEW_KEY=$(node -p 'JSON.stringify(JSON.parse(process.argv[1]).private_key)' "$answer")
[[ $NEW_KEY != "$PRIVATE_KEY" ]] || fail "the key is the same"
operate client show "$client"
same "$(pick '.keys.map(k => k.status).sort().join(" ")')" "active retiring"
# The server hears of what a command did within about a second.
for _ in {1..100}; do
  key_status=$(curl --silent --max-time 30 --output /dev/null --write-out '%{http_code}' "$endpoint" -d grant_type=client_credentials -d "client_id=$client" \
    -d client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer -d "client_assertion=$(assertion "$NEW_KEY")")
  [[ $key_status != 200 ]] || break
  sleep 0.1
done
same "$key_status" 200
exchange "$(assertion "$PRIVATE_KEY")" "transactions:read transactions:write"

# later KEY: an assertion by a clock that runs ahead by $ahead seconds.
later() {
  local now=$(($(date +%s) + ahead))
  assertion "$1" --iat "$now" --exp $((now + 60))
}

step "23 hours later the key before still works, at the API too"
restart --clock-ahead 23h
ahead=$((23 * 3600))
exchange "$(later "$PRIVATE_KEY")" "transactions:read transactions:write"
token=$(pick .access_token)
verify "\"$pass\"" 18
same "$(pick .result)" pass

step "24 hours after the rotation it does not, and the new one does"
restart --clock-ahead 24h
ahead=$((24 * 3600))
expect=401 exchange "$(later "$PRIVATE_KEY")" "transactions:read transactions:write"
same "$(pick .error)" invalid_client
exchange "$(later "$NEW_KEY")" "transactions:read transactions:write"
token=$(pick .access_token)
verify "\"$pass\"" 18
same "$(pick .result)" pass

cat <<END

DONE: all $count steps.
  client     $client
  API        $resource
  pass       $pass
END
