package manage

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/model"
)

// Which origins may use the passkeys of a host is asked at that host, and the answer
// is for all realms on it (Web Authentication Level 3, Section 5.11). So who manages
// one of them alone must not decide it.

const sharedHost = "Other realms use this host's passkeys too. An admin of the whole server decides which pages may use them."

var errSharedHost = &httpx.Problem{Status: http.StatusForbidden, Code: "shared_host", Detail: sharedHost}

// decides reports whether the caller may say which origins use passkeys of the
// realm's relying party id, which is rpID.
func (c call) decides(rpID string) bool {
	return c.here.Realm.Default || c.site.OwnHost() && rpID == c.site.Realm.Policy.Host
}

// mayRelate refuses changes of a policy that are not this realm's to make.
func (c call) mayRelate(old, next model.RealmPolicy) error {
	if slices.Equal(old.RelatedOrigins, next.RelatedOrigins) && old.RPID == next.RPID {
		return nil
	}
	if before, after := old.RPID, next.RPID; c.decides(c.rpID(before)) && c.decides(c.rpID(after)) {
		return nil
	}
	return errSharedHost
}

// rpID is what a policy's rp_id means in the realm.
func (c call) rpID(set string) string {
	if set == "" && c.site.OwnHost() {
		return c.site.Realm.Policy.Host
	}
	return set
}

// mayTrust refuses a caller who would let other pages than those of the relying
// party itself use passkeys of a host that the realm shares.
func (c call) mayTrust(s model.AuthenticatorSettings) error {
	rpID := s.RPID
	if rpID == "" {
		rpID = c.site.RPID
	}
	if s.Type != model.AuthenticatorEmbedded || rpID != c.site.RPID || c.decides(rpID) {
		return nil
	}
	for _, o := range s.TrustedOrigins {
		u, err := url.Parse(o)
		if err != nil || u.Hostname() != rpID && !strings.HasSuffix(u.Hostname(), "."+rpID) {
			return errSharedHost
		}
	}
	return nil
}

// sameTrust reports whether two settings let the same pages use the same passkeys.
func sameTrust(a, b model.AuthenticatorSettings) bool {
	return a.Type == b.Type && a.RPID == b.RPID && slices.Equal(a.TrustedOrigins, b.TrustedOrigins)
}
