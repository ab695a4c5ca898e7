/**
 * Public keys and signatures: JWK sets (RFC 7517) of realms, and the
 * algorithms of realms and passkeys over WebCrypto.
 */
import { type Bytes, concat, decode, utf8 } from "./base64url.js";
import { isObject, type Json, type JsonObject, member, stringMember } from "./json.js";

/** A public key with the one algorithm that it is used with. */
export interface PublicKey {
  readonly alg: "ES256" | "EdDSA" | "RS256" | "PS256";
  /** False for any reason: a bad signature, or a key that turns out to be none. */
  verify(signed: Bytes, signature: Bytes): Promise<boolean>;
}

export type KeySet = ReadonlyMap<string, PublicKey>;

/** Why keys were refused. */
export class KeyFault extends Error {}

const maxKeys = 1000;
const maxKeyID = 256; // bytes of a kid

/**
 * Reads a JWK set. Keys for other uses and of unknown kinds are left out;
 * secrets, equal kids and keys without a kid are refused with a KeyFault.
 */
export async function parseKeys(set: Json): Promise<KeySet> {
  const list = isObject(set) ? member(set, "keys") : undefined;
  if (!Array.isArray(list)) throw new KeyFault("JWK set has no array keys");
  if (list.length > maxKeys) throw new KeyFault(`more than ${maxKeys} keys`);
  const keys = new Map<string, PublicKey>();
  const seen = new Set<string>();
  for (const jwk of list) {
    if (!isObject(jwk)) throw new KeyFault("a key is not an object");
    const kid = stringMember(jwk, "kid");
    checkKey(jwk, kid, seen);
    seen.add(kid);
    if (Object.hasOwn(jwk, "use") && member(jwk, "use") !== "sig") continue;
    const key = await parseKey(jwk);
    if (key) keys.set(kid, key);
  }
  return keys;
}

function checkKey(jwk: JsonObject, kid: string, seen: Set<string>): void {
  if (kid === "" || utf8(kid).length > maxKeyID) throw new KeyFault("a key has no kid, or one that is too long");
  if (seen.has(kid)) throw new KeyFault(`two keys have the kid ${JSON.stringify(kid)}`);
  if (Object.hasOwn(jwk, "d") || Object.hasOwn(jwk, "k") || member(jwk, "kty") === "oct") {
    throw new KeyFault("a key holds a secret");
  }
}

/** Returns undefined for a kind that is unknown here (RFC 7517, Section 5). */
async function parseKey(jwk: JsonObject): Promise<PublicKey | undefined> {
  switch (`${stringMember(jwk, "kty")} ${stringMember(jwk, "crv")}`) {
    case "OKP Ed25519": // RFC 8037; RFC 9864 renamed the algorithm.
      demandAlg(jwk, "EdDSA", "Ed25519");
      return ed25519(keyBytes(jwk, "x"));
    case "EC P-256":
      demandAlg(jwk, "ES256");
      return p256(keyBytes(jwk, "x"), keyBytes(jwk, "y"), rawSignature);
    case "RSA ": {
      demandAlg(jwk, "RS256", "PS256");
      const alg = member(jwk, "alg") === "PS256" ? "PS256" : "RS256";
      return rsa(keyBytes(jwk, "n"), keyBytes(jwk, "e"), alg);
    }
    default:
      return undefined;
  }
}

function demandAlg(jwk: JsonObject, ...names: string[]): void {
  if (Object.hasOwn(jwk, "alg") && !names.includes(stringMember(jwk, "alg"))) {
    throw new KeyFault("alg does not fit the key");
  }
}

function keyBytes(jwk: JsonObject, name: string): Bytes {
  const bytes = decode(stringMember(jwk, name));
  if (!bytes || bytes.length === 0) throw new KeyFault(`${name} is not base64url`);
  return bytes;
}

