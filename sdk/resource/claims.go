package resource

import (
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/assent-id/assent/sdk/internal/strictjson"
)

// errClaims: a claim is missing or of another type than it should be. What it is
// is for nobody to know who cannot sign one.
var errClaims = errors.New("a claim is missing or malformed")

// payload is what one reading of claims works on.
type payload struct {
	t      *Token
	outer  strictjson.Reader
	inner  strictjson.Reader
	active bool // of an introspection answer
}

// read fills a token with claims (RFC 9068, Section 2.2). Strings are cut out of
// text, which is kept. The required ones are there and of the right type.
func (p *payload) read(t *Token, text string) error {
	p.t, p.active = t, false
	members, err := p.outer.Object(text)
	if err != nil {
		return err
	}
	for i := range members {
		if !p.claim(members[i].Name, members[i].Value) {
			return errClaims
		}
	}
	if t.Issuer == "" || t.Subject == "" || t.ClientID == "" || t.JTI == "" || len(t.Audience) == 0 || t.expires == 0 || t.IssuedAt.IsZero() {
		return errClaims
	}
	t.Claims = json.RawMessage(text)
	t.ExpiresAt = time.Unix(t.expires, 0)
	t.issued = issued(t.JTI, t.IssuedAt.Unix())
	return nil
}

// forget lets go of everything that was read.
func (p *payload) forget() {
	p.t = nil
	p.outer.Forget()
	p.inner.Forget()
}

// claim takes one; those that mean nothing here are passed over.
func (p *payload) claim(name, value string) bool {
	t := p.t
	switch name {
	case "iss":
		return text(value, &t.Issuer)
	case "sub":
		return text(value, &t.Subject)
	case "client_id":
		return text(value, &t.ClientID)
	case "scope":
		return text(value, &t.Scope)
	case "jti":
		return text(value, &t.JTI)
	case "grant_id":
		return text(value, &t.GrantID)
	case "acr":
		return text(value, &t.ACR)
	case "aud":
		return t.audience(value)
	case "exp":
		return number(value, &t.expires)
	case "nbf":
		return number(value, &t.notBefore)
	case "iat":
		return instant(value, &t.IssuedAt)
	case "auth_time":
		return instant(value, &t.AuthTime)
	}
	return p.more(name, value)
}

// more takes the claims that not every token has.
func (p *payload) more(name, value string) bool {
	t := p.t
	switch name {
	case "roles":
		return texts(value, &t.Roles)
	case "parents":
		return texts(value, &t.Parents)
	case "authorization_details":
		return strictjson.Items(value, func(item string) bool {
			t.Details = append(t.Details, json.RawMessage(item))
			return item[0] == '{'
		})
	case "act":
		t.Act = json.RawMessage(value)
		return value[0] == '{'
	case "cnf":
		return p.confirmation(value)
	case "approval":
		t.Approval = &Approved{}
		return p.each(value, func(name, value string) bool {
			switch name {
			case "id":
				return text(value, &t.Approval.ID)
			case "statement":
				return text(value, &t.Approval.Statement)
			}
			return true
		}) && t.Approval.ID != ""
	case "active":
		p.active = value == "true"
	}
	return true
}

// confirmation: RFC 7800. A binding of a kind unknown here cannot be checked, so
// a token that has one is of no use.
func (p *payload) confirmation(value string) bool {
	bound := false
	return p.each(value, func(name, value string) bool {
		bound = true
		switch name {
		case "jkt": // RFC 9449, Section 6.1
			return text(value, &p.t.JKT) && p.t.JKT != ""
		case "x5t#S256": // RFC 8705, Section 3.1
			return text(value, &p.t.X5T) && p.t.X5T != ""
		}
		return false
	}) && bound
}

func (p *payload) each(value string, visit func(name, value string) bool) bool {
	members, err := p.inner.Object(value)
	if err != nil {
		return false
	}
	for _, m := range members {
		if !visit(m.Name, m.Value) {
			return false
		}
	}
	return true
}

// audience is one string or a list of them (RFC 7519, Section 4.1.3).
func (t *Token) audience(value string) bool {
	if value[0] == '"' {
		t.Audience = t.single[:1]
		return text(value, &t.single[0])
	}
	return texts(value, &t.Audience)
}

func text(value string, into *string) bool {
	var ok bool
	*into, ok = strictjson.Text(value)
	return ok
}

func texts(value string, into *[]string) bool {
	return strictjson.Items(value, func(item string) bool {
		one, ok := strictjson.Text(item)
		*into = append(*into, one)
		return ok
	})
}

func number(value string, into *int64) bool {
	var ok bool
	*into, ok = strictjson.Seconds(value)
	return ok
}

func instant(value string, into *time.Time) bool {
	n, ok := strictjson.Seconds(value)
	*into = time.Unix(n, 0)
	return ok
}

const (
	tokenIDPrefix = "tok_"
	idLen         = 26
	idAlphabet    = "0123456789abcdefghjkmnpqrstvwxyz" // Crockford's base32
)

func isTokenID(id string) bool { return strings.HasPrefix(id, tokenIDPrefix) }

// issued is the instant of issue in Unix milliseconds: that of the jti where it
// is in the second of iat, else iat itself. A jti is "tok_" and a UUIDv7 in 26
// characters, whose first 48 bits are milliseconds (RFC 9562, Section 5.7).
func issued(jti string, iat int64) int64 {
	if !isTokenID(jti) || len(jti) != len(tokenIDPrefix)+idLen || jti[len(tokenIDPrefix)] > '7' {
		return iat * 1000
	}
	var hi, lo uint64
	for i := len(tokenIDPrefix); i < len(jti); i++ {
		v := strings.IndexByte(idAlphabet, jti[i])
		if v < 0 {
			return iat * 1000
		}
		hi = hi<<5 | lo>>59
		lo = lo<<5 | uint64(v)
	}
	ms := int64(hi >> 16)
	if hi>>12&15 != 7 || lo>>62 != 0b10 || ms/1000 != iat {
		return iat * 1000
	}
	return ms
}
