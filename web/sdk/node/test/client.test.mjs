import assert from "node:assert/strict";
import { test } from "node:test";
import { AssentError, createClient } from "@assent-id/node";
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader } from "jose";
import { challengeError } from "../dist/transport.js";
import { clientKey, makeKey, resource, startIssuer, until } from "./issuer.mjs";
import { action, keepApproval, wire } from "./person.mjs";

async function start(t, config = {}) {
  const issuer = await startIssuer(t);
  const client = createClient({ issuer: issuer.url, clientId: "app_1", clientSecret: "s", ...config });
  return { issuer, client };
}

const failed = (work) =>
  work.then(
    () => assert.fail("it did not fail"),
    (error) => (error instanceof AssentError ? error : assert.fail(error)),
  );

for (const alg of ["ES256", "EdDSA"]) {
  // RFC 7523, Section 3.
  //
  // Requirement: node-client-auth
  test(`a client proves itself with an assertion of its own for each request, by ${alg}`, async (t) => {
    const key = await clientKey(alg);
    const { d, ...jwk } = key;
    const { issuer, client } = await start(t, { clientSecret: undefined, key: JSON.stringify(key) });
    issuer.clientKeys = createLocalJWKSet({ keys: [jwk] });
    await client.token();
    await client.introspect("x");
    const said = issuer.calls.map(({ body }) => body.get("client_assertion")).filter(Boolean);
    assert.equal(said.length, 2);
    const [first, second] = said.map(decodeJwt);
    const { iat, exp, jti, ...rest } = first;
    assert.deepEqual(rest, { iss: "app_1", sub: "app_1", aud: issuer.url });
    assert.equal(exp - iat, 60);
    assert.notEqual(jti, second.jti);
    assert.deepEqual(decodeProtectedHeader(said[0]), { alg, typ: "JWT", kid: key.kid });
  });
}

// RFC 6749, Section 2.3.1.
//
// Requirement: node-client-auth
test("a secret is form-encoded before it is sent as a password", async (t) => {
  const { issuer, client } = await start(t, { clientId: "a:b c", clientSecret: "+%:/ ü" });
  await client.token();
  const { authorization } = issuer.calls.at(-1).headers;
  const [id, secret] = Buffer.from(authorization.slice(6), "base64").toString().split(":");
  assert.deepEqual([...new URLSearchParams(`id=${id}&secret=${secret}`).values()], ["a:b c", "+%:/ ü"]);
});

// Requirement: node-client-token
test("a token is asked for once by all who want it, and again for another scope or resource", async (t) => {
  const { issuer, client } = await start(t);
  const got = await Promise.all([1, 2, 3, 4].map(() => client.token({ scope: "a b", resource: [resource] })));
  assert.deepEqual([...new Set(got.map(({ token }) => token))], ["token-1"]);
  assert.deepEqual(got[0].scopes, ["a", "b"]);
  assert.equal((await client.token({ scope: "b a", resource: [resource] })).token, "token-1");
  assert.equal((await client.token({ scope: "a" })).token, "token-2");
  const { body } = issuer.calls.find(({ path }) => path === "/oauth/token");
  assert.deepEqual(
    [body.get("grant_type"), body.get("scope"), body.getAll("resource")],
    ["client_credentials", "a b", [resource]],
  );
});

// Requirement: node-client-token
test("a token is fetched again in the background before it ends, and waited for only when it is about to", async (t) => {
  let now = Date.now();
  const { issuer, client } = await start(t, { now: () => now });
  assert.equal((await client.token()).token, "token-1");
  now += 239_000;
  assert.equal((await client.token()).token, "token-1");
  assert.equal(issuer.tokens, 1);
  now += 2000;
  assert.equal((await client.token()).token, "token-1", "nobody waits");
  await until(async () => (await client.token()).token === "token-2", "the new token");
  now += 299_000;
  assert.equal((await client.token()).token, "token-3", "an old token might expire on its way");
  issuer.handlers["/oauth/token"] = () => "cut";
  now += 299_000;
  assert.equal((await client.token()).token, "token-3", "while the issuer is away it does to its end");
  now += 1000;
  assert.equal((await failed(client.token())).kind, "unreachable");
});

