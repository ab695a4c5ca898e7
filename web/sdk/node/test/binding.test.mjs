import assert from "node:assert/strict";
import { test } from "node:test";
import { createResourceServer, isRefusal } from "@assent-id/node";
import { createProofs, ReplaysFull } from "../dist/dpop.js";
import { Fault } from "../dist/jwt.js";
import { makeNonce } from "../dist/nonces.js";
import { makeKey, proof, quiet, resource, sha256, startIssuer, thumbprint } from "./issuer.mjs";

const url = `${resource}/notes`;

async function start(t, config = {}) {
  const issuer = await startIssuer(t);
  const api = createResourceServer({ issuer: issuer.url, resource, unrevocable: true, logger: quiet(), ...config });
  t.after(() => api.close());
  await api.ready({ signal: AbortSignal.timeout(30_000) });
  const key = await makeKey("ES256");
  const token = await issuer.token({ cnf: { jkt: await thumbprint(key) } });
  /** A good proof for a request, some of its claims and of its header changed. */
  const prove = (changes = {}, header = {}, by = key) =>
    proof(by, { htm: "GET", htu: url, ath: sha256(token), ...changes }, header);
  const present = (dpop, more = {}) => api.verifyToken({ token, scheme: "DPoP", method: "GET", url, dpop, ...more });
  return { issuer, api, key, token, prove, present };
}

async function refused(work) {
  const error = await work.then(
    () => assert.fail("it was taken"),
    (caught) => caught,
  );
  assert.ok(isRefusal(error), error);
  return error;
}

for (const alg of ["ES256", "EdDSA", "PS256", "RS256"]) {
  // Requirement: node-dpop
  test(`a token that is bound to a key comes with a proof by that key, of ${alg}`, async (t) => {
    const { issuer, api } = await start(t);
    const key = await makeKey(alg);
    const token = await issuer.token({ cnf: { jkt: await thumbprint(key) } });
    const dpop = await proof(key, { htm: "POST", htu: url, ath: sha256(token) });
    const read = await api.verifyToken({ token, scheme: "dpop", method: "POST", url: `${url}?page=2#x`, dpop: [dpop] });
    assert.deepEqual(read.bound, { jkt: await thumbprint(key) });
  });
}

/** Proofs that prove nothing. */
const bad = {
  "another method": ({ prove }) => prove({ htm: "POST" }),
  "another case of the method": ({ prove }) => prove({ htm: "get" }),
  "another path": ({ prove }) => prove({ htu: `${url}/1` }),
  "another host": ({ prove }) => prove({ htu: "https://other.example.com/notes" }),
  "another scheme": ({ prove }) => prove({ htu: url.replace("https:", "http:") }),
  "another port": ({ prove }) => prove({ htu: `${resource}:8443/notes` }),
  "no URL": ({ prove }) => prove({ htu: undefined }),
  "the hash of another token": ({ prove }) => prove({ ath: sha256("other") }),
  "no hash": ({ prove }) => prove({ ath: undefined }),
  "no id": ({ prove }) => prove({ jti: undefined }),
  "an empty id": ({ prove }) => prove({ jti: "" }),
  "an endless id": ({ prove }) => prove({ jti: "x".repeat(513) }),
  "no time": ({ prove }) => prove({ iat: undefined }),
  "a time in text": ({ prove }) => prove({ iat: String(Math.floor(Date.now() / 1000)) }),
  "an old time": ({ prove }) => prove({ iat: Math.floor(Date.now() / 1000) - 62 }),
  "a future time": ({ prove }) => prove({ iat: Math.floor(Date.now() / 1000) + 20 }),
  "another key": async ({ prove }) => prove({}, {}, await makeKey("ES256")),
  "another key than it says": async ({ prove, key }) => prove({}, { jwk: key.jwk }, await makeKey("ES256")),
  "another type": ({ prove }) => prove({}, { typ: "JWT" }),
  "no key": ({ prove }) => prove({}, { jwk: undefined }),
  "a private key": ({ prove, key }) => prove({}, { jwk: { ...key.jwk, d: "x" } }),
  "a symmetric key": ({ prove }) => prove({}, { jwk: { kty: "oct", k: "x" } }),
  "no signature": async ({ prove }) => (await prove()).replace(/[^.]+$/, ""),
  "no JWT": () => "proof",
  "an endless proof": ({ prove }) => prove({ padding: "x".repeat(9000) }),
};

