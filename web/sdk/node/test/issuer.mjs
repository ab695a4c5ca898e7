/** An issuer in this process, with real keys and real HTTP. The real one is in the browser tests. */
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { calculateJwkThumbprint, exportJWK, generateKeyPair, jwtVerify, SignJWT } from "jose";

export const resource = "https://api.example.com";
const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";

/** An id that holds this instant, as the issuer writes them. */
export function tokenId(milliseconds, prefix = "tok") {
  const bits = milliseconds.toString(2).padStart(50, "0") + "0".repeat(80);
  const characters = bits.match(/.{5}/g).map((five) => alphabet[Number.parseInt(five, 2)]);
  return `${prefix}_${characters.join("").slice(0, 20)}${randomUUID()
    .replaceAll(/[^0-9a-f]/g, "")
    .slice(0, 6)}`;
}

/** An access token that is a reference, as the issuer writes them. */
export const opaqueToken = () => `at_${randomBytes(32).toString("base64url")}`;

export async function makeKey(alg, kid = randomUUID()) {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true, modulusLength: 2048 });
  return { alg, kid, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg, use: "sig" } };
}

/** A service client's key, as the issuer hands it out. */
export async function clientKey(alg = "ES256") {
  const key = await makeKey(alg);
  return { ...(await exportJWK(key.privateKey)), kid: key.kid, alg };
}

/** Signs claims; `header` may say what it likes. */
export function sign(key, claims, header = {}) {
  return new SignJWT(claims)
    .setProtectedHeader({ alg: key.alg, kid: key.kid, typ: "at+jwt", ...header })
    .sign(key.privateKey);
}

/** A DPoP proof; `changes` are members of its claims and of its header. */
export async function proof(key, claims, header = {}) {
  const { kid, use, alg, ...jwk } = key.jwk;
  const all = { jti: randomUUID(), iat: Math.floor(Date.now() / 1000), ...claims };
  return new SignJWT(all).setProtectedHeader({ alg: key.alg, typ: "dpop+jwt", jwk, ...header }).sign(key.privateKey);
}

export const thumbprint = ({ jwk }) => calculateJwkThumbprint(jwk, "sha256");
export const sha256 = (data) => createHash("sha256").update(data).digest("base64url");

/** Starts an issuer; `t` is the test that it ends with. */
export async function startIssuer(t) {
  const key = await makeKey("ES256");
  const issuer = {
    key,
    keys: [key.jwk],
    calls: [],
    entries: [],
    complete: true,
    cursor: 0,
    /** Members of the discovery document to change; a function per path that answers in place of it. */
    metadata: {},
    handlers: {},
    introspection: { active: false },
    clientKeys: undefined,
    count: (path) => issuer.calls.filter((call) => call.path === path).length,
  };
  const waiters = new Set();
  issuer.revoke = (...entries) => {
    issuer.cursor++;
    for (const entry of entries) {
      issuer.entries.push({ expires: Date.now() + 86_400_000, ...entry, cursor: issuer.cursor });
    }
    for (const wake of waiters) wake();
  };
  const server = createServer(async (request, response) => {
    const url = new URL(request.url, issuer.url);
    const body = new URLSearchParams(await text(request));
    const call = { path: url.pathname, url, body, headers: request.headers };
    issuer.calls.push(call);
    const handler = issuer.handlers[url.pathname] ?? usual[url.pathname];
    const answer = (await handler?.(call, response)) ?? { status: 404 };
    if (answer === "cut") return request.socket.destroy();
    response.writeHead(answer.status ?? 200, { "content-type": "application/json", ...answer.headers });
    response.end(JSON.stringify(answer.body ?? {}));
  });

  const usual = {
    "/.well-known/openid-configuration": () => ({
      body: {
        ...{ issuer: issuer.url, jwks_uri: `${issuer.url}/oauth/jwks`, token_endpoint: `${issuer.url}/oauth/token` },
        introspection_endpoint: `${issuer.url}/oauth/introspect`,
        revocation_endpoint: `${issuer.url}/oauth/revoke`,
        backchannel_authentication_endpoint: `${issuer.url}/oauth/bc-authorize`,
        revocation_feed_endpoint: `${issuer.url}/v1/revocations`,
        ...issuer.metadata,
      },
    }),
    "/oauth/jwks": () => ({ body: { keys: issuer.keys } }),
    "/oauth/token": async ({ body }) => {
      if (!(await proven(body))) return { status: 401, body: { error: "invalid_client" } };
      const token = `token-${++issuer.tokens}`;
      return {
        body: { access_token: token, token_type: "bearer", expires_in: issuer.life, scope: body.get("scope") ?? "" },
      };
    },
    "/oauth/introspect": async ({ body }) => {
      if (!(await proven(body))) return { status: 401, body: { error: "invalid_client" } };
      return { body: issuer.introspection };
    },
    "/v1/revocations": async ({ url, headers }, response) => {
      if (!/^Bearer token-\d+$/.test(headers.authorization)) return { status: 401 };
      const after = url.searchParams.get("after");
      const wait = Number(/wait=(\d+)/.exec(headers.prefer ?? "")?.[1] ?? 0);
      const since = Number(after ?? -1);
      if (after !== null && since === issuer.cursor && wait > 0) {
        await new Promise((resume) => {
          const timer = setTimeout(resume, wait * 1000);
          waiters.add(resume);
          response.once("close", () => {
            clearTimeout(timer);
            waiters.delete(resume);
            resume();
          });
        });
      }
      const revocations = issuer.entries.filter(({ cursor }) => cursor > since).map(({ cursor, ...entry }) => entry);
      return { body: { revocations, cursor: String(issuer.cursor), complete: after === null } };
    },
  };
  issuer.tokens = 0;
  issuer.life = 300;

  /** RFC 7523: whether the assertion is one of the registered client's. */
  async function proven(body) {
    if (!issuer.clientKeys) return true;
    const options = { audience: issuer.url, issuer: body.get("client_id"), subject: body.get("client_id") };
    return jwtVerify(body.get("client_assertion") ?? "", issuer.clientKeys, options).then(
      () => true,
      () => false,
    );
  }

  await new Promise((resume) => server.listen(0, "127.0.0.1", resume));
  issuer.url = `http://127.0.0.1:${server.address().port}`;
  issuer.stop = () => {
    server.closeAllConnections();
    server.close();
  };
  t.after(issuer.stop);

  /** The claims of a good token, some of them changed. */
  issuer.claims = (changes = {}) => {
    const now = changes.at ?? Date.now();
    const { at, ...rest } = changes;
    const iat = Math.floor(now / 1000);
    return {
      ...{ iss: issuer.url, sub: "idn_1", aud: resource, client_id: "app_1", scope: "notes:read", jti: tokenId(now) },
      ...{ iat, exp: iat + 300, ...rest },
    };
  };
  issuer.token = (changes = {}, header = {}, by = issuer.key) => sign(by, issuer.claims(changes), header);
  return issuer;
}

async function text(request) {
  let all = "";
  for await (const chunk of request) all += chunk;
  return all;
}

/** Waits until something holds, at most thirty seconds. */
export async function until(holds, what = "the condition") {
  for (const end = performance.now() + 30_000; performance.now() < end; ) {
    if (await holds()) return;
    await new Promise((resume) => setTimeout(resume, 10));
  }
  throw new Error(`${what} did not come to hold`);
}

/** A log that is kept. */
export function quiet() {
  const lines = [];
  return { lines, warn: (line) => lines.push(line), info: (line) => lines.push(line) };
}
