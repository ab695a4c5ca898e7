/** How a client proves to the issuer which application it is. */
import { type CryptoKey, importJWK, type JWK, SignJWT } from "jose";

/** Who calls. Set `key` or `clientSecret`, not both. */
export interface Credentials {
  readonly clientId: string;
  /** A private JWK (RFC 7517), P-256 or Ed25519, as an object or as its JSON: private_key_jwt (RFC 7523, Section 2.2). */
  readonly key?: JWK | string | undefined;
  /** client_secret_basic (RFC 6749, Section 2.3.1). */
  readonly clientSecret?: string | undefined;
}

/** Adds the proof to a request that is about to be sent. */
export type Authenticate = (
  form: URLSearchParams,
) => Promise<{ form: URLSearchParams; headers: Record<string, string> }>;

/** Short, because an assertion is made for one request. In seconds. */
const assertionLife = 60;

/** Throws a TypeError for credentials that cannot work. */
export function createAuthenticator(issuer: string, credentials: Credentials, now: () => number): Authenticate {
  const { clientId, key, clientSecret } = credentials;
  if (!clientId) throw new TypeError("clientId is missing");
  if (!key === !clientSecret) throw new TypeError("set key or clientSecret, one of them");
  if (clientSecret) {
    // RFC 6749, Section 2.3.1: both are form-encoded first.
    const pair = [clientId, clientSecret].map((text) => new URLSearchParams([["", text]]).toString().slice(1));
    const authorization = `Basic ${Buffer.from(pair.join(":")).toString("base64")}`;
    return async (form) => ({ form, headers: { authorization } });
  }
  const jwk = readKey(key as JWK | string);
  let imported: Promise<CryptoKey> | undefined;
  return async (form) => {
    imported ??= importJWK(jwk, jwk.alg) as Promise<CryptoKey>;
    const signed = await assertion(issuer, clientId, jwk, await imported, Math.floor(now() / 1000));
    const proof = new URLSearchParams(form);
    proof.set("client_id", clientId);
    proof.set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    proof.set("client_assertion", signed);
    return { form: proof, headers: {} };
  };
}

async function assertion(issuer: string, clientId: string, jwk: JWK, key: CryptoKey, now: number): Promise<string> {
  return new SignJWT({})
    .setProtectedHeader({ alg: jwk.alg as string, typ: "JWT", ...(jwk.kid && { kid: jwk.kid }) })
    .setIssuer(clientId)
    .setSubject(clientId)
    .setAudience(issuer) // one string: draft-ietf-oauth-rfc7523bis, Section 4
    .setJti(crypto.randomUUID())
    .setIssuedAt(now)
    .setExpirationTime(now + assertionLife)
    .sign(key);
}

const signing: Record<string, string> = { "EC/P-256": "ES256", "OKP/Ed25519": "EdDSA" };

/** The errors do not quote the key. */
function readKey(given: JWK | string): JWK & { alg: string } {
  let jwk: JWK;
  try {
    jwk = typeof given === "string" ? JSON.parse(given) : given;
  } catch {
    throw new TypeError("key is not a JWK");
  }
  const alg = signing[`${jwk?.kty}/${jwk?.crv}`];
  if (!alg || typeof jwk.d !== "string") throw new TypeError("key must be a private P-256 or Ed25519 key");
  return { ...jwk, alg };
}