// Requirement: node-client-token
test("a token that an API refused is dropped once", async (t) => {
  const { client } = await start(t);
  const { token } = await client.token();
  client.forget(token);
  assert.equal((await client.token()).token, "token-2");
  client.forget(token);
  assert.equal((await client.token()).token, "token-2");
});

// Requirement: node-client-token
test("one who gives up does not take the token from the others", async (t) => {
  const { issuer, client } = await start(t);
  let go = () => {};
  const held = new Promise((resume) => {
    go = resume;
  });
  issuer.handlers["/oauth/token"] = async () => {
    await held;
    return { body: { access_token: "late", token_type: "Bearer", expires_in: 300 } };
  };
  const giving = new AbortController();
  const [one, other] = [client.token({ signal: giving.signal }), client.token()];
  giving.abort(new Error("enough"));
  await assert.rejects(one, /enough/);
  go();
  assert.equal((await other).token, "late");
});

// Requirement: node-client-errors
test("refusals and silence of the issuer are told apart", async (t) => {
  const { issuer, client } = await start(t);
  issuer.handlers["/oauth/token"] = () => ({ status: 400, body: { error: "invalid_scope", error_description: "no" } });
  const refused = await failed(client.token());
  assert.deepEqual(
    [refused.kind, refused.server],
    ["invalid", { status: 400, code: "invalid_scope", description: "no" }],
  );
  issuer.handlers["/oauth/token"] = () => ({ status: 503 });
  assert.equal((await failed(client.token())).kind, "unreachable");
  issuer.handlers["/oauth/token"] = () => ({ body: { token_type: "Bearer" } });
  assert.equal((await failed(client.token())).kind, "invalid");
  issuer.handlers["/oauth/token"] = () => ({ status: 302, headers: { location: "/elsewhere" } });
  assert.equal((await failed(client.token())).kind, "invalid");
  assert.equal(issuer.count("/elsewhere"), 0, "credentials do not follow a redirect");
});

// Requirement: node-client-exchange
test("a token is exchanged for one that names both, and the answer is not kept", async (t) => {
  const { issuer, client } = await start(t);
  const issued = "urn:ietf:params:oauth:token-type:access_token";
  issuer.handlers["/oauth/token"] = () => ({
    body: { access_token: "new", token_type: "Bearer", expires_in: 60, issued_token_type: issued, scope: "a" },
  });
  const request = { subjectToken: "theirs", actorToken: "mine", scope: "a", resource: [resource], audience: ["app_2"] };
  const got = await client.exchange(request);
  assert.deepEqual([got.token, got.issuedTokenType, got.scopes], ["new", issued, ["a"]]);
  assert.deepEqual(Object.fromEntries(issuer.calls.at(-1).body), {
    ...{ grant_type: "urn:ietf:params:oauth:grant-type:token-exchange", subject_token: "theirs", actor_token: "mine" },
    ...{ subject_token_type: issued, actor_token_type: issued, scope: "a", resource, audience: "app_2" },
  });
  await client.exchange(request);
  assert.equal(issuer.count("/oauth/token"), 2);
});

// Requirement: node-client-introspect
test("an introspection is answered as it came, and one that says nothing is an error", async (t) => {
  const { issuer, client } = await start(t);
  issuer.introspection = { active: true, sub: "idn_1", more: 1 };
  assert.deepEqual(await client.introspect("x"), { active: true, sub: "idn_1", more: 1 });
  issuer.introspection = { sub: "idn_1" };
  assert.equal((await failed(client.introspect("x"))).kind, "invalid");
});

/** Lets the issuer ask a person who says yes at the second poll. */
async function person(issuer, { polls = [], approval, claims: changes = {}, start: members = {} } = {}) {
  const claims = await keepApproval(issuer, approval);
  const { comparison } = await import("@assent-id/evidence");
  issuer.handlers["/oauth/bc-authorize"] = async () => ({
    body: {
      ...{ auth_req_id: "req-1", expires_in: 300, interval: 0.01, approval_id: "apr_1" },
      ...{
        statement_hash: claims.approval.statement,
        comparison: await comparison(claims.approval.statement),
        ...members,
      },
    },
  });
  const answers = [{ status: 400, body: { error: "authorization_pending" } }, ...polls];
  issuer.handlers["/oauth/token"] = async () =>
    answers.shift() ?? {
      body: { access_token: await issuer.token({ ...claims, ...changes }), token_type: "Bearer", expires_in: 300 },
    };
  issuer.handlers["/oauth/revoke"] = () => ({ body: {} });
}

