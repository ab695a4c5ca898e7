/**
 * What a sign-in signs, made here and not by the server. If this file is
 * wrong, a sign-in may be a yes to something that nobody has seen.
 */

/** The hosted pages and the server hold the same words. */
const domain = new TextEncoder().encode("assent.signin.v1");

/**
 * The challenge of a sign-in: SHA-256("assent.signin.v1" || nonce). The same passkey signs decisions, whose challenge is
 * the bare SHA-256 of a text that begins with "{". So whatever bytes a server sends as its nonce, what is signed here is
 * never a decision.
 */
export async function signInChallenge(nonce: BufferSource): Promise<ArrayBuffer> {
  return crypto.subtle.digest("SHA-256", await new Blob([domain, nonce]).arrayBuffer());
}
