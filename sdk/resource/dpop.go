package resource

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"time"

	"github.com/assent-id/assent/sdk/internal/jws"
	"github.com/assent-id/assent/sdk/internal/strictjson"
)

const (
	maxProof   = 8 << 10 // bytes; one with an RSA key of 4096 bits has 2 kB
	maxProofID = 512     // bytes of a jti
	// maxProofHeader is in bytes of the segment: 1 kB, and an RSA key of 8192 bits,
	// which has 2 kB there.
	maxProofHeader = 3 << 10
	proofPast      = 60 * time.Second
	proofAhead     = 10 * time.Second
)

func badProof(why string) *Refusal {
	return &Refusal{Challenge: Challenge{Scheme: schemeDPoP, Error: InvalidDPoPProof, Description: why}}
}

// bound holds the token's confirmation against the request. A token that is bound
// to a key has the scheme DPoP, every other one Bearer (RFC 9449, Section 7.2).
func (s *Server) bound(p *Presented, t *Token) *Refusal {
	switch {
	case p.Scheme == schemeDPoP && t.JKT == "":
		return bad(schemeDPoP, "the token is not bound to a key, so its scheme is Bearer")
	case p.Scheme == schemeBearer && t.JKT != "":
		return bad(schemeDPoP, "the token is bound to a key, so its scheme is DPoP")
	case t.JKT == "" && s.cfg.Metadata.DPoPRequired:
		return bad(schemeDPoP, "the token must be bound to a key")
	}
	if t.X5T != "" {
		if refusal := checkCertificate(p.Certificate, t.X5T); refusal != nil {
			return refusal
		}
	}
	if t.JKT == "" {
		return nil
	}
	return s.proof(p, t)
}

// A proof is what a DPoP proof says (RFC 9449, Section 4.2).
type proof struct {
	jkt                       string
	jti, htm, htu, ath, nonce string
	iat                       int64
	hasIat                    bool
}

// proof checks the DPoP proof of a request (RFC 9449, Section 4.3), and uses its
// jti up, last of all.
func (s *Server) proof(p *Presented, t *Token) *Refusal {
	if len(p.DPoP) != 1 || len(p.DPoP[0]) > maxProof {
		return badProof("exactly one DPoP proof is needed, of at most 8 kB")
	}
	got, refusal := s.openProof(p.DPoP[0])
	if refusal != nil {
		return refusal
	}
	switch {
	case got.jti == "" || len(got.jti) > maxProofID:
		return badProof("jti of the DPoP proof must have 1 to 512 bytes")
	case got.htm == "" || got.htm != p.Method:
		return badProof("htm of the DPoP proof is not the method of the request")
	case !sameTarget(got.htu, p.URL):
		return badProof("htu of the DPoP proof is not the URL of the request")
	case got.ath != hashOf(p.Token):
		return badProof("ath of the DPoP proof is not the hash of the access token")
	case got.jkt != t.JKT:
		return bad(schemeDPoP, "the token is bound to another key than that of the DPoP proof")
	}
	until, refusal := s.checkProofTime(got)
	if refusal != nil {
		return refusal
	}
	return s.proofs.use(got, until, s.cfg.Now())
}

// hashOf is base64url of SHA-256.
func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// openProof: RFC 9449, Section 4.3, numbers 2 to 7.
func (s *Server) openProof(raw string) (proof, *Refusal) {
	w := s.scratch()
	defer s.release(w)
	w.token = append(w.token[:0], raw...)
	compact, err := jws.Split(w.token)
	if err != nil {
		return proof{}, badProof("the DPoP proof is malformed")
	}
	key, jkt, ok := proofKey(w, compact.Header)
	if !ok {
		return proof{}, badProof("the header of the DPoP proof is malformed, or its key or algorithm is not taken")
	}
	if w.decoded, err = jws.AppendDecoded(w.decoded[:0], compact.Signature); err != nil {
		return proof{}, badProof("the DPoP proof is malformed")
	}
	if !key.Verify(compact.Signed, w.decoded) {
		return proof{}, badProof("the signature of the DPoP proof does not hold")
	}
	if w.decoded, err = jws.AppendDecoded(w.decoded[:0], compact.Payload); err != nil {
		return proof{}, badProof("the DPoP proof is malformed")
	}
	got := proof{jkt: jkt}
	if !got.read(&w.payload.outer, string(w.decoded)) {
		return proof{}, badProof("the claims of the DPoP proof are malformed")
	}
	return got, nil
}

