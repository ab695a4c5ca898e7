/**
 * CBOR (RFC 8949) as far as passkeys need it, and their public keys, COSE_Key
 * (RFC 9052, Section 7). Only definite lengths in their shortest form, which
 * CTAP2 demands of authenticators.
 */
import type { Bytes } from "./base64url.js";
import { ed25519, KeyFault, type PublicKey, p256, rsa } from "./keys.js";

/** Why bytes were refused. */
export class CborFault extends Error {
  constructor() {
    super("not CBOR of definite length in its shortest form");
  }
}

/** A place in a byte string. */
export interface Cursor {
  readonly bytes: Uint8Array;
  at: number;
}

const maxCoseMembers = 8;
const [majorBytes, majorText, majorArray, majorMap, majorTag, majorOther] = [2, 3, 4, 5, 6, 7] as const;

/** How deep extensions may be nested. */
export const maxCborDepth = 8;

export function left(c: Cursor): number {
  return c.bytes.length - c.at;
}

/** The next n bytes. */
export function take(c: Cursor, n: number | bigint): Uint8Array {
  if (n > left(c)) throw new CborFault();
  c.at += Number(n);
  return c.bytes.subarray(c.at - Number(n), c.at);
}

/** True if a map comes next. */
export function isMapNext(c: Cursor): boolean {
  return left(c) > 0 && (c.bytes[c.at] as number) >> 5 === majorMap;
}

/** Reads the initial byte and the argument of an item. */
function head(c: Cursor): { major: number; arg: bigint } {
  const [first = 0] = take(c, 1);
  const [major, low] = [first >> 5, first & 31];
  if (low < 24) return { major, arg: BigInt(low) };
  if (low > 27) throw new CborFault();
  const size = 1 << (low - 24);
  let arg = 0n;
  for (const byte of take(c, size)) arg = (arg << 8n) | BigInt(byte);
  // Floats are major type 7 and have no shorter form to prefer here.
  const shortest = arg >= 24n && (size === 1 || arg >> BigInt(4 * size) !== 0n);
  if (major !== majorOther && !shortest) throw new CborFault();
  return { major, arg };
}

/** Moves over one item of any kind, at most depth levels deep. */
export function skip(c: Cursor, depth: number): void {
  const { major, arg } = head(c);
  if (major === majorBytes || major === majorText) {
    take(c, arg);
    return;
  }
  let items = arg;
  if (major === majorMap) items = arg * 2n;
  else if (major === majorTag) items = 1n;
  else if (major !== majorArray) return;
  if (depth === 0 || (major !== majorTag && arg > left(c))) throw new CborFault();
  for (let i = 0n; i < items; i++) skip(c, depth - 1);
}

/** Reads an integer of at most 32 bits. */
function integer(c: Cursor): number {
  const { major, arg } = head(c);
  if (major > 1 || arg > 1n << 31n) throw new CborFault();
  return major === 1 ? -1 - Number(arg) : Number(arg);
}

type CoseValue = number | Uint8Array;

/** Reads a map from integers to integers and byte strings. */
function keyMap(c: Cursor): Map<number, CoseValue> {
  const { major, arg } = head(c);
  if (major !== majorMap || arg > maxCoseMembers) throw new KeyFault("not a CBOR map");
  const members = new Map<number, CoseValue>();
  for (let i = 0n; i < arg; i++) {
    const label = integer(c);
    if (members.has(label)) throw new KeyFault(`label ${label} stands twice`);
    members.set(label, keyValue(c));
  }
  return members;
}

function keyValue(c: Cursor): CoseValue {
  const next = left(c) > 0 ? (c.bytes[c.at] as number) >> 5 : -1;
  return next === majorBytes ? take(c, head(c).arg) : integer(c);
}

const none = new Uint8Array(0);

/**
 * Reads the public key of a passkey: ES256, EdDSA or RS256, with exactly the
 * members that its kind needs (WebAuthn, Section 6.5.1.1 forbids others).
 */
export async function parseCoseKey(bytes: Uint8Array): Promise<PublicKey> {
  const c: Cursor = { bytes, at: 0 };
  const members = keyMap(c);
  if (left(c) !== 0) throw new KeyFault("bytes after the COSE key");
  const only = (...labels: number[]) => members.size === labels.length && labels.every((label) => members.has(label));
  const raw = (label: number) => {
    const value = members.get(label);
    return value instanceof Uint8Array ? value : none;
  };
  const [kty, alg, crv] = [members.get(1), members.get(3), members.get(-1)];
  if (kty === 1 && alg === -8 && crv === 6 && only(1, 3, -1, -2)) return ed25519(raw(-2));
  if (kty === 2 && alg === -7 && crv === 1 && only(1, 3, -1, -2, -3)) return p256(raw(-2), raw(-3), fromDer);
  if (kty === 3 && alg === -257 && only(1, 3, -1, -2)) return rsa(raw(-1), raw(-2), "RS256");
  throw new KeyFault("not a COSE key for ES256, EdDSA or RS256");
}

/**
 * Brings an ECDSA signature from DER, in its one form (X.690), into R and S of
 * 32 bytes each.
 */
function fromDer(der: Bytes): Bytes | undefined {
  if (der[0] !== 0x30 || der.length > 72 || der[1] !== der.length - 2) return undefined;
  const out = new Uint8Array(64);
  let at = 2;
  for (const end of [32, 64]) {
    const length = der[at + 1] ?? 0;
    let integer = der.subarray(at + 2, at + 2 + length);
    if (der[at] !== 0x02 || length === 0 || integer.length !== length) return undefined;
    const [first = 0, second = 0] = integer;
    if (first >= 0x80 || (first === 0 && length > 1 && second < 0x80)) return undefined;
    if (first === 0) integer = integer.subarray(1);
    if (integer.length > 32) return undefined;
    out.set(integer, end - integer.length);
    at += 2 + length;
  }
  return at === der.length ? out : undefined;
}