/** An Ed25519 key (RFC 8032). */
export function ed25519(x: Uint8Array): PublicKey {
  if (x.length !== 32) throw new KeyFault("x is not 32 bytes");
  const raw = concat(x);
  return {
    alg: "EdDSA",
    verify: async (signed, signature) => {
      try {
        const key = await crypto.subtle.importKey("raw", raw, "Ed25519", false, ["verify"]);
        return await crypto.subtle.verify("Ed25519", key, signature, signed);
      } catch {
        return false;
      }
    },
  };
}

/**
 * A P-256 key. toRaw brings its signatures into R and S of 32 bytes each, or
 * returns undefined.
 */
export async function p256(
  x: Uint8Array,
  y: Uint8Array,
  toRaw: (signature: Bytes) => Bytes | undefined,
): Promise<PublicKey> {
  if (x.length !== 32 || y.length !== 32) throw new KeyFault("coordinates are not 32 bytes each");
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const key = await crypto.subtle
    .importKey("raw", concat(Uint8Array.of(4), x, y), algorithm, false, ["verify"])
    .catch(() => {
      throw new KeyFault("not a point of P-256");
    });
  return {
    alg: "ES256",
    verify: async (signed, signature) => {
      const raw = toRaw(signature);
      return raw !== undefined && holds(crypto.subtle.verify(algorithm, key, raw, signed));
    },
  };
}

/** The form of ECDSA signatures in a JWS (RFC 7518, Section 3.4). */
function rawSignature(signature: Bytes): Bytes | undefined {
  return signature.length === 64 ? signature : undefined;
}

/** An RSA key of 2048 to 8192 bits. */
export async function rsa(n: Uint8Array, e: Uint8Array, alg: "RS256" | "PS256"): Promise<PublicKey> {
  const [first = 0] = n;
  const bits = (n.length - 1) * 8 + 32 - Math.clz32(first);
  const odd = ((n.at(-1) ?? 0) & 1) === 1;
  if (first === 0 || !odd || bits < 2048 || bits > 8192)
    throw new KeyFault("modulus is not an odd number of 2048 to 8192 bits");
  const exponent = e.reduce((value, byte) => value * 256 + byte, 0);
  if (e.length > 4 || !e[0] || exponent % 2 === 0 || exponent < 3 || exponent > 0x7fffffff) {
    throw new KeyFault("exponent is not an odd number from 3 to 2^31-1");
  }
  const algorithm = { name: alg === "PS256" ? "RSA-PSS" : "RSASSA-PKCS1-v1_5", hash: "SHA-256", saltLength: 32 };
  const key = await crypto.subtle.importKey("spki", spki(n, e), algorithm, false, ["verify"]).catch(() => {
    throw new KeyFault("not an RSA key");
  });
  return { alg, verify: (signed, signature) => holds(crypto.subtle.verify(algorithm, key, signature, signed)) };
}

async function holds(verification: Promise<boolean>): Promise<boolean> {
  return verification.catch(() => false);
}

/** SubjectPublicKeyInfo of an RSA key (RFC 8017, Appendix A.1.1). */
function spki(n: Uint8Array, e: Uint8Array): Bytes {
  const rsaEncryption = Uint8Array.of(0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00);
  const key = der(0x30, concat(derInteger(n), derInteger(e)));
  return der(0x30, concat(der(0x30, rsaEncryption), der(0x03, concat(Uint8Array.of(0), key))));
}

function derInteger(value: Uint8Array): Bytes {
  const positive = (value[0] ?? 0) & 0x80 ? concat(Uint8Array.of(0), value) : concat(value);
  return der(0x02, positive);
}

function der(tag: number, content: Uint8Array): Bytes {
  const n = content.length;
  if (n < 0x80) return concat(Uint8Array.of(tag, n), content);
  if (n < 0x100) return concat(Uint8Array.of(tag, 0x81, n), content);
  return concat(Uint8Array.of(tag, 0x82, n >> 8, n & 0xff), content);
}
