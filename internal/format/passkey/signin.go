package passkey

import "crypto/sha256"

// signInDomain begins everything that is hashed into a sign-in's challenge.
// web/pages/src/challenge.ts holds the same words.
const signInDomain = "assent.signin.v1"

// SignInChallenge returns the WebAuthn challenge of a sign-in: 32 bytes,
// SHA-256("assent.signin.v1" || nonce), where nonce is what the server sent as
// options.challenge. The page's own script computes it as well, so that a sign-in
// never signs 32 bytes of the server's choosing.
//
// That is what keeps a sign-in from being a yes. One passkey, one RP id and one
// origin serve both, and the challenge of a decision is the bare SHA-256 of its
// canonical form: a page that signed whatever it was sent would sign the hash of a
// decision for an operator who sends one. A canonical decision begins with "{" and
// this preimage with "a", so they are never equal, and a challenge that is both
// would be a collision of SHA-256.
//
// A registration keeps the server's challenge as it is: what it signs, if anything,
// has the type webauthn.create, and every verifier of a decision or a sign-in
// demands webauthn.get (Section 7.2, step 10).
func SignInChallenge(nonce []byte) []byte {
	h := sha256.New()
	h.Write([]byte(signInDomain))
	h.Write(nonce)
	return h.Sum(nil)
}
