package oauth

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"strconv"
)

// An object writes a flat JSON object member by member, in the order of the
// calls. It is on the path of every token, where reflection shows in profiles.
type object struct{ out []byte }

func newObject(size int) *object {
	o := &object{out: make([]byte, 0, size)}
	o.out = append(o.out, '{')
	return o
}

func (o *object) name(name string) {
	if o.out[len(o.out)-1] != '{' {
		o.out = append(o.out, ',')
	}
	o.out = append(o.out, '"')
	o.out = append(o.out, name...) // names are ours and plain
	o.out = append(o.out, '"', ':')
}

func (o *object) text(name, value string) {
	o.name(name)
	o.out = appendText(o.out, value)
}

func (o *object) number(name string, value int64) {
	o.name(name)
	o.out = strconv.AppendInt(o.out, value, 10)
}

func (o *object) texts(name string, values []string) {
	o.name(name)
	o.out = append(o.out, '[')
	for i, v := range values {
		if i > 0 {
			o.out = append(o.out, ',')
		}
		o.out = appendText(o.out, v)
	}
	o.out = append(o.out, ']')
}

// audience is a string for one and an array for more (RFC 7519, Section 4.1.3).
func (o *object) audience(name string, values []string) {
	if len(values) == 1 {
		o.text(name, values[0])
		return
	}
	o.texts(name, values)
}

// rawList writes an array of finished JSON values, or nothing for none.
func (o *object) rawList(name string, values []json.RawMessage) {
	if len(values) == 0 {
		return
	}
	o.name(name)
	o.out = append(o.out, '[')
	for i, v := range values {
		if i > 0 {
			o.out = append(o.out, ',')
		}
		o.out = append(o.out, v...)
	}
	o.out = append(o.out, ']')
}

// raw writes a finished JSON value, or nothing for none.
func (o *object) raw(name string, value json.RawMessage) {
	if len(value) == 0 {
		return
	}
	o.name(name)
	o.out = append(o.out, value...)
}

// authenticated writes how and when the person was authenticated, if one was.
func (o *object) authenticated(a *authentication) {
	if a == nil {
		return
	}
	o.number("auth_time", a.at)
	if a.acr != "" {
		o.text("acr", a.acr)
	}
	if len(a.amr) > 0 {
		o.texts("amr", a.amr)
	}
}

// bound writes the key that a token is bound to (RFC 7800, Section 3.1).
func (o *object) bound(b Binding) {
	if !b.Bound() {
		return
	}
	o.nested("cnf", func(c *object) {
		if b.JKT != "" {
			c.text("jkt", b.JKT)
		}
		if b.X5T != "" {
			c.text("x5t#S256", b.X5T)
		}
	})
}

func (o *object) nested(name string, write func(*object)) {
	o.name(name)
	o.out = append(o.out, '{')
	write(o)
	o.out = append(o.out, '}')
}

func (o *object) close() []byte { return append(o.out, '}') }

// appendText quotes a string for JSON.
func appendText(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c == '"' || c == '\\' || c >= 0x7f || c == '<' || c == '>' || c == '&' {
			quoted, err := json.Marshal(s)
			if err != nil {
				panic(err) // strings always marshal
			}
			return append(dst, quoted...)
		}
	}
	dst = append(dst, '"')
	dst = append(dst, s...)
	return append(dst, '"')
}

// accessTokenHash is at_hash (OpenID Connect Core 1.0, Section 3.1.3.6): the
// left half of the hash that the signature algorithm uses. For Ed25519 that is
// SHA-512.
func accessTokenHash(alg, access string) string {
	if alg == "EdDSA" || alg == "Ed25519" {
		sum := sha512.Sum512([]byte(access))
		return base64.RawURLEncoding.EncodeToString(sum[:32])
	}
	sum := sha256.Sum256([]byte(access))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}
