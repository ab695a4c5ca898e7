import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import { createResourceServer, hasScope, isRefusal } from "@assent-id/node";
import { SignJWT } from "jose";
import { clientKey, makeKey, quiet, resource, sign, startIssuer, until } from "./issuer.mjs";

/** An API that takes the issuer's tokens, signatures alone. */
async function start(t, config = {}) {
  const issuer = await startIssuer(t);
  const api = createResourceServer({ issuer: issuer.url, resource, unrevocable: true, logger: quiet(), ...config });
  t.after(() => api.close());
  await api.ready({ signal: AbortSignal.timeout(30_000) });
  return { issuer, api };
}

async function refused(work) {
  const error = await work.then(
    () => assert.fail("it was taken"),
    (caught) => caught,
  );
  assert.ok(isRefusal(error), error);
  return error;
}

// Requirement: node-verify-token
test("a token of the issuer for this API is read with all that it says", async (t) => {
  const { issuer, api } = await start(t);
  const act = { sub: "svc_2" };
  const raw = await issuer.token({
    ...{ scope: "notes:read notes:write", roles: ["editor"], grant_id: "grt_1", acr: "passkey", auth_time: 1000, act },
    ...{ authorization_details: [{ type: "assent_action", details: { a: "b" } }], parents: ["svc_9"] },
  });
  const token = await api.verifyToken(raw);
  const { claims, raw: same, issuedAt, expiresAt, jti, ...rest } = token;
  assert.equal(same, raw);
  assert.equal(expiresAt, issuedAt + 300);
  assert.equal(claims.jti, jti);
  assert.deepEqual(rest, {
    ...{ issuer: issuer.url, subject: "idn_1", clientId: "app_1", audience: [resource] },
    ...{ scopes: ["notes:read", "notes:write"], roles: ["editor"], grantId: "grt_1", acr: "passkey", authTime: 1000 },
    ...{ act, details: [{ type: "assent_action", details: { a: "b" } }], parents: ["svc_9"] },
  });
  assert.ok(hasScope(token, "notes:read", "notes:write"));
  assert.ok(!hasScope(token, "notes:read", "notes"));
});

const base64 = (value) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

/** Tokens that are not to be taken, and what is said of them. */
const bad = {
  "no token at all": () => "",
  "another signature": async (issuer) => {
    const [header, payload] = (await issuer.token()).split(".");
    const [, , signature] = (await issuer.token()).split(".");
    return `${header}.${payload}.${signature}`;
  },
  "altered claims": async (issuer) => {
    const [header, , signature] = (await issuer.token()).split(".");
    return `${header}.${base64(issuer.claims({ scope: "everything" }))}.${signature}`;
  },
  "alg none": (issuer) => `${base64({ alg: "none", typ: "at+jwt" })}.${base64(issuer.claims())}.`,
  "alg none with a key id": (issuer) =>
    `${base64({ alg: "none", typ: "at+jwt", kid: issuer.key.kid })}.${base64(issuer.claims())}.`,
  "HMAC with the public key": (issuer) => {
    const text = `${base64({ alg: "HS256", typ: "at+jwt", kid: issuer.key.kid })}.${base64(issuer.claims())}`;
    return `${text}.${createHmac("sha256", JSON.stringify(issuer.key.jwk)).update(text).digest("base64url")}`;
  },
  "HMAC with the public key in DER": (issuer) => {
    const text = `${base64({ alg: "HS256", typ: "at+jwt", kid: issuer.key.kid })}.${base64(issuer.claims())}`;
    return `${text}.${createHmac("sha256", Buffer.from(issuer.key.jwk.x, "base64url")).update(text).digest("base64url")}`;
  },
  "another algorithm than its key's": async (issuer) => {
    const rsa = await makeKey("RS256", "rsa");
    issuer.keys.push({ ...rsa.jwk, alg: "PS256" });
    return sign(rsa, issuer.claims());
  },
  "a key of somebody else under the same id": async (issuer) =>
    sign(await makeKey("ES256", issuer.key.kid), issuer.claims()),
  "a key in its own header": async (issuer) => {
    const own = await makeKey("ES256", "own");
    return sign(own, issuer.claims(), { jwk: own.jwk });
  },
  "no key id": (issuer) => issuer.token({}, { kid: undefined }),
  "an ID token": (issuer) => issuer.token({}, { typ: "JWT" }),
  "no type": (issuer) => issuer.token({}, { typ: undefined }),
  "a logout token": (issuer) => issuer.token({}, { typ: "logout+jwt" }),
  "extensions that must be understood": async (issuer) => {
    const header = { alg: "ES256", kid: issuer.key.kid, typ: "at+jwt", crit: ["exotic"], exotic: 1 };
    return new SignJWT(issuer.claims())
      .setProtectedHeader(header)
      .sign(issuer.key.privateKey, { crit: { exotic: true } });
  },
  "another issuer": (issuer) => issuer.token({ iss: `${issuer.url}/realms/other` }),
  "another API": (issuer) => issuer.token({ aud: "https://other.example.com" }),
  "an API below this one": (issuer) => issuer.token({ aud: `${resource}/notes` }),
  "no audience": (issuer) => issuer.token({ aud: undefined }),
  "an end in the past": (issuer) => issuer.token({ at: Date.now() - 306_000 }),
  "no end": (issuer) => issuer.token({ exp: undefined }),
  "an end that is no number": (issuer) => issuer.token({ exp: "2100-01-01" }),
  "a future issue": (issuer) => issuer.token({ at: Date.now() + 60_000 }),
  "a future beginning": (issuer) => issuer.token({ nbf: Math.floor(Date.now() / 1000) + 60 }),
  "no subject": (issuer) => issuer.token({ sub: undefined }),
  "no client": (issuer) => issuer.token({ client_id: undefined }),
  "no id": (issuer) => issuer.token({ jti: undefined }),
  "scopes in a list": (issuer) => issuer.token({ scope: ["notes:read"] }),
  "a binding that is not known": (issuer) => issuer.token({ cnf: { "x5t#S1": "abc" } }),
  "a length beyond all reason": async (issuer) => issuer.token({ padding: "x".repeat(20_000) }),
  "five parts": () => "a.b.c.d.e",
  "an opaque token": () => "at_1234",
};

