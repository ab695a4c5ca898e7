package jose

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
)

// maxToken is the longest compact JWS that is looked at, in bytes.
const maxToken = 16 << 10

// A Header is the protected header of a token, as far as it concerns a caller.
type Header struct {
	Alg Alg    // as the token names it; it decides nothing
	KID string // "" if absent
	Typ string // "" if absent
}

// Unverified is a well-formed token whose signature nobody has checked. Its
// claims may be used to find the key, and for nothing else.
type Unverified struct {
	header    Header
	claims    []byte
	signature []byte
	input     []byte // header and payload as they were signed
	jwk       []byte
}

// Header returns the protected header.
func (u Unverified) Header() Header { return u.header }

// Claims returns the payload, a JSON object in strict form, NOT verified.
func (u Unverified) Claims() []byte { return u.claims }

// Peek reads a compact JWS without checking its signature. It accepts the one
// form described in the package comment, with a JSON object as payload; any
// other is [ErrMalformed], or [ErrAlgorithm] if only the algorithm is at fault.
func Peek(compact string) (Unverified, error) {
	return peekClaims(compact, 0)
}

// PeekForeign is [Peek] for the tokens of issuers who write for many readers:
// the header may also name the certificate of the key by its thumbprint ("x5t",
// "x5t#S256", RFC 7515, Sections 4.1.7 and 4.1.8), as those of CI services do. A
// thumbprint brings no key and says nowhere to fetch one; it is ignored.
func PeekForeign(compact string) (Unverified, error) {
	return peekClaims(compact, thumbprints)
}

// PeekWithKey is [Peek] for the tokens that carry their own public key in "jwk",
// such as DPoP proofs (RFC 9449, Section 4.2). The header must have one. The key
// is the sender's claim; that it means something must be known from elsewhere.
func PeekWithKey(compact string) (Unverified, *PublicKey, error) {
	u, err := peekClaims(compact, embeddedKey)
	if err != nil {
		return Unverified{}, nil, err
	}
	if u.jwk == nil {
		return Unverified{}, nil, fmt.Errorf("%w: the header has no jwk", ErrMalformed)
	}
	key, err := ParsePublic(u.jwk)
	if err != nil {
		return Unverified{}, nil, fmt.Errorf("jwk in the header: %w", err)
	}
	return u, key, nil
}

// An allowance is what a header may have beside the members that all may have.
type allowance uint8

const (
	embeddedKey allowance = 1 << iota // "jwk"
	thumbprints                       // "x5t" and "x5t#S256", unread
)

func peekClaims(compact string, extra allowance) (Unverified, error) {
	u, err := peekBytes(compact, extra)
	if err != nil {
		return Unverified{}, err
	}
	if err := scanObject(u.claims, checkClaim); err != nil {
		return Unverified{}, fmt.Errorf("claims: %w", err)
	}
	return u, nil
}

// peekBytes is peekClaims for a payload of any kind.
func peekBytes(compact string, extra allowance) (Unverified, error) {
	if len(compact) > maxToken {
		return Unverified{}, fmt.Errorf("%w: longer than %d bytes", ErrMalformed, maxToken)
	}
	// RFC 7515, Section 7.1: exactly three parts. A fourth would be in signature,
	// where its dot is no base64url.
	header, rest, _ := strings.Cut(compact, ".")
	payload, signature, found := strings.Cut(rest, ".")
	if !found || header == "" || signature == "" {
		return Unverified{}, fmt.Errorf("%w: not three parts", ErrMalformed)
	}
	raw := []byte(compact)
	u := Unverified{input: raw[:len(header)+1+len(payload)]}
	d := decoder{buf: make([]byte, 0, base64.RawURLEncoding.DecodedLen(len(raw)))}
	head := d.decode(raw[:len(header)])
	u.claims = d.decode(raw[len(header)+1 : len(u.input)])
	u.signature = d.decode(raw[len(u.input)+1:])
	if d.failed {
		return Unverified{}, fmt.Errorf("%w: not canonical base64url", ErrMalformed)
	}
	if err := u.readHeader(head, extra); err != nil {
		return Unverified{}, fmt.Errorf("header: %w", err)
	}
	return u, nil
}

// A decoder decodes the parts of one token into one buffer.
type decoder struct {
	buf    []byte
	failed bool
}

// strictURL refuses a last character with bits that belong to no byte, so that
// a token has one spelling and a list of used tokens cannot be passed by.
var strictURL = base64.RawURLEncoding.Strict()

func (d *decoder) decode(part []byte) []byte {
	start := len(d.buf)
	var err error
	d.buf, err = strictURL.AppendDecode(d.buf, part)
	// encoding/base64 skips line ends.
	if err != nil || bytes.IndexByte(part, '\n') >= 0 || bytes.IndexByte(part, '\r') >= 0 {
		d.failed = true
	}
	return d.buf[start:len(d.buf):len(d.buf)]
}

// readHeader takes the known members and refuses all others: an unknown member
// may change what the token means ("crit", "b64", RFC 7515, Section 4.1.11; RFC
// 7797) or where the key comes from ("jku", "x5u", "x5c").
func (u *Unverified) readHeader(data []byte, extra allowance) error {
	hasAlg := false
	err := scanObject(data, func(name, value []byte) error {
		switch string(name) {
		case "alg":
			hasAlg = true
			return stringMember(value, (*string)(&u.header.Alg))
		case "kid":
			return stringMember(value, &u.header.KID)
		case "typ":
			return stringMember(value, &u.header.Typ)
		case "cty":
			var ignored string
			return stringMember(value, &ignored)
		case "jwk":
			if extra&embeddedKey != 0 {
				u.jwk = value
				return nil
			}
		case "x5t", "x5t#S256":
			if extra&thumbprints != 0 {
				var ignored string
				return stringMember(value, &ignored)
			}
		}
		return fmt.Errorf("%w: a member that is not allowed here", ErrMalformed)
	})
	switch {
	case err != nil:
		return err
	case !hasAlg:
		return fmt.Errorf("%w: no alg", ErrMalformed)
	case u.header.Alg.family() == famNone:
		return ErrAlgorithm
	}
	return nil
}

// stringMember reads a JSON string that the scanner has checked already.
func stringMember(value []byte, into *string) error {
	if len(value) < 2 || value[0] != '"' {
		return fmt.Errorf("%w: a member is not a string", ErrMalformed)
	}
	if bytes.IndexByte(value, '\\') < 0 {
		*into = string(value[1 : len(value)-1])
		return nil
	}
	if err := json.Unmarshal(value, into); err != nil {
		return fmt.Errorf("%w: a member is not a string", ErrMalformed)
	}
	return nil
}

// registered are the claims that decide something. Written in another case, a
// strict reader does not see them and encoding/json does.
var registered = map[string]struct{}{
	"iss": {}, "sub": {}, "aud": {}, "exp": {}, "nbf": {}, "iat": {}, "jti": {},
	"nonce": {}, "azp": {}, "acr": {}, "amr": {}, "auth_time": {}, "sid": {},
	"events": {}, "client_id": {}, "scope": {}, "cnf": {}, "act": {}, "may_act": {},
	"htm": {}, "htu": {}, "ath": {}, "authorization_details": {},
}

func checkClaim(name, _ []byte) error {
	folded := fold(name)
	if _, ok := registered[string(folded)]; ok && !bytes.Equal(folded, name) {
		return fmt.Errorf("%w: a registered claim in another case", ErrMalformed)
	}
	return nil
}
