package jose

import "crypto"

// FromKey is the [PublicKey] of a key that comes from elsewhere than a JWK, such
// as a certificate. Its id is the thumbprint; kinds that are not in the table
// are [ErrKey].
func FromKey(key crypto.PublicKey) (*PublicKey, error) { return newPublic(key, "", "") }
