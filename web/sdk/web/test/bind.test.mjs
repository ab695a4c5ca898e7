import assert from "node:assert/strict";
import { test } from "node:test";
import { createClient } from "@assent-id/web";
import { issuer, link, memory, nonce, openPage, origin, server, signed, wirePasskey } from "./world.mjs";

const options = { challenge: nonce, rp: { id: "example.com", name: "Staff" }, user: { id: "aWRu", name: "ada" } };
const identity = { id: "idn_1", display_name: "Ada", username: "ada" };
const fine = {
  bind: { state: "s1", options, identity, realm: { name: "Staff" } },
  "bind/finish": { passkey: wirePasskey, post_binding_redirect_uri: `${origin}/welcome` },
};

function setUp(answers = fine, device = {}, storage = memory()) {
  const asked = openPage(device);
  const { calls, fetch } = server(answers);
  return { asked, calls, storage, client: createClient({ issuer, storage, fetch }) };
}

// Requirement: sdk-bind
test("a binding link makes a passkey, which is listed from then on", async () => {
  const { asked, calls, client } = setUp();
  const bound = await client.bindPasskey(link);
  assert.equal(bound.postBindingRedirectUri, `${origin}/welcome`);
  assert.deepEqual(bound.passkey, {
    ...{
      id: "psk_1",
      credentialId: "Y3JlZA",
      name: "Laptop",
      rpId: "example.com",
      createdAt: "2026-11-20T12:00:00.000Z",
    },
    ...{ identity: { id: "idn_1", displayName: "Ada", username: "ada" }, realm: { id: "rlm_1", name: "Staff" } },
  });
  assert.deepEqual(await client.getPasskeys(), [bound.passkey]);
  assert.equal(asked.create.length, 1);
  assert.deepEqual(
    calls.map(({ path, body }) => [path, body.token ?? body.state]),
    [
      ["bind", "abc123"],
      ["bind/finish", "s1"],
    ],
  );
});

test("the link may come in the form in which it comes to the application", async () => {
  const { calls, client } = setUp({ ...fine, "bind/finish": { passkey: wirePasskey } });
  const bound = await client.bindPasskey(`${origin}/assent-bind?link=${encodeURIComponent(link)}`);
  assert.equal(calls[0].body.token, "abc123");
  assert.equal(bound.postBindingRedirectUri, undefined);
});

// Requirement: sdk-bind-proof
test("who has a passkey already proves it first, with the challenge of a sign-in", async () => {
  const proof = { challenge: nonce, rpId: "example.com", allowCredentials: [{ type: "public-key", id: "b2xk" }] };
  const { asked, calls, client } = setUp({
    ...fine,
    bind: { state: "s0", proof, realm: { name: "Staff" } },
    "bind/proof": { state: "s1", options, identity },
  });
  const steps = [];
  await client.bindPasskey(link, {
    onStep: ({ step, identity: whose }) => void steps.push(`${step} ${whose?.displayName}`),
  });
  assert.deepEqual(steps, ["proof undefined", "create Ada"]);
  assert.equal(Buffer.from(asked.get[0].publicKey.challenge).toString("base64url"), signed(nonce));
  assert.equal(asked.get[0].publicKey.userVerification, "required");
  assert.deepEqual(
    calls.map(({ path, body }) => [path, body.state]),
    [
      ["bind", undefined],
      ["bind/proof", "s0"],
      ["bind/finish", "s1"],
    ],
  );
});

test("what the page throws in a step ends the binding before anybody is asked", async () => {
  const { asked, client } = setUp();
  const stop = () => {
    throw new Error("not now");
  };
  await assert.rejects(client.bindPasskey(link, { onStep: stop }), { message: "not now" });
  assert.equal(asked.create.length, 0);
});