const asked = { ...action, person: "alex", resource: [resource] };

// Requirement: node-approve
test("a person is asked for exactly the action, and their yes is verified and used up", async (t) => {
  const told = [];
  const { issuer, client } = await start(t, { onAsked: (request) => told.push(request) });
  await person(issuer, { polls: [{ status: 502 }, { status: 400, body: { error: "authorization_pending" } }] });
  const approval = await client.approve({ ...asked, expiresIn: 120 });
  assert.equal(approval.id, "apr_1");
  assert.ok(approval.redeemedAt instanceof Date);
  assert.equal(approval.verified.statement.sub, "idn_1");
  assert.equal(issuer.redeemed, 1);
  assert.match(told[0].comparison, /^\d{4}$/);
  const form = issuer.calls.find(({ path }) => path === "/oauth/bc-authorize").body;
  assert.deepEqual(Object.fromEntries(form), {
    ...{ login_hint: "alex", binding_message: action.message, scope: action.scope, resource, requested_expiry: "120" },
    authorization_details: JSON.stringify(wire.authorization_details),
  });
  assert.match(issuer.calls.find(({ path }) => path === "/oauth/token").headers.prefer, /^wait=\d+$/);
});

const no = (error) => ({ polls: [{ status: 400, body: { error } }] });
const other = (members) => ({ asked: { ...wire, ...members } });

/** What is no yes to the action, and how it is called. */
const ends = {
  "the person denies": [no("access_denied"), "denied"],
  "nobody answers": [no("expired_token"), "expired"],
  "the issuer refuses": [no("invalid_client"), "invalid"],
  "the message differs": [{ approval: other({ binding_message: "Pay 20 EUR to Bob" }) }, "invalid"],
  "the details differ": [
    { approval: other({ authorization_details: [{ type: "assent_action", details: { amount: "2 EUR" } }] }) },
    "invalid",
  ],
  "the resource differs": [{ approval: other({ resource: ["https://other.example.com"] }) }, "invalid"],
  "less was granted": [{ approval: { granted: { ...wire, scope: "" } } }, "invalid"],
  "another client asked": [{ claims: { client_id: "app_2" } }, "invalid"],
  "another approval": [{ start: { approval_id: "apr_2" } }, "invalid"],
  "the token is of another issuer": [{ claims: { iss: "https://other.example.com" } }, "invalid"],
  "the token has expired": [{ claims: { exp: 1 } }, "invalid"],
  "another comparison number": [{ start: { comparison: "12" } }, "invalid"],
  "no end of the question": [{ start: { expires_in: undefined } }, "invalid"],
};

for (const [name, [world, kind]] of Object.entries(ends)) {
  // Requirement: node-approve-errors
  test(`approve ends without a yes, as ${kind}, when ${name}`, async (t) => {
    const { issuer, client } = await start(t);
    await person(issuer, world);
    const error = await failed(client.approve(asked));
    assert.equal(error.kind, kind, error.message);
    assert.equal(issuer.redeemed, 0);
  });
}

// Requirement: node-approve-errors
test("an approval that somebody used before is invalid, and one that cannot be used now is unreachable", async (t) => {
  const { issuer, client } = await start(t);
  await person(issuer);
  issuer.redeemed = 1;
  const used = await failed(client.approve(asked));
  assert.deepEqual([used.kind, used.approvalId], ["invalid", "apr_1"]);
  await person(issuer);
  issuer.handlers["/v1/approvals/apr_1/redeem"] = () => "cut";
  assert.equal((await failed(client.approve(asked))).kind, "unreachable");
});

