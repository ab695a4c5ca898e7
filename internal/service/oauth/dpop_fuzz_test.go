package oauth_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/oauth"
)

// Whatever stands in a DPoP header, and whatever somebody signs there, is accepted
// once or refused as a bad proof. It never breaks the server, and a refused one
// leaves nothing behind.
//
// Requirement: dpop-proof-checks, limits-fuzz-dpop
func FuzzDPoPProof(f *testing.F) {
	p := servertest.NewProver(f)
	good := p.Proof(f, "POST", tokenURL, nil)
	f.Add(good, "", "")
	f.Add(p.ResourceProof(f, "POST", tokenURL, "token", nil), "", "token")
	f.Add(rfcToken, "", "")
	f.Add(rfcAccess, "", rfcBearer)
	f.Add(strings.Replace(good, ".", "..", 1), "", "")
	f.Add("", `{"jti":"a","htm":"POST","htu":"https://server.example.com/token","iat":1800000000}`, "")
	f.Add("", `{"jti":"b","htm":"POST","htu":"HTTPS://server.example.com:443/%74oken/./?#","iat":1.8e9,"ath":"x"}`, "token")
	all := newChecker(f)
	f.Fuzz(func(t *testing.T, header, claims, accessToken string) {
		c := *all
		c.now = time.Now()
		if claims != "" {
			c.now = time.Unix(1_800_000_000, 0)
			header = p.SignText(t, nil, []byte(claims))
		}
		r := c.at
		r.DPoP = []string{header}
		before := len(c.store.used)
		jkt, err := c.Proof(t.Context(), c.site, c.client, r, accessToken)
		if refusal, ok := errors.AsType[*oauth.Error](err); err != nil && (!ok || refusal.Code != oauth.InvalidDPoPProof) {
			t.Fatalf("neither accepted nor refused: %v", err)
		}
		if err != nil {
			if len(c.store.used) != before || jkt != "" {
				t.Fatalf("a refused proof left something behind, thumbprint %q", jkt)
			}
			return
		}
		if _, err := c.Proof(t.Context(), c.site, c.client, r, accessToken); err == nil || len(jkt) != 43 {
			t.Fatalf("accepted twice, or thumbprint %q", jkt)
		}
	})
}
