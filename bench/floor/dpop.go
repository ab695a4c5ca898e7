package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/assent-id/assent/bench/jws"
)

// proofLife is how old a DPoP proof may be.
const proofLife = time.Minute

// proof is the payload of a DPoP proof (RFC 9449, Section 4.2).
type proof struct {
	HTM string `json:"htm"`
	HTU string `json:"htu"`
	JTI string `json:"jti"`
	Iat int64  `json:"iat"`
}

// dpopKey verifies the DPoP proof of a token request and spends its jti durably.
// It answers the thumbprint of the key, "" for a proof that is not good or not new.
// The proof is parsed once: the key comes out of the header that is verified.
func (h *handler) dpopKey(ctx context.Context, r *http.Request, now time.Time) (string, error) {
	compact := r.Header.Get("DPoP")
	key, header, payload, err := jws.VerifyProof([]byte(compact))
	if err != nil || header.Typ != "dpop+jwt" {
		return "", nil
	}
	var p proof
	if err := json.Unmarshal(payload, &p); err != nil {
		return "", nil
	}
	iat := time.Unix(p.Iat, 0)
	switch {
	case p.HTM != r.Method, p.HTU != h.who.Issuer+"/oauth/token", p.JTI == "":
		return "", nil
	case iat.Before(now.Add(-proofLife)), iat.After(now.Add(skew)):
		return "", nil
	}
	thumbprint := key.Thumbprint()
	fresh, err := h.spent.spend(ctx, sha256.Sum256([]byte(thumbprint+"\x00"+p.JTI)), iat.Add(2*proofLife))
	if err != nil {
		return "", fmt.Errorf("spend jti of proof: %w", err)
	}
	if !fresh {
		return "", nil
	}
	return thumbprint, nil
}
