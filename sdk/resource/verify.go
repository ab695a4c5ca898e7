package resource

import (
	"context"
	"crypto/x509"
	"slices"
	"strings"
	"time"

	"github.com/assent-id/assent/sdk/internal/jws"
)

const (
	maxToken  = 16 << 10 // bytes
	maxScheme = 16

	// maxHeader and maxHeaderMembers bound what is read of a token before anything
	// is known of who sent it, in bytes of the segment. The longest header that an
	// issuer writes has a kid of 256 bytes and two short members.
	maxHeader        = 1 << 10
	maxHeaderMembers = 64
)

// Presented is a token as it came with a request, and what of the request it is
// held against.
type Presented struct {
	Scheme string // of the Authorization field: "Bearer" or "DPoP", in any case
	Token  string
	// Method, URL and DPoP are for tokens that are bound to a key (RFC 9449): the
	// method and the URL as the client sees them, and all DPoP fields.
	Method, URL string
	DPoP        []string
	// Certificate is the client's in this very connection, for tokens that are
	// bound to one (RFC 8705); nil: it showed none.
	Certificate *x509.Certificate
}

// Verify checks a token as every request needs it, whatever the protocol: RFC
// 9068, Section 4, the sender's constraint, and revocation. What a request needs
// beyond that, such as scopes, is for the caller: [Token.HasScope] or
// [Server.Check]. The error is a [*Refusal]. In the steady state nothing waits on
// the network, except that opaque tokens are introspected when they are new.
func (s *Server) Verify(ctx context.Context, p Presented) (*Token, error) {
	t, refusal := s.verify(ctx, p)
	if refusal != nil {
		s.complete(refusal)
		return nil, refusal
	}
	return t, nil
}

// complete says in the challenge what this API knows of itself.
func (s *Server) complete(r *Refusal) {
	if r.Challenge.Scheme == schemeDPoP {
		r.Challenge.Algs = s.cfg.Metadata.DPoPAlgs
	}
}

const (
	schemeBearer = "Bearer"
	schemeDPoP   = "DPoP"
)

func (s *Server) verify(ctx context.Context, p Presented) (*Token, *Refusal) {
	switch { // RFC 9110, Section 11.1: scheme names are case-insensitive.
	case p.Token == "" || len(p.Scheme) > maxScheme:
		return nil, s.noToken()
	case strings.EqualFold(p.Scheme, schemeBearer):
		p.Scheme = schemeBearer
	case strings.EqualFold(p.Scheme, schemeDPoP):
		p.Scheme = schemeDPoP
	default:
		return nil, s.noToken()
	}
	t, asked, refusal := s.open(ctx, &p)
	if refusal == nil {
		refusal = s.alive(ctx, opened{raw: p.Token, t: t, asked: asked})
	}
	if refusal == nil {
		refusal = s.bound(&p, t) // last: it uses the proof up
	}
	if refusal != nil {
		if refusal.Challenge.Scheme == "" {
			refusal.Challenge.Scheme = p.Scheme
		}
		return nil, refusal
	}
	return t, nil
}

// noToken: RFC 6750, Section 3.1: nothing is said about why.
func (s *Server) noToken() *Refusal {
	if s.cfg.Metadata.DPoPRequired {
		return &Refusal{Challenge: Challenge{Scheme: schemeDPoP}}
	}
	return &Refusal{}
}

// open finds out what the token says. asked: the issuer said it for this request.
func (s *Server) open(ctx context.Context, p *Presented) (t *Token, asked bool, refusal *Refusal) {
	switch {
	case len(p.Token) > maxToken:
		return nil, false, bad("", "the token is too long")
	case s.keys.set.Load() == nil:
		return nil, false, later("the issuer's keys are not there yet", nil)
	case !strings.HasPrefix(p.Token, opaquePrefix):
		t, refusal = s.signed(ctx, p.Token)
	default:
		t, asked, refusal = s.opaque(ctx, p.Token)
	}
	if refusal == nil {
		refusal = s.checkClaims(t)
	}
	return t, asked, refusal
}

// scratch is the memory of one verification.
type scratch struct {
	token   []byte
	decoded []byte
	payload payload
}

func (s *Server) scratch() *scratch { return s.pool.Get().(*scratch) }

// release gives it back without what it has seen.
func (s *Server) release(w *scratch) {
	clear(w.token)
	clear(w.decoded)
	w.payload.forget()
	s.pool.Put(w)
}

// signed verifies a JWT (RFC 9068, Section 4; RFC 7515, Section 5.2). The payload
// is looked at when the signature has held, not before.
func (s *Server) signed(ctx context.Context, token string) (*Token, *Refusal) {
	w := s.scratch()
	defer s.release(w)
	w.token = append(w.token[:0], token...)
	compact, err := jws.Split(w.token)
	if err != nil {
		return nil, bad("", "the token is malformed")
	}
	set := s.keys.set.Load()
	key, known := set.header(compact.Header)
	if !known {
		var refusal *Refusal
		if set, key, refusal = s.keyOf(ctx, w, compact.Header); refusal != nil {
			return nil, refusal
		}
	}
	if w.decoded, err = jws.AppendDecoded(w.decoded[:0], compact.Signature); err != nil {
		return nil, bad("", "the token is malformed")
	}
	if !key.Verify(compact.Signed, w.decoded) {
		return nil, bad("", "the signature of the token does not hold")
	}
	if !known {
		set.remember(compact.Header, key)
	}
	if w.decoded, err = jws.AppendDecoded(w.decoded[:0], compact.Payload); err != nil {
		return nil, bad("", "the token is malformed")
	}
	t := new(Token)
	if err := w.payload.read(t, string(w.decoded)); err != nil {
		return nil, bad("", "the claims of the token are malformed")
	}
	return t, nil
}