for (const [name, make] of Object.entries(bad)) {
  // Requirement: node-verify-refusals
  test(`a token is refused with invalid_token: ${name}`, async (t) => {
    const { issuer, api } = await start(t);
    const error = await refused(api.verifyToken(await make(issuer)));
    assert.equal(error.code, "invalid_token", error);
    assert.equal(error.status, 401);
    const challenge = error.headers["www-authenticate"];
    assert.match(challenge, /^Bearer error="invalid_token", error_description="the token is not valid: [^"]+", /);
    assert.match(challenge, /resource_metadata="https:\/\/api.example.com\/.well-known\/oauth-protected-resource"$/);
    assert.equal(error.headers["cache-control"], "no-store");
    assert.deepEqual(Object.keys(error.body), ["error", "error_description"]);
  });
}

for (const alg of ["ES256", "EdDSA", "RS256", "PS256"]) {
  // Requirement: node-verify-token
  test(`tokens that are signed with ${alg} are taken, unless the API pins others`, async (t) => {
    const key = await makeKey(alg);
    const { issuer, api } = await start(t);
    issuer.keys.push(key.jwk);
    assert.equal((await api.verifyToken(await issuer.token({}, {}, key))).subject, "idn_1");
    const others = ["ES256", "EdDSA", "RS256", "PS256"].filter((other) => other !== alg);
    const strict = { issuer: issuer.url, resource, unrevocable: true, algorithms: others, logger: quiet() };
    const narrow = createResourceServer(strict);
    t.after(() => narrow.close());
    assert.equal((await refused(narrow.verifyToken(await issuer.token({}, {}, key)))).code, "invalid_token");
  });
}

// Requirement: node-verify-token
test("a token is taken to the end of its life and the leeway, and not a second longer", async (t) => {
  let now = Date.now();
  const { issuer, api } = await start(t, { now: () => now, leeway: 5 });
  const raw = await issuer.token({ at: now });
  const { expiresAt } = await api.verifyToken(raw);
  now = (expiresAt + 5) * 1000 - 1;
  await api.verifyToken(raw);
  now += 1;
  assert.match((await refused(api.verifyToken(raw))).description, /expired/);
});

// Requirement: node-verify-token
test("an API whose identifier is an origin is the same with and without a slash", async (t) => {
  const { issuer, api } = await start(t);
  await api.verifyToken(await issuer.token({ aud: ["https://other.example.com", `${resource}/`] }));
});

