/** Compact JWS of the realm (RFC 7515). */
import { decode, fromUTF8, utf8 } from "./base64url.js";
import { type Json, type JsonObject, parseJson, stringMember } from "./json.js";
import type { KeySet, PublicKey } from "./keys.js";
import { header as headerShape } from "./shape.js";

/** Why a JWS was refused. */
export class JwsFault extends Error {}

const maxJws = 16 << 10; // bytes
const maxDepth = 8;

/**
 * Checks a compact JWS (RFC 7515, Section 5.2) and returns its payload. The
 * key alone fixes the algorithm; the header must agree, must have this typ,
 * and must hold nothing but alg, kid and typ.
 */
export async function verifyJws(keys: KeySet, compact: string, typ: string): Promise<Json> {
  if (compact.length > maxJws) throw new JwsFault("longer than 16 kB");
  const segments = compact.split(".");
  const [header, payload, signature] = segments.map(decode);
  if (segments.length !== 3 || !header?.length || !payload?.length || !signature?.length) {
    throw new JwsFault("not a compact JWS of three segments of base64url");
  }
  const key = keyFor(keys, parse(header, "header"), typ);
  const signed = utf8(`${segments[0]}.${segments[1]}`);
  if (!(await key.verify(signed, signature))) throw new JwsFault("signature does not hold");
  return parse(payload, "payload");
}

function parse(bytes: Uint8Array, what: string): Json {
  const text = fromUTF8(bytes);
  if (text === undefined) throw new JwsFault(`${what} is not UTF-8`);
  return parseJson(text, maxDepth);
}

function keyFor(keys: KeySet, header: Json, typ: string): PublicKey {
  const fault = headerShape(header);
  if (fault) throw new JwsFault(`header${fault}`);
  const h = header as JsonObject;
  if (stringMember(h, "typ") !== typ) throw new JwsFault(`header typ is not ${typ}`);
  const key = keys.get(stringMember(h, "kid"));
  if (!key) throw new JwsFault(`no key has the kid ${JSON.stringify(stringMember(h, "kid"))}`);
  // RFC 9864, Section 2.2: Ed25519 is the same as EdDSA with this curve.
  const alg = stringMember(h, "alg") === "Ed25519" ? "EdDSA" : stringMember(h, "alg");
  if (alg !== key.alg) throw new JwsFault(`header alg is not the key's, ${key.alg}`);
  return key;
}