// keyOf reads a header that was not seen before. The key says how it signs; the
// header has to agree (RFC 8725, Section 3.1).
func (s *Server) keyOf(ctx context.Context, w *scratch, raw []byte) (*keySet, jws.Key, *Refusal) {
	var none jws.Key
	if len(raw) > maxHeader {
		return nil, none, bad("", "the header of the token is too long")
	}
	header, err := jws.AppendDecoded(w.decoded[:0], raw)
	if err != nil {
		return nil, none, bad("", "the token is malformed")
	}
	members, err := w.payload.outer.AtMost(string(header), maxHeaderMembers)
	if err != nil {
		return nil, none, bad("", "the header of the token is malformed")
	}
	var h struct{ alg, kid, typ string }
	for _, m := range members {
		ok := true
		switch m.Name {
		case "alg":
			ok = text(m.Value, &h.alg)
		case "kid":
			ok = text(m.Value, &h.kid)
		case "typ":
			ok = text(m.Value, &h.typ)
		case "crit", "b64": // RFC 7515, Section 4.1.11: nothing critical is understood here.
			ok = false
		}
		if !ok {
			return nil, none, bad("", "the header of the token is malformed")
		}
	}
	// RFC 9068, Section 4.
	if h.typ != "at+jwt" && h.typ != "application/at+jwt" {
		return nil, none, bad("", "the token is no access token")
	}
	if h.kid == "" || len(h.kid) > maxKeyID || h.alg == "" || h.alg == "none" {
		return nil, none, bad("", "the header of the token is malformed")
	}
	set, key, refusal := s.keys.byID(ctx, h.kid)
	if refusal == nil && !key.Named(h.alg) {
		refusal = bad("", "the algorithm of the token is not that of its key")
	}
	return set, key, refusal
}

// checkClaims: RFC 9068, Section 4, numbers 3 to 5.
func (s *Server) checkClaims(t *Token) *Refusal {
	now, leeway := s.cfg.Now(), s.cfg.Leeway
	switch {
	case t.Issuer != s.cfg.Issuer:
		return bad("", "the token is of another issuer")
	case !slices.ContainsFunc(t.Audience, s.isUs):
		return bad("", "the token is for another API")
	case !now.Before(time.Unix(t.expires, 0).Add(leeway)):
		return bad("", "the token has expired")
	case t.notBefore != 0 && now.Add(leeway).Before(time.Unix(t.notBefore, 0)), now.Add(leeway).Before(t.IssuedAt):
		return bad("", "the token is from the future")
	}
	return nil
}

// isUs: an identifier that is an origin alone is the same with and without its
// slash (RFC 3986, Section 6.2.3).
func (s *Server) isUs(audience string) bool {
	own := s.cfg.Resource
	return audience == own || s.cfg.origin && strings.TrimSuffix(audience, "/") == strings.TrimSuffix(own, "/")
}

// opened is a token of which it is known what it says.
type opened struct {
	raw   string
	t     *Token
	asked bool // the issuer said so for this very request
}

// alive asks the feed, and where that is lost does as configured.
func (s *Server) alive(ctx context.Context, o opened) *Refusal {
	if s.feed == nil {
		return nil
	}
	fresh := s.feed.fresh()
	switch {
	case s.feed.revoked(o.t): // what was heard before the feed was lost still holds
		return bad("", "the token was revoked")
	case fresh:
		return nil
	case s.cfg.Lost == Refuse:
		return later("revoked tokens cannot be told from others now", ErrFeedLost)
	case o.asked:
		return nil
	case strings.HasPrefix(o.raw, opaquePrefix): // the feed was lost after the cache had answered
		_, _, refusal := s.asked.token(ctx, o.raw)
		return refusal
	}
	_, refusal := s.asked.issuer(ctx, s.asked.signed, o.raw)
	return refusal
}

// Check holds a token against what a request needs (RFC 6750, Section 3.1; RFC
// 9470, Section 3). What need.Approval demands is for the caller to check: it takes
// a request. The error is a [*Refusal].
func (s *Server) Check(t *Token, need Need) error {
	if refusal := s.check(t, need); refusal != nil {
		s.complete(refusal)
		return refusal
	}
	return nil
}

func (s *Server) check(t *Token, need Need) *Refusal {
	scheme := schemeBearer
	if t.JKT != "" {
		scheme = schemeDPoP
	}
	if refusal := s.single(t, need); refusal != nil {
		refusal.Challenge.Scheme = scheme
		return refusal
	}
	if !t.HasScope(need.Scopes...) {
		return &Refusal{Challenge: Challenge{Scheme: scheme, Error: InsufficientScope, Scope: need.Scopes,
			Description: "the token does not reach that far"}}
	}
	if len(need.ACR) > 0 && !slices.Contains(need.ACR, t.ACR) {
		return stepUp(scheme, need, "the person must be authenticated in another way")
	}
	if need.MaxAge > 0 && (t.AuthTime.IsZero() || s.cfg.Now().Sub(t.AuthTime) > need.MaxAge+s.cfg.Leeway) {
		return stepUp(scheme, need, "the person must be authenticated again")
	}
	return nil
}

func stepUp(scheme string, need Need, why string) *Refusal {
	return &Refusal{Challenge: Challenge{Scheme: scheme, Error: InsufficientUserAuth, Description: why,
		ACRValues: need.ACR, MaxAge: int(need.MaxAge / time.Second)}}
}
