package oauthhttp

import (
	"net/http"

	"github.com/assent-id/assent/internal/service/oauth"
)

// certificateOf is what the client showed in the TLS handshake; nil: nothing.
// Only the listener for certificates asks for one.
func certificateOf(r *http.Request) *oauth.Certificate {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return nil
	}
	return &oauth.Certificate{DER: r.TLS.PeerCertificates[0].Raw, Trusted: len(r.TLS.VerifiedChains) > 0}
}

// offerNonce hands out the nonce for the client's next DPoP proof (RFC 9449,
// Section 8.2).
func offerNonce(w http.ResponseWriter, nonce string) {
	if nonce != "" {
		w.Header().Set("DPoP-Nonce", nonce)
	}
}
