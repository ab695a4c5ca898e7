/**
 * What a passkey signs for a decision. An approver needs this and canonical.ts
 * alone.
 */
import { type Bytes, encode, utf8 } from "./base64url.js";
import { canonical } from "./canonical.js";

/** The base64url SHA-256 of a canonical text: 43 characters. */
export async function hash(canonicalText: string): Promise<string> {
  return encode(await sha256(utf8(canonicalText)));
}

/**
 * The WebAuthn challenge for a decision: the SHA-256 of its canonical form.
 * Compute it from the statement that was shown; never sign one handed to you.
 */
export async function challenge(decision: unknown): Promise<Bytes> {
  return sha256(utf8(canonical(decision)));
}

/** The four digits that the asking side and the approver both show. */
export async function comparison(statementHash: string): Promise<string> {
  const digest = await sha256(utf8(`assent.comparison.v1${statementHash}`));
  const number = new DataView(digest.buffer).getUint32(0) % 10_000;
  return String(number).padStart(4, "0");
}

/** SHA-256 (FIPS 180-4). */
export async function sha256(bytes: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}
