package evidence

import (
	"encoding/json"
	"errors"
	"fmt"
)

// BindingClaims are what the realm signs when a passkey is bound to a person.
type BindingClaims struct {
	Typ          string `json:"typ"` // BindingType
	Iss          string `json:"iss"`
	Sub          string `json:"sub"`
	CredentialID Bytes  `json:"credential_id"`
	PublicKey    Bytes  `json:"public_key"` // COSE_Key
	AAGUID       string `json:"aaguid"`     // UUID text, lower case
	RPID         string `json:"rp_id"`
	Iat          int64  `json:"iat"` // Unix seconds
}

// NewBinding returns the payload that the realm signs with header typ
// BindingHeaderType. An empty Typ is filled in.
func NewBinding(c BindingClaims) ([]byte, error) {
	if c.Typ == "" {
		c.Typ = BindingType
	}
	payload, err := CanonicalValue(c)
	if err != nil {
		return nil, fmt.Errorf("binding of %s: %w", c.Sub, err)
	}
	if err := bindingShape(payload); err != nil {
		return nil, fmt.Errorf("binding%w", err)
	}
	return payload, nil
}

// ParseBinding reads the claims of a compact binding JWS WITHOUT verifying its
// signature or looking at its header. It is for the realm, which reads what it
// has signed and kept itself; anybody else calls Verify.
func ParseBinding(compact string) (BindingClaims, error) {
	decoded, err := splitJWS(compact)
	if err != nil {
		return BindingClaims{}, fmt.Errorf("binding: %w", err)
	}
	payload, err := canonicalPayload(decoded[1])
	if err != nil {
		return BindingClaims{}, fmt.Errorf("binding: %w", err)
	}
	return parseBinding(payload)
}

func parseBinding(canonical []byte) (b BindingClaims, err error) {
	if err := bindingShape(canonical); err != nil {
		return b, fmt.Errorf("binding%w", err)
	}
	if err := json.Unmarshal(canonical, &b); err != nil {
		return b, fmt.Errorf("binding: %w", err)
	}
	return b, nil
}

// check tells why no answer can be given under this binding, or not this
// decision; d is nil where nobody decided.
func (b BindingClaims) check(d *Decision) error {
	switch {
	case b.Typ != BindingType:
		return fmt.Errorf("binding.typ is not %q", BindingType)
	case !isHost(b.RPID):
		return errors.New("binding.rp_id is not a host name")
	case d != nil && b.Iat > d.At+Skew:
		return errors.New("binding.iat is after the decision")
	}
	return nil
}
