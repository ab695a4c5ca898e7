import assert from "node:assert/strict";
import { test } from "node:test";
import { AssentError, createClient } from "@assent-id/web";
import { issuer, link, nonce, origin, requestURL } from "./world.mjs";

const client = createClient({ issuer, storage: null });
const jwt = new URL(requestURL()).searchParams.get("request");
const short = Buffer.alloc(31).toString("base64url");

// Requirement: sdk-url-not-ours
test("an address that is not a sign-in request of the initialized issuer is refused", () => {
  const refused = {
    "another issuer": requestURL({ iss: "https://evil.example" }),
    "an issuer that begins like ours": requestURL({ iss: `${issuer}.evil.example` }),
    "our issuer with a slash more": requestURL({ iss: `${issuer}/` }),
    "another type of token": requestURL({}, { typ: "JWT", alg: "EdDSA" }),
    "no type": requestURL({}, { alg: "EdDSA" }),
    "another path": requestURL().replace("assent-authenticate", "authenticate"),
    "the name within the query": `${origin}/?x=/assent-authenticate&request=${jwt}`,
    "the name within the fragment": `${origin}/#/assent-authenticate?request=${jwt}`,
    "no request": `${origin}/assent-authenticate`,
    "an empty request": `${origin}/assent-authenticate?request=`,
    "two requests": `${requestURL()}&request=${jwt}`,
    "two segments": requestURL().replace(/\.c2ln$/, ""),
    "five segments": `${requestURL()}.x.y`,
    "no JSON": `${origin}/assent-authenticate?request=aaaa.bbbb.cccc`,
    "not base64url": `${origin}/assent-authenticate?request=a+a.b.c`,
    "a short nonce": requestURL({ nonce: short }),
    "no nonce": requestURL({ nonce: undefined }),
    "no RP id": requestURL({ rp_id: undefined }),
    "no origins": requestURL({ origins: "https://shop.example.com" }),
    "no client": requestURL({ client: null }),
    "no realm": requestURL({ realm: {} }),
    "no expiry": requestURL({ exp: "soon" }),
    "no address": "assent-authenticate",
    nothing: "",
    "very long": `${requestURL()}&x=${"x".repeat(17_000)}`,
  };
  for (const [name, url] of Object.entries(refused)) assert.equal(client.isAuthenticateUrl(url), false, name);
});

// Requirement: sdk-recognise
test("a sign-in request of the issuer is known wherever the application takes it", () => {
  const to = (start) => requestURL().replace(`${origin}/assent-authenticate?`, start);
  for (const start of [
    `${origin}/assent-authenticate?`,
    `${origin}/account/sign-in/assent-authenticate?`,
    `${origin}/assent-authenticate?lang=is&`,
    "http://localhost:3000/assent-authenticate?",
    "com.example.shop:/assent-authenticate?",
    "shop://open/assent-authenticate?",
  ]) {
    assert.equal(client.isAuthenticateUrl(to(start)), true, start);
    assert.equal(client.isBindPasskeyUrl(to(start)), false, start);
  }
});

// Requirement: sdk-recognise
test("a binding link of the issuer is known, bare and as it comes to the application", () => {
  for (const url of [
    link,
    `${origin}/assent-bind?link=${encodeURIComponent(link)}`,
    `${origin}/account/assent-bind?lang=is&link=${encodeURIComponent(link)}`,
    `shop://open/assent-bind?link=${encodeURIComponent(link)}`,
  ]) {
    assert.equal(client.isBindPasskeyUrl(url), true, url);
    assert.equal(client.isAuthenticateUrl(url), false, url);
  }
});

// Requirement: sdk-url-not-ours
test("an address that is not a binding link of the initialized issuer is refused", () => {
  const evil = encodeURIComponent("https://evil.example/bind?token=abc");
  for (const url of [
    "https://evil.example/bind?token=abc",
    `${issuer}/bind`,
    `${issuer}/bind?token=`,
    `${issuer}/bind?token=a&token=b`,
    `${issuer}/bind/?token=a`,
    `${issuer}/realms/other/bind?token=a`,
    `${issuer}/other?token=a`,
    `http://id.example.com/bind?token=a`,
    `${issuer}:8443/bind?token=a`,
    `https://ada:secret@id.example.com/bind?token=a`,
    `https://id.example.com@evil.example/bind?token=a`,
    `${origin}/assent-bind?link=${evil}`,
    `${origin}/assent-bind?link=${encodeURIComponent(link)}&link=${evil}`,
    `${origin}/assent-bind?token=a`,
    `${origin}/x?link=${encodeURIComponent(link)}`,
    "",
  ]) {
    assert.equal(client.isBindPasskeyUrl(url), false, url);
  }
});

test("an issuer with a path knows only what is under that path", () => {
  const staff = createClient({ issuer: `${issuer}/realms/staff`, storage: null });
  assert.equal(staff.isBindPasskeyUrl(`${issuer}/realms/staff/bind?token=a`), true);
  assert.equal(staff.isBindPasskeyUrl(link), false);
  assert.equal(staff.isAuthenticateUrl(requestURL()), false);
  assert.equal(staff.isAuthenticateUrl(requestURL({ iss: `${issuer}/realms/staff` })), true);
});

// Requirement: sdk-context
test("the context of a request says what the request says", async () => {
  assert.deepEqual(await client.getAuthenticationContext(requestURL()), {
    ...{ issuer, requestId: "r1", application: { id: "shop", name: "Shop" }, realm: { name: "Staff" } },
    ...{ rpId: "example.com", origins: [origin], expiresAt: new Date(1_700_000_600_000) },
  });
  await assert.rejects(client.getAuthenticationContext(link), { name: "AssentError", code: "url_not_ours" });
  assert.equal(nonce.length, 43);
});

test("an issuer that is no https address is refused, but for this machine", () => {
  for (const bad of [
    "",
    "id.example.com",
    "http://id.example.com",
    "ftp://localhost",
    `${issuer}?x=1`,
    `${issuer}#x`,
  ]) {
    assert.throws(() => createClient({ issuer: bad }), TypeError, bad);
  }
  for (const good of [
    issuer,
    `${issuer}/`,
    "http://localhost:8420",
    "http://id.example.localhost:1",
    "http://127.0.0.1:1",
  ]) {
    createClient({ issuer: good, storage: null });
  }
});

test("the functions of the package say so when nobody has set it up", async () => {
  const sdk = await import("@assent-id/web");
  assert.throws(() => sdk.isAuthenticateUrl(link), { code: "not_initialized" });
  await assert.rejects(sdk.getPasskeys(), AssentError);
  sdk.initialize({ issuer, storage: null });
  assert.equal(sdk.isBindPasskeyUrl(link), true);
  assert.deepEqual(await sdk.getPasskeys(), []);
});
