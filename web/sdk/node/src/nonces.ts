/**
 * Nonces for DPoP proofs (RFC 9449, Section 9): a time and a MAC over it. Whichever process has the key can read one, those
 * that are written in Go as well, and nobody else can make one.
 */
import { createHmac, timingSafeEqual } from "node:crypto";

/** How long a nonce can be used, and by how much the clock that made it may be ahead. In seconds. */
const life = 180;
const ahead = 60;

/** Bytes of a key. */
export const shortestKey = 32;

/** A nonce of this moment; `now` is in milliseconds. */
export function makeNonce(key: Uint8Array, now: number): string {
  const at = Buffer.alloc(8);
  at.writeBigUInt64BE(BigInt(Math.floor(now / 1000)));
  return Buffer.concat([at, mac(key, at)]).toString("base64url");
}

/** Until when a nonce is good, in milliseconds; undefined for one that is not. */
export function openNonce(key: Uint8Array, nonce: unknown, now: number): number | undefined {
  if (typeof nonce !== "string" || !/^[\w-]{32}$/.test(nonce)) return undefined;
  const raw = Buffer.from(nonce, "base64url");
  const at = raw.subarray(0, 8);
  if (!timingSafeEqual(raw.subarray(8), mac(key, at))) return undefined;
  const made = Number(at.readBigUInt64BE()) * 1000;
  const until = made + life * 1000;
  return now < until && made <= now + ahead * 1000 ? until : undefined;
}

function mac(key: Uint8Array, at: Uint8Array): Buffer {
  return createHmac("sha256", key).update("assent dpop nonce").update(at).digest().subarray(0, 16);
}
