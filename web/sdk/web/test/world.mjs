/** A page with a fake authenticator and a fake server: the real ones are in the browser tests. */
import { createHash } from "node:crypto";

export const issuer = "https://id.example.com";
export const origin = "https://shop.example.com";

const encoded = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

export const nonce = Buffer.alloc(32, 7).toString("base64url");

/** The claims of a request, some of them changed. */
export function claims(changes = {}) {
  return {
    ...{ iss: issuer, aud: "shop", iat: 1_700_000_000, exp: 1_700_000_600, jti: "r1", nonce, rp_id: "example.com" },
    ...{ origins: [origin], client: { id: "shop", name: "Shop" }, realm: { name: "Staff" }, txn: "sealed", ...changes },
  };
}

/** An authenticate address with these claims. */
export function requestURL(changes = {}, header = { typ: "assent-authenticate+jwt", alg: "EdDSA" }) {
  return `${origin}/assent-authenticate?request=${encoded(header)}.${encoded(claims(changes))}.c2ln`;
}

export const link = `${issuer}/bind?token=abc123`;

/** A passkey as the server writes it. */
export const wirePasskey = {
  ...{
    id: "psk_1",
    credential_id: "Y3JlZA",
    name: "Laptop",
    identity_id: "idn_1",
    display_name: "Ada",
    username: "ada",
  },
  ...{ realm_id: "rlm_1", realm_name: "Staff", rp_id: "example.com", create_time: "2026-11-20T12:00:00.000Z" },
};

/** The storage of a browser, in memory. */
export function memory(entries = {}) {
  const map = new Map(Object.entries(entries));
  return { map, getItem: (key) => map.get(key) ?? null, setItem: (key, value) => void map.set(key, value) };
}

/** What a device signs: the hash that the SDK must have made of a nonce. */
export function signed(text) {
  return createHash("sha256").update("assent.signin.v1").update(Buffer.from(text, "base64url")).digest("base64url");
}

const bytes = (text) => new Uint8Array(Buffer.from(text, "base64url"));

/** Makes this process a page whose device does what `device` says; answers with what was asked of it. */
export function openPage(device = {}) {
  const asked = { get: [], create: [], signals: [] };
  const credential = (id) => ({ toJSON: () => ({ id, type: "public-key", response: {} }) });
  globalThis.isSecureContext = true;
  globalThis.origin = origin;
  globalThis.PublicKeyCredential = {
    parseRequestOptionsFromJSON: (options) => ({ ...options, challenge: bytes(options.challenge) }),
    parseCreationOptionsFromJSON: (options) => ({ ...options, challenge: bytes(options.challenge) }),
    signalUnknownCredential: async (about) => void asked.signals.push(about),
    isConditionalMediationAvailable: async () => true,
    ...device.type,
  };
  const run = (kind) => async (options) => {
    asked[kind].push(options);
    return device[kind] ? device[kind](options) : credential("Y3JlZA");
  };
  Object.defineProperty(globalThis, "navigator", {
    value: { credentials: { get: run("get"), create: run("create") } },
    configurable: true,
  });
  return asked;
}

/** A device that asks its person and waits: until the page ends it. */
export function waits({ signal }) {
  return new Promise((_, refuse) => {
    const end = () => refuse(new DOMException("ended", "AbortError"));
    if (signal.aborted) end();
    else signal.addEventListener("abort", end);
  });
}

/** A server that answers paths with what `answers` has: a body, or `[status, body]`. */
export function server(answers) {
  const calls = [];
  const fetch = async (url, init) => {
    const path = url.slice(`${issuer}/embedded/`.length);
    calls.push({ url, path, init, body: JSON.parse(init.body) });
    const answer = answers[path];
    if (answer instanceof Error) throw answer;
    const [status, body] = Array.isArray(answer) ? answer : [200, answer];
    return new Response(typeof body === "string" ? body : JSON.stringify(body), { status });
  };
  return { calls, fetch };
}