// Requirement: node-keys
test("unknown keys cause one refresh for all who wait, and none for ten seconds after that", async (t) => {
  const { issuer, api } = await start(t);
  const read = issuer.count("/oauth/jwks");
  const next = await makeKey("ES256");
  issuer.keys.push(next.jwk);
  const raw = await issuer.token({}, {}, next);
  await Promise.all([api.verifyToken(raw), api.verifyToken(raw), api.verifyToken(raw)]);
  assert.equal(issuer.count("/oauth/jwks"), read + 1);
  const made = await Promise.all(
    ["a", "b", "c"].map(async (kid) => sign(await makeKey("ES256", kid), issuer.claims())),
  );
  for (const each of made) assert.equal((await refused(api.verifyToken(each))).status, 401);
  assert.equal(issuer.count("/oauth/jwks"), read + 1);
});

// Requirement: node-keys, node-steady-state
test("known keys are used without asking the issuer", async (t) => {
  const { issuer, api } = await start(t);
  const calls = issuer.calls.length;
  issuer.stop();
  for (let i = 0; i < 20; i++) await api.verifyToken(await issuer.token());
  assert.equal(issuer.calls.length, calls);
});

// Requirement: node-keys
test("a token is not called bad while its key cannot be looked for: 503", async (t) => {
  const { issuer, api } = await start(t);
  issuer.handlers["/oauth/jwks"] = () => "cut";
  const raw = await issuer.token({}, {}, await makeKey("ES256"));
  const error = await refused(api.verifyToken(raw));
  assert.deepEqual([error.code, error.status, error.headers["retry-after"]], ["temporarily_unavailable", 503, "1"]);
  assert.ok(!("www-authenticate" in error.headers));
  await api.verifyToken(await issuer.token());
});

// Requirement: node-keys
test("an API that starts before its issuer takes tokens when that is there", async (t) => {
  const issuer = await startIssuer(t);
  issuer.handlers["/.well-known/openid-configuration"] = () => "cut";
  const api = createResourceServer({ issuer: issuer.url, resource, unrevocable: true, logger: quiet() });
  t.after(() => api.close());
  assert.equal((await refused(api.verifyToken(await issuer.token()))).status, 503);
  delete issuer.handlers["/.well-known/openid-configuration"];
  await until(async () => api.verifyToken(await issuer.token()).then(Boolean, () => false), "the API's start");
});

// Requirement: node-keys
test("endpoints on another origin, and documents of another issuer, are not believed", async (t) => {
  for (const metadata of [{ jwks_uri: "https://evil.example.com/keys" }, { issuer: "https://evil.example.com" }]) {
    const issuer = await startIssuer(t);
    issuer.metadata = metadata;
    const api = createResourceServer({ issuer: issuer.url, resource, unrevocable: true, logger: quiet() });
    t.after(() => api.close());
    assert.equal((await refused(api.verifyToken(await issuer.token()))).status, 503);
    assert.equal(issuer.count("/oauth/jwks"), 0);
  }
});

// Requirement: node-config
test("a configuration that cannot work is refused at once", async () => {
  const good = { issuer: "https://id.example.com", resource, clientId: "svc_1", key: await clientKey() };
  const wrong = {
    "an issuer without TLS": { issuer: "http://id.example.com" },
    "an issuer with a slash": { issuer: "https://id.example.com/" },
    "an issuer with a query": { issuer: "https://id.example.com?a=b" },
    "a resource that is no URL": { resource: "notes" },
    "a resource with a fragment": { resource: `${resource}#a` },
    "no credentials": { clientId: undefined, key: undefined },
    "a client without a key": { key: undefined },
    "two ways to authenticate": { clientSecret: "s" },
    "credentials of an API that does without": { unrevocable: true },
    "a key that is no JWK": { key: "-----BEGIN" },
    "a public key": { key: { ...good.key, d: undefined } },
    "an unknown algorithm": { algorithms: ["HS256"] },
    "no algorithm": { algorithms: [] },
    "too little patience with the feed": { maxStale: 1 },
    "too much leeway": { leeway: 61 },
    "an unknown behaviour": { lost: "allow" },
    "a short nonce key": { nonceKey: Buffer.alloc(31) },
    "a base URL with a path": { baseURL: "https://api.example.com/v1" },
  };
  for (const [name, changes] of Object.entries(wrong)) {
    assert.throws(() => createResourceServer({ ...good, ...changes }), TypeError, name);
  }
});
