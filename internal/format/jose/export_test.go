package jose

// PeekBytes reads a token with a payload of any kind, as the published vectors have.
func PeekBytes(compact string) (Unverified, error) { return peekBytes(compact, 0) }

// VerifyBytes checks a signature over a message that is no token.
func VerifyBytes(k *PublicKey, message, signature []byte) bool { return k.verify(message, signature) }
