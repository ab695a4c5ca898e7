/**
 * What a sign-in signs, made here and not by the server. If this file is
 * wrong, a sign-in may be a yes to something that nobody has seen.
 */

/** internal/format/passkey/signin.go holds the same words. */
const domain = new TextEncoder().encode("assent.signin.v1");

/**
 * The challenge of a sign-in: SHA-256("assent.signin.v1" || nonce), where nonce is the `challenge` of the server's options.
 * The same passkey signs decisions, whose challenge is the bare SHA-256 of a text that begins with "{". So whatever bytes a
 * server sends, the hash of a decision among them, what is signed here is never a decision. A passkey that is created
 * needs none of this: its type is `webauthn.create`, and a decision must have `webauthn.get`.
 */
export async function signInChallenge(nonce: BufferSource): Promise<ArrayBuffer> {
  return crypto.subtle.digest("SHA-256", await new Blob([domain, nonce]).arrayBuffer());
}
