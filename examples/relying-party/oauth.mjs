// @ts-check
/**
 * The OAuth and OpenID Connect of a relying party, with nothing but Node:
 * discovery, PKCE, the exchange of the code, and the checks of the ID token.
 * A library such as openid-client does the same; here every step can be read.
 */
import { createHash, createPublicKey, randomBytes, verify } from "node:crypto";

/**
 * @typedef {{ clientId: string, clientSecret: string, auth: "client_secret_basic" | "client_secret_post" }} Application
 * @typedef {{ state: string, nonce: string, verifier: string }} Pending What is kept between the request and its answer.
 * @typedef {Record<string, any> & { sub: string, name?: string }} Claims
 */

const scope = "openid profile email";

/** A value that nobody guesses. */
export const random = () => randomBytes(32).toString("base64url");

/**
 * Reads the server's own description of itself (OpenID Connect Discovery 1.0, Section 4).
 * @param {string} issuer
 * @returns {Promise<Record<string, any>>}
 */
export async function discover(issuer) {
  const metadata = await json(await fetch(`${issuer}/.well-known/openid-configuration`));
  if (metadata.issuer !== issuer) throw new Error("the discovery document is another issuer's");
  return metadata;
}

/**
 * Begins a sign-in: the address for the browser, and what must be kept for the answer.
 * @param {Record<string, any>} metadata
 * @param {Application} application
 * @param {string} redirect
 * @returns {{ url: string, pending: Pending }}
 */
export function authorizeUrl(metadata, application, redirect) {
  const pending = { state: random(), nonce: random(), verifier: random() };
  const query = new URLSearchParams({
    response_type: "code",
    client_id: application.clientId,
    redirect_uri: redirect,
    scope,
    state: pending.state,
    nonce: pending.nonce,
    // RFC 7636, Section 4.2: the challenge is the hash of the verifier, which stays here.
    code_challenge: createHash("sha256").update(pending.verifier).digest("base64url"),
    code_challenge_method: "S256",
  });
  return { url: `${metadata.authorization_endpoint}?${query}`, pending };
}

/**
 * Exchanges the code for tokens, checks the ID token, and reads what the server says about the person.
 * @param {Record<string, any>} metadata
 * @param {Application} application
 * @param {{ code: string, redirect: string, pending: Pending }} answer
 * @returns {Promise<{ idToken: string, claims: Claims, about: Claims }>}
 */
export async function exchange(metadata, application, { code, redirect, pending }) {
  const { headers, form } = authenticate(application);
  const body = new URLSearchParams({
    ...{ grant_type: "authorization_code", code, redirect_uri: redirect, code_verifier: pending.verifier },
    ...form,
  });
  const tokens = await json(await fetch(metadata.token_endpoint, { method: "POST", headers, body }));
  const keys = await json(await fetch(metadata.jwks_uri));
  const claims = checkIdToken(tokens.id_token, {
    ...{ keys: keys.keys, issuer: metadata.issuer, clientId: application.clientId, nonce: pending.nonce },
  });
  const bearer = { Authorization: `Bearer ${tokens.access_token}` };
  const about = await json(await fetch(metadata.userinfo_endpoint, { headers: bearer }));
  // OpenID Connect Core 1.0, Section 5.3.2: else it may be about somebody else.
  if (about.sub !== claims.sub) throw new Error("userinfo is about another person than the ID token");
  return { idToken: tokens.id_token, claims, about };
}

/**
 * How the application says who it is: in a header or in the form (RFC 6749, Section 2.3.1).
 * @param {Application} application
 * @returns {{ headers: Record<string, string>, form: Record<string, string> }}
 */
export function authenticate({ clientId, clientSecret, auth }) {
  if (auth === "client_secret_post") return { headers: {}, form: { client_id: clientId, client_secret: clientSecret } };
  const credentials = [clientId, clientSecret].map(encodeURIComponent).join(":");
  return { headers: { Authorization: `Basic ${Buffer.from(credentials).toString("base64")}` }, form: {} };
}

/** The signature algorithms that this relying party takes; `none` is not among them. */
const algorithms = /** @type {const} */ ({
  EdDSA: { hash: null, kty: "OKP" },
  Ed25519: { hash: null, kty: "OKP" },
  ES256: { hash: "sha256", kty: "EC" },
  RS256: { hash: "sha256", kty: "RSA" },
});

/**
 * OpenID Connect Core 1.0, Section 3.1.3.7.
 * @param {string} token
 * @param {{ keys: any[], issuer: string, clientId: string, nonce: string }} expected
 * @returns {Claims}
 */
export function checkIdToken(token, { keys, issuer, clientId, nonce }) {
  const [header = "", payload = "", signature = ""] = token.split(".");
  const { alg, kid } = decode(header);
  const algorithm = Object.hasOwn(algorithms, alg)
    ? algorithms[/** @type {keyof typeof algorithms} */ (alg)]
    : undefined;
  const jwk = keys.find((key) => key.kid === kid && key.kty === algorithm?.kty);
  if (!algorithm || !jwk) throw new Error("the ID token is signed by a key that the server does not publish");
  const key = createPublicKey({ key: jwk, format: "jwk" });
  const signed = Buffer.from(`${header}.${payload}`);
  const options = { key, dsaEncoding: /** @type {const} */ ("ieee-p1363") };
  if (!verify(algorithm.hash, signed, options, Buffer.from(signature, "base64url"))) {
    throw new Error("the signature of the ID token is wrong");
  }
  const claims = decode(payload);
  const audience = [claims.aud].flat();
  const now = Date.now() / 1000;
  if (claims.iss !== issuer) throw new Error("the ID token is another issuer's");
  if (!audience.includes(clientId) || (audience.length > 1 && claims.azp !== clientId)) {
    throw new Error("the ID token is for another application");
  }
  if (!(claims.exp > now - 5)) throw new Error("the ID token has expired");
  if (!(claims.iat < now + 60)) throw new Error("the ID token is from the future");
  if (claims.nonce !== nonce) throw new Error("the ID token answers another sign-in");
  return claims;
}

/** @param {string} segment */
function decode(segment) {
  return JSON.parse(Buffer.from(segment, "base64url").toString());
}

/**
 * An answer as JSON; a refusal is an error that says what the server said.
 * @param {Response} answer
 * @returns {Promise<any>}
 */
export async function json(answer) {
  /** @type {any} */
  const body = await answer.json().catch(() => ({}));
  if (answer.ok) return body;
  const said = [body.error ?? body.code ?? "", body.error_description ?? body.detail ?? "", fields(body)]
    .filter(Boolean)
    .join(": ");
  throw new Error(`${new URL(answer.url).pathname} answered ${answer.status}${said && `: ${said}`}`);
}

/** @param {{ errors?: { location: string, message: string }[] }} body */
function fields({ errors }) {
  return (errors ?? []).map(({ location, message }) => `${location} ${message}`).join(", ");
}