for (const [name, make] of Object.entries(bad)) {
  // Requirement: node-dpop
  test(`a bound token is refused with a proof of ${name}`, async (t) => {
    const world = await start(t);
    const error = await refused(world.present(await make(world)));
    assert.deepEqual([error.code, error.status], ["invalid_dpop_proof", 401], error);
    assert.match(error.headers["www-authenticate"], /^DPoP error="invalid_dpop_proof", .*algs="ES256 EdDSA/);
  });
}

// Requirement: node-dpop
test("a proof is of use once, and a bad proof does not harm a good one with its id", async (t) => {
  const { prove, present } = await start(t);
  const jti = "the-only-one";
  await refused(present(await prove({ jti, ath: "x" })));
  const dpop = await prove({ jti });
  await present(dpop);
  assert.match((await refused(present(dpop))).description, /used before/);
  await refused(present(await prove({ jti })));
  await present(await prove());
});

// RFC 9449, Section 9.
//
// Requirement: node-dpop
test("where the API wants nonces, a proof holds one of it, and the client's clock does not matter", async (t) => {
  let now = Date.now();
  const nonceKey = Buffer.alloc(32, 7);
  const { prove, present } = await start(t, { nonceKey, now: () => now });
  const error = await refused(present(await prove()));
  assert.deepEqual([error.code, error.status], ["use_dpop_nonce", 401]);
  assert.match(error.headers["www-authenticate"], /^DPoP error="use_dpop_nonce"/);
  const nonce = error.headers["dpop-nonce"];
  const dpop = await prove({ nonce, iat: 1 });
  await present(dpop);
  assert.equal((await refused(present(dpop))).code, "invalid_dpop_proof");
  const forged = [makeNonce(Buffer.alloc(32, 8), now), makeNonce(nonceKey, now + 62_000), "", "x", `${nonce}A`];
  for (const other of forged)
    assert.equal((await refused(present(await prove({ nonce: other })))).code, "use_dpop_nonce");
  now += 181_000;
  assert.equal((await refused(present(await prove({ nonce })))).code, "use_dpop_nonce");
});

// Requirement: node-dpop
test("exactly one proof comes with a token", async (t) => {
  const { prove, present } = await start(t);
  for (const dpop of [[], [await prove(), await prove()], `${await prove()}, ${await prove()}`]) {
    assert.equal((await refused(present(dpop))).code, "invalid_dpop_proof");
  }
});

// Requirement: node-dpop
test("a URL in a proof is compared in its normal form", async (t) => {
  const { prove, present } = await start(t);
  const at = `${resource}/a%7eb%2fc`;
  await present(await prove({ htu: "HTTPS://API.example.com:443/a~b%2Fc" }), { url: at });
  await refused(present(await prove({ htu: `${resource}/a~b/c` }), { url: at }));
});

// Requirement: node-dpop
test("a bound token does not pass as a bearer token, and one that is not bound does not pass with a proof", async (t) => {
  const { issuer, api, prove, token } = await start(t);
  for (const presented of [token, { token, scheme: "Bearer", method: "GET", url, dpop: await prove() }]) {
    const error = await refused(api.verifyToken(presented));
    assert.equal(error.code, "invalid_token");
    assert.match(error.headers["www-authenticate"], /^DPoP error="invalid_token"/);
  }
  const free = await issuer.token();
  const dpop = await prove({ ath: sha256(free) });
  assert.equal(
    (await refused(api.verifyToken({ token: free, scheme: "DPoP", method: "GET", url, dpop }))).code,
    "invalid_token",
  );
});

/** Proofs of several keys, against limits of a few. */
async function few(limits) {
  let now = Math.floor(Date.now() / 1000) * 1000 + 500;
  const proofs = createProofs(() => now, undefined, limits);
  const keys = await Promise.all(["a", "b", "c"].map((kid) => makeKey("EdDSA", kid)));
  const token = "the token";
  const use = async (at) => {
    const claims = { htm: "GET", htu: url, ath: sha256(token), iat: Math.floor(now / 1000) };
    const jkt = await thumbprint(keys[at]);
    return proofs.check([await proof(keys[at], claims)], { method: "GET", url, token, jkt }).then(
      () => "passed",
      (error) => (error instanceof Fault ? error.message : error.constructor),
    );
  };
  return {
    use,
    pass: (milliseconds) => {
      now += milliseconds;
    },
  };
}

// Requirement: node-dpop-bounds
test("who uses too many proofs at once is refused alone, and not for longer than they are remembered", async () => {
  const { use, pass } = await few({ all: 100, perKey: 3 });
  for (let i = 0; i < 3; i++) assert.equal(await use(0), "passed");
  assert.equal(await use(0), "too many proofs of this key at once");
  for (let i = 0; i < 3; i++) assert.equal(await use(1), "passed");
  pass(62_000);
  assert.equal(await use(0), "passed");
});

// Requirement: node-dpop-bounds
test("what is remembered in vain is looked for once a second at most, whatever comes", async () => {
  const { use, pass } = await few({ all: 4, perKey: 2 });
  for (const at of [0, 0, 1, 1]) assert.equal(await use(at), "passed");
  pass(59_000);
  assert.equal(await use(2), ReplaysFull);
  // All of them have ended meanwhile: iat has whole seconds.
  pass(999);
  assert.equal(await use(2), ReplaysFull);
  pass(1001);
  assert.equal(await use(2), "passed");
});

// RFC 9728, Section 2.
//
// Requirement: node-dpop
test("an API that takes bound tokens alone refuses all others", async (t) => {
  const { issuer, api, prove, present } = await start(t, { metadata: { dpop_bound_access_tokens_required: true } });
  await present(await prove());
  const error = await refused(api.verifyToken(await issuer.token()));
  assert.equal(error.code, "invalid_token");
  assert.match(error.headers["www-authenticate"], /^DPoP /);
  const missing = await refused(api.authorize({ rawHeaders: [], headers: {}, socket: {} }));
  assert.match(missing.headers["www-authenticate"], /^DPoP algs=/);
});

// Requirement: node-mtls
test("a token that is bound to a certificate passes with that one alone", async (t) => {
  const { issuer, api } = await start(t);
  const certificate = Buffer.from("a certificate in DER");
  const token = await issuer.token({ cnf: { "x5t#S256": sha256(certificate) } });
  assert.deepEqual((await api.verifyToken({ token, certificate })).bound, { x5t: sha256(certificate) });
  for (const other of [undefined, Buffer.from("another one")]) {
    assert.equal((await refused(api.verifyToken({ token, certificate: other }))).code, "invalid_token");
  }
});

// Requirement: node-mtls, node-dpop
test("a token that is bound to a certificate and to a key needs both", async (t) => {
  const { issuer, api, key } = await start(t);
  const certificate = Buffer.from("a certificate in DER");
  const token = await issuer.token({ cnf: { "x5t#S256": sha256(certificate), jkt: await thumbprint(key) } });
  const dpop = () => proof(key, { htm: "GET", htu: url, ath: sha256(token) });
  const request = { token, scheme: "DPoP", method: "GET", url };
  await api.verifyToken({ ...request, certificate, dpop: await dpop() });
  await refused(api.verifyToken({ ...request, dpop: await dpop() }));
  await refused(api.verifyToken({ ...request, certificate }));
});