// Requirement: node-approve-errors
test("a question that nobody answers ends by our own clock", async (t) => {
  const { issuer, client } = await start(t);
  await person(issuer, { start: { expires_in: 1 } });
  issuer.handlers["/oauth/token"] = () => ({ status: 400, body: { error: "authorization_pending" } });
  assert.equal((await failed(client.approve(asked))).kind, "expired");
});

// Requirement: node-approve-withdraw
test("when the caller gives up, the question is taken back", async (t) => {
  const { issuer, client } = await start(t);
  await person(issuer);
  issuer.handlers["/oauth/token"] = () => ({ status: 400, body: { error: "authorization_pending" } });
  const giving = new AbortController();
  const work = client.approve(asked, { signal: giving.signal });
  await until(() => issuer.count("/oauth/token") > 0);
  giving.abort(new Error("enough"));
  await assert.rejects(work, /enough/);
  const { body } = issuer.calls.findLast(({ path }) => path === "/oauth/revoke");
  assert.deepEqual(Object.fromEntries(body), { token: "req-1", token_type_hint: "auth_req_id" });
});

// Requirement: node-approve-errors
test("an action of which nobody could be asked is refused before anything is sent", async (t) => {
  const { issuer, client } = await start(t);
  for (const bad of [
    { person: "" },
    { message: "" },
    { expiresIn: 0.5 },
    { details: { a: "\ud800" } },
    { command: ["\udfff"] },
  ]) {
    await assert.rejects(client.approve({ ...asked, ...bad }), TypeError);
  }
  assert.equal(issuer.calls.length, 0);
});

/** An API that answers as it is told; each call is kept. */
function api(...answers) {
  const calls = [];
  const answer = async (input, init) => {
    const request = new Request(input, init);
    calls.push({ authorization: request.headers.get("authorization"), body: await request.text(), url: request.url });
    const { status = 200, challenge, body = {} } = answers.shift() ?? {};
    const headers = { "content-type": "application/json", ...(challenge && { "www-authenticate": challenge }) };
    return new Response(JSON.stringify(body), { status, headers });
  };
  return { calls, answer };
}

/** A client whose calls to the API go to `answers`, and all others to the issuer. */
async function startFetch(t, ...answers) {
  const { calls, answer } = api(...answers);
  const routed = (input, init) => (String(input).startsWith(resource) ? answer(input, init) : fetch(input, init));
  const { issuer, client } = await start(t, { fetch: routed });
  return { issuer, client, calls };
}

const wanted = {
  status: 403,
  challenge: 'Bearer error="insufficient_authorization_details", scope="payments:write"',
  body: { error: "insufficient_authorization_details", ...wire, resource },
};

// Requirement: node-client-fetch
test("fetch puts a token on a request, and repeats it once with another one where that is not valid any more", async (t) => {
  const bad = { status: 401, challenge: 'Bearer error="invalid_token"' };
  const { client, calls } = await startFetch(t, {}, bad, {}, bad, bad);
  const send = client.fetch({ scope: "a", resource: [resource] });
  const post = () => send(`${resource}/pay`, { method: "POST", body: "20 EUR" });
  assert.equal((await post()).status, 200);
  assert.equal((await post()).status, 200);
  assert.equal((await post()).status, 401);
  assert.deepEqual(
    calls.map(({ authorization, body }) => [authorization, body]),
    [1, 1, 2, 2, 3].map((n) => [`Bearer token-${n}`, "20 EUR"]),
  );
});

// Requirement: node-client-fetch
test("fetch leaves a request alone that has a token of its own", async (t) => {
  const { issuer, client, calls } = await startFetch(t);
  await client.fetch({ resource: [resource] })(resource, { headers: { authorization: "Bearer own" } });
  assert.equal(calls[0].authorization, "Bearer own");
  assert.equal(issuer.calls.length, 0);
});