// Requirement: sdk-errors
test("each refusal of a link or of a passkey has its name, and nothing is listed", async () => {
  for (const code of ["link_unknown", "link_used", "link_expired", "origin_not_trusted", "not_allowed"]) {
    const { client, asked } = setUp({ ...fine, bind: [410, { code }] });
    await assert.rejects(client.bindPasskey(link), { code });
    assert.equal(asked.create.length, 0);
  }
  for (const code of ["ceremony_expired", "passkey_taken", "passkey_invalid", "link_used"]) {
    const { client } = setUp({ ...fine, "bind/finish": [422, { code }] });
    await assert.rejects(client.bindPasskey(link), { code });
    assert.deepEqual(await client.getPasskeys(), []);
  }
  for (const answers of [
    { ...fine, bind: { state: "s1" } },
    { ...fine, "bind/finish": {} },
    { ...fine, "bind/finish": { passkey: { ...wirePasskey, id: 7 } } },
  ]) {
    await assert.rejects(setUp(answers).client.bindPasskey(link), { code: "server" });
  }
});

test("a device that has a passkey of this person says so", async () => {
  const create = () => Promise.reject(new DOMException("", "InvalidStateError"));
  await assert.rejects(setUp(fine, { create }).client.bindPasskey(link), { code: "passkey_exists" });
});

// Requirement: sdk-delete
test("a deleted passkey is gone here and the browser is told; the server is not called", async () => {
  const { asked, calls, client } = setUp();
  const { passkey } = await client.bindPasskey(link);
  const before = calls.length;
  await client.deletePasskey("psk_unknown");
  assert.deepEqual(asked.signals, []);
  await client.deletePasskey(passkey.id);
  assert.deepEqual(asked.signals, [{ rpId: "example.com", credentialId: "Y3JlZA" }]);
  assert.deepEqual(await client.getPasskeys(), []);
  assert.equal(calls.length, before);
});

test("a browser without the Signal API forgets all the same", async () => {
  const { client } = setUp(fine, { type: { signalUnknownCredential: undefined } });
  const { passkey } = await client.bindPasskey(link);
  await client.deletePasskey(passkey.id);
  assert.deepEqual(await client.getPasskeys(), []);
});

const key = `assent.passkeys.v1 ${issuer}`;

// Requirement: sdk-storage
test("whatever is found in the storage is survived, and what is whole of it is listed", async () => {
  const whole = await setUp().client.bindPasskey(link);
  for (const [text, count] of [
    ["", 0],
    ["{", 0],
    ["null", 0],
    ["7", 0],
    ['{"a":1}', 0],
    ["[null, 1, [], {}]", 0],
    [JSON.stringify([{ ...whole.passkey, identity: null }, whole.passkey, { ...whole.passkey, id: "" }]), 1],
  ]) {
    const { client } = setUp(fine, {}, memory({ [key]: text }));
    assert.equal((await client.getPasskeys()).length, count, text);
    await client.bindPasskey(link);
    assert.equal((await client.getPasskeys()).length, 1, text);
  }
});

test("a storage that is full or forbidden does not end a binding that worked", async () => {
  const refuse = () => {
    throw new DOMException("full", "QuotaExceededError");
  };
  for (const storage of [{ getItem: refuse, setItem: refuse }, { getItem: () => null, setItem: refuse }, null]) {
    const { client } = setUp(fine, {}, storage);
    assert.equal((await client.bindPasskey(link)).passkey.id, "psk_1");
    assert.deepEqual(await client.getPasskeys(), []);
  }
});

test("the list keeps the last used 64, each once, and no secret", async () => {
  const storage = memory();
  for (let index = 0; index < 70; index++) {
    const passkey = { ...wirePasskey, id: `psk_${index}`, credential_id: `c${index}`, private_key: "never" };
    await setUp({ ...fine, "bind/finish": { passkey } }, {}, storage).client.bindPasskey(link);
  }
  const { client } = setUp(fine, {}, storage);
  const ids = (await client.getPasskeys()).map(({ id }) => id);
  assert.deepEqual([ids.length, ids[0], ids.at(-1)], [64, "psk_69", "psk_6"]);
  assert.equal(storage.map.get(key).includes("never"), false);
  assert.equal(storage.map.get(key).includes("abc123"), false);
});

test("two issuers on one origin do not see each other's passkeys", async () => {
  const { client, storage } = setUp();
  await client.bindPasskey(link);
  const other = createClient({ issuer: `${issuer}/realms/other`, storage });
  assert.deepEqual(await other.getPasskeys(), []);
});
