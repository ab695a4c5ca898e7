import assert from "node:assert/strict";
import { test } from "node:test";
import { autofillSupported, createClient, supported } from "@assent-id/web";
import { issuer, memory, nonce, openPage, requestURL, server, signed, waits, wirePasskey } from "./world.mjs";

const back = "https://shop.example.com/callback?code=c&state=s";

function setUp(answers = {}, device = {}, storage = memory()) {
  const asked = openPage(device);
  const { calls, fetch } = server({ authenticate: { redirect_url: back }, ...answers });
  return { asked, calls, storage, client: createClient({ issuer, storage, fetch }) };
}

/** A client that has bound the passkey of the fake device. */
async function bound(answers = {}, device = {}) {
  const world = setUp(
    { bind: { state: "s1", options: { challenge: nonce } }, "bind/finish": { passkey: wirePasskey }, ...answers },
    device,
  );
  await world.client.bindPasskey(`${issuer}/bind?token=t`);
  return world;
}

// Requirement: sdk-challenge
test("what a sign-in signs is made of the nonce and never the nonce itself", async () => {
  const { asked, client } = setUp();
  await client.authenticate(requestURL());
  const [{ publicKey }] = asked.get;
  assert.equal(Buffer.from(publicKey.challenge).toString("base64url"), signed(nonce));
  assert.equal(publicKey.userVerification, "required");
  assert.equal(publicKey.rpId, "example.com");
  assert.equal(publicKey.allowCredentials, undefined);
});

// Requirement: sdk-authenticate
test("the answer goes to the issuer alone, without cookies, and its redirect comes back as it is", async () => {
  const { calls, client } = setUp();
  assert.deepEqual(await client.authenticate(requestURL()), { redirectUrl: back });
  assert.equal(calls.length, 1);
  assert.equal(calls[0].url, `${issuer}/embedded/authenticate`);
  assert.equal(calls[0].init.credentials, "omit");
  assert.equal(calls[0].init.redirect, "error");
  assert.equal(calls[0].init.headers["Content-Type"], "application/json");
  assert.deepEqual(calls[0].body, {
    request: new URL(requestURL()).searchParams.get("request"),
    response: { id: "Y3JlZA", type: "public-key", response: {} },
  });
});

test("another issuer's request is refused before anybody is asked", async () => {
  const { asked, calls, client } = setUp();
  await assert.rejects(client.authenticate(requestURL({ iss: "https://evil.example" })), { code: "url_not_ours" });
  assert.deepEqual([asked.get.length, calls.length], [0, 0]);
});

test("a page that the request does not trust asks nobody", async () => {
  const { asked, calls, client } = setUp();
  await assert.rejects(client.authenticate(requestURL({ origins: ["https://other.example"] })), {
    code: "origin_not_trusted",
  });
  assert.deepEqual([asked.get.length, calls.length], [0, 0]);
});

test("a chosen passkey is the only one that may answer", async () => {
  const { asked, calls, client } = await bound();
  await client.authenticate(requestURL(), "psk_1");
  assert.deepEqual(asked.get[0].publicKey.allowCredentials, [{ type: "public-key", id: "Y3JlZA" }]);
  assert.equal(calls.at(-1).body.passkey, "psk_1");
  await assert.rejects(client.authenticate(requestURL(), "psk_2"), { code: "passkey_unknown" });
});

test("a passkey that was bound elsewhere is listed once it was used here", async () => {
  const { client } = setUp({ authenticate: { redirect_url: back, passkey: wirePasskey } });
  await client.authenticate(requestURL());
  assert.deepEqual(
    (await client.getPasskeys()).map(({ id, name }) => ({ id, name })),
    [{ id: "psk_1", name: "Laptop" }],
  );
});

// Requirement: sdk-passkey-unknown
test("a passkey that the server does not know is forgotten and the browser is told", async () => {
  const { asked, client } = await bound({ authenticate: [403, { code: "passkey_unknown", reference: "r-1" }] });
  const error = await client.authenticate(requestURL()).catch((thrown) => thrown);
  assert.deepEqual([error.code, error.status, error.reference], ["passkey_unknown", 403, "r-1"]);
  assert.deepEqual(asked.signals, [{ rpId: "example.com", credentialId: "Y3JlZA" }]);
  assert.deepEqual(await client.getPasskeys(), []);
});