// Requirement: node-client-fetch-approval
test("fetch asks the person where the API wants an approval, and repeats the request with its token unused", async (t) => {
  const { issuer, client, calls } = await startFetch(t, wanted, { body: { paid: true } });
  const { token } = await client.token({ resource: [resource] });
  await person(issuer);
  const told = [];
  const send = client.fetch({ resource: [resource], person: () => "alex", onAsked: ({ id }) => told.push(id) });
  const response = await send(new Request(`${resource}/pay`, { method: "POST", body: "20 EUR" }));
  assert.deepEqual(await response.json(), { paid: true });
  assert.deepEqual(told, ["apr_1"]);
  assert.equal(calls[0].authorization, `Bearer ${token}`);
  assert.match(calls[1].authorization, /^Bearer [\w-]+\.[\w-]+\.[\w-]+$/);
  assert.equal(calls[1].body, "20 EUR");
  assert.equal(issuer.redeemed, 0, "that is for the API");
});

/** Challenges that nobody is asked for, and the options under which they come. */
const ignored = {
  "nobody is named": [wanted, { resource: [resource] }],
  "the API speaks for another one": [
    { ...wanted, body: { ...wanted.body, resource: "https://other.example.com" } },
    { resource: [resource], person: "alex" },
  ],
  "no resource is set": [wanted, { person: "alex", baseURL: resource }],
  "there are details of another type": [
    { ...wanted, body: { ...wanted.body, authorization_details: [{ type: "payment", amount: 1 }] } },
    { resource: [resource], person: "alex" },
  ],
  "there are members that an action cannot hold": [
    { ...wanted, body: { ...wanted.body, authorization_details: [{ type: "assent_action", locations: ["x"] }] } },
    { resource: [resource], person: "alex" },
  ],
  "there are two details": [
    {
      ...wanted,
      body: { ...wanted.body, authorization_details: [...wire.authorization_details, ...wire.authorization_details] },
    },
    { resource: [resource], person: "alex" },
  ],
  "the body is too long": [
    { ...wanted, body: { ...wanted.body, padding: "x".repeat(70_000) } },
    { resource: [resource], person: "alex" },
  ],
  "the header says something else": [
    { ...wanted, challenge: "Bearer" },
    { resource: [resource], person: "alex" },
  ],
};

for (const [name, [answer, options]] of Object.entries(ignored)) {
  // Requirement: node-client-fetch-approval
  test(`fetch asks nobody when ${name}, and the answer can be read as it came`, async (t) => {
    const { issuer, client } = await startFetch(t, answer);
    const response = await client.fetch(options)(`${resource}/pay`);
    assert.equal(response.status, 403);
    assert.deepEqual(await response.json(), answer.body);
    assert.equal(issuer.count("/oauth/bc-authorize"), 0);
  });
}

// Requirement: node-client-fetch-approval
test("fetch fails as approve does when the person says no", async (t) => {
  const { issuer, client, calls } = await startFetch(t, wanted);
  await client.token({ resource: [resource] });
  await person(issuer, no("access_denied"));
  const work = client.fetch({ resource: [resource], person: "alex" })(`${resource}/pay`);
  assert.equal((await failed(work)).kind, "denied");
  assert.equal(calls.length, 1);
});

// RFC 9110, Section 11.6.1.
//
// Requirement: node-client-fetch
test("the error of a challenge is found among others, and in any form", () => {
  const of = (field) => challengeError(new Response(null, { headers: { "www-authenticate": field } }));
  assert.equal(of('Bearer error="invalid_token"'), "invalid_token");
  assert.equal(of('Basic realm="a, Bearer error=x", bearer realm=x, ERROR = invalid_token'), "invalid_token");
  assert.equal(of('DPoP algs="ES256", error="use_dpop\\_nonce"'), "use_dpop_nonce");
  assert.equal(of('Basic error="invalid_token"'), "");
  assert.equal(of("Bearer"), "");
});

// Requirement: node-client-errors
test("a configuration that cannot work is refused at once", async () => {
  const good = { issuer: "https://id.example.com", clientId: "app_1", clientSecret: "s" };
  const rsa = (await makeKey("RS256")).jwk;
  const changes = [
    { issuer: "id.example.com" },
    { issuer: "https://a:b@id.example.com" },
    { clientId: "" },
    { clientSecret: "" },
  ];
  for (const change of [...changes, { key: await clientKey() }, { clientSecret: undefined, key: rsa }]) {
    assert.throws(() => createClient({ ...good, ...change }), TypeError);
  }
});