func (p *proof) read(r *strictjson.Reader, claims string) bool {
	members, err := r.Object(claims)
	if err != nil {
		return false
	}
	for _, m := range members {
		ok := true
		switch m.Name {
		case "jti":
			ok = text(m.Value, &p.jti)
		case "htm":
			ok = text(m.Value, &p.htm)
		case "htu":
			ok = text(m.Value, &p.htu)
		case "ath":
			ok = text(m.Value, &p.ath)
		case "nonce":
			ok = text(m.Value, &p.nonce)
		case "iat":
			ok = number(m.Value, &p.iat)
			p.hasIat = ok
		}
		if !ok {
			return false
		}
	}
	return true
}

// proofKey is the key inside the header of a proof, with the algorithm that the
// header names, and its thumbprint.
func proofKey(w *scratch, raw []byte) (jws.Key, string, bool) {
	var none jws.Key
	if len(raw) > maxProofHeader {
		return none, "", false
	}
	header, err := jws.AppendDecoded(w.decoded[:0], raw)
	if err != nil {
		return none, "", false
	}
	members, err := w.payload.outer.AtMost(string(header), maxHeaderMembers)
	if err != nil {
		return none, "", false
	}
	var typ, alg, jwk string
	for _, m := range members {
		ok := true
		switch m.Name {
		case "typ":
			ok = text(m.Value, &typ)
		case "alg":
			ok = text(m.Value, &alg)
		case "jwk":
			jwk = m.Value
		case "crit", "b64": // RFC 7515, Section 4.1.11: nothing critical is understood here.
			ok = false
		}
		if !ok {
			return none, "", false
		}
	}
	if typ != "dpop+jwt" || jwk == "" || !slices.Contains(proofAlgs, alg) {
		return none, "", false
	}
	fields, err := w.payload.inner.Object(jwk)
	if err != nil {
		return none, "", false
	}
	return ownKey(jwkMember(fields), alg)
}

// ownKey reads the JWK of a proof, which must be public (RFC 9449, Section 4.2).
// An RSA key serves two algorithms, and its owner chooses.
func ownKey(member jws.Member, alg string) (jws.Key, string, bool) {
	var none jws.Key
	for _, secret := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"} {
		if _, has := member(secret); has {
			return none, "", false
		}
	}
	key, err := jws.Parse(member)
	if err != nil || key.Public == nil {
		return none, "", false
	}
	if _, has := member("alg"); !has && key.Alg == "RS256" && alg == "PS256" {
		key.Alg = alg
	}
	return key, thumbprint(member), key.Named(alg)
}

// thumbprint: RFC 7638, Section 3. The values were read as base64url in its one
// spelling, so nothing in them needs an escape.
func thumbprint(member jws.Member) string {
	value := func(name string) string {
		v, _ := member(name)
		return `"` + name + `":"` + v + `"`
	}
	switch kty, _ := member("kty"); kty {
	case "EC":
		return hashOf("{" + value("crv") + "," + value("kty") + "," + value("x") + "," + value("y") + "}")
	case "OKP": // RFC 8037, Section 2
		return hashOf("{" + value("crv") + "," + value("kty") + "," + value("x") + "}")
	default:
		return hashOf("{" + value("e") + "," + value("kty") + "," + value("n") + "}")
	}
}

// checkProofTime: RFC 9449, Section 4.3, numbers 10 and 11. Where nonces are in
// use the nonce is the clock, and the client's may be wrong; else iat is. It
// answers until when the proof could be used.
func (s *Server) checkProofTime(p proof) (time.Time, *Refusal) {
	now := s.cfg.Now()
	if !p.hasIat {
		return now, badProof("iat of the DPoP proof is missing")
	}
	if len(s.nonces.key) > 0 {
		until, ok := s.nonces.open(p.nonce, now)
		if !ok {
			return now, &Refusal{Nonce: s.nonces.make(now), Challenge: Challenge{Scheme: schemeDPoP, Error: UseDPoPNonce,
				Description: "the DPoP proof needs the nonce of this answer"}}
		}
		return until, nil
	}
	iat := time.Unix(p.iat, 0)
	switch {
	case iat.Before(now.Add(-proofPast)):
		return now, badProof("the DPoP proof is too old")
	case iat.After(now.Add(proofAhead)):
		return now, badProof("the DPoP proof is from the future")
	}
	return iat.Add(proofPast), nil
}
