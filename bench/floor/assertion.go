package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	"github.com/assent-id/assent/bench/jws"
)

// horizon is how far ahead the exp of an assertion may lie.
const horizon = 5 * time.Minute

// skew is how far in the future its iat may lie.
const skew = 10 * time.Second

// assertion is the payload of a client assertion (RFC 7523, Section 3).
type assertion struct {
	Iss string `json:"iss"`
	Sub string `json:"sub"`
	Aud string `json:"aud"`
	JTI string `json:"jti"`
	Exp int64  `json:"exp"`
	Iat int64  `json:"iat"`
}

// assertionClient verifies a private_key_jwt and spends its jti durably. It
// returns "" for an assertion that is not good or not new.
func (h *handler) assertionClient(ctx context.Context, compact string, now time.Time) (string, error) {
	_, payload, err := jws.Verify([]byte(compact), h.assertions)
	if err != nil {
		return "", nil
	}
	var a assertion
	if err := json.Unmarshal(payload, &a); err != nil {
		return "", nil
	}
	exp := time.Unix(a.Exp, 0)
	switch {
	case a.Iss != h.who.KeyID, a.Sub != h.who.KeyID, a.Aud != h.who.Issuer, a.JTI == "":
		return "", nil
	case !exp.After(now), exp.After(now.Add(horizon)), time.Unix(a.Iat, 0).After(now.Add(skew)):
		return "", nil
	}
	fresh, err := h.spent.spend(ctx, sha256.Sum256([]byte(a.Iss+"\x00"+a.JTI)), exp)
	if err != nil {
		return "", fmt.Errorf("spend jti: %w", err)
	}
	if !fresh {
		return "", nil
	}
	return h.who.KeyID, nil
}