// Requirement: sdk-passkey-unknown
test("a passkey of another realm is kept: the browser is told nothing", async () => {
  const { asked, client } = await bound({ authenticate: [403, { code: "passkey_elsewhere" }] });
  await assert.rejects(client.authenticate(requestURL()), { code: "passkey_elsewhere" });
  assert.deepEqual(asked.signals, []);
  assert.equal((await client.getPasskeys()).length, 1);
});

// Requirement: sdk-errors
test("every refusal of the server has its name, and others are the server's", async () => {
  const codes = [
    "request_invalid",
    "request_expired",
    "request_used",
    "origin_not_trusted",
    "signin_refused",
    "not_allowed",
  ];
  for (const code of codes) {
    const { client } = setUp({ authenticate: [400, { code, detail: "words of the server" }] });
    await assert.rejects(client.authenticate(requestURL()), { code, cause: "words of the server" }, code);
  }
  for (const [answer, code] of [
    [[500, { code: "internal", reference: "r-2" }], "server"],
    [[502, "<html>"], "server"],
    [[429, { code: "slow_down" }], "too_many_requests"],
    [[200, "no JSON"], "server"],
    [{ redirect_url: "javascript:alert(1)" }, "server"],
    [{ redirect_url: "/relative" }, "server"],
    [{}, "server"],
    [new TypeError("Failed to fetch"), "network"],
  ]) {
    const { client } = setUp({ authenticate: answer });
    await assert.rejects(client.authenticate(requestURL()), { name: "AssentError", code }, code);
  }
});

test("the errors of the browser have names of their own", async () => {
  for (const [name, code] of Object.entries({
    ...{ NotAllowedError: "cancelled", SecurityError: "origin_not_trusted", NotSupportedError: "not_supported" },
    ...{ InvalidStateError: "passkey_exists", AbortError: "aborted", ConstraintError: "not_supported" },
  })) {
    const { client, calls } = setUp({}, { get: () => Promise.reject(new DOMException("x", name)) });
    await assert.rejects(client.authenticate(requestURL()), { code }, name);
    assert.equal(calls.length, 0);
  }
});

test("the page can end a ceremony, before it begins and while it waits", async () => {
  const { client } = setUp({}, { get: waits });
  await assert.rejects(client.authenticate(requestURL(), null, { signal: AbortSignal.abort() }), { code: "aborted" });
  const control = new AbortController();
  const waiting = client.authenticate(requestURL(), null, { signal: control.signal });
  control.abort();
  await assert.rejects(waiting, { code: "aborted" });
});

test("a dialog ends the ceremony that waits in a field, and nothing takes a dialog away", async () => {
  let calls = 0;
  const { client, asked } = setUp(
    {},
    { get: (options) => (calls++ < 2 ? waits(options) : Promise.reject(new DOMException("", "NotAllowedError"))) },
  );
  const quiet = client.authenticate(requestURL(), null, { mediation: "conditional" });
  const control = new AbortController();
  const ended = assert.rejects(quiet, { code: "aborted" });
  while (asked.get.length < 1) await new Promise(setImmediate);
  assert.equal(asked.get[0].mediation, "conditional");
  const dialog = client.authenticate(requestURL(), null, { signal: control.signal });
  await ended;
  while (asked.get.length < 2) await new Promise(setImmediate);
  await assert.rejects(client.authenticate(requestURL()), { code: "busy" });
  control.abort();
  await assert.rejects(dialog, { code: "aborted" });
  await assert.rejects(client.authenticate(requestURL()), { code: "cancelled" });
});

test("a browser without passkeys is told so, and asked nothing", async () => {
  const { asked, client } = setUp();
  assert.equal(supported(), true);
  assert.equal(await autofillSupported(), true);
  globalThis.isSecureContext = false;
  assert.equal(supported(), false);
  await assert.rejects(client.authenticate(requestURL()), { code: "not_supported" });
  globalThis.isSecureContext = true;
  delete globalThis.PublicKeyCredential;
  assert.equal(supported(), false);
  await assert.rejects(client.bindPasskey(`${issuer}/bind?token=t`), { code: "not_supported" });
  assert.equal(asked.get.length, 0);
});
