package jose_test

import (
	"testing"

	"github.com/assent-id/assent/internal/format/jose"
)

// RFC 7515, Appendix A.3.
const (
	a3Key = `{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",` +
		`"y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}`
	a3Private = `{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",` +
		`"y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}`
	a3Header  = "eyJhbGciOiJFUzI1NiJ9"
	a3Payload = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
	a3Sig     = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
	a3Token   = a3Header + "." + a3Payload + "." + a3Sig
)

// RFC 8037, Appendix A.
const (
	edKey     = `{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`
	edPrivate = `{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",` +
		`"x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`
	edThumbprint = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
	edToken      = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc." +
		"hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
)

// RFC 7638, Section 3.1.
const (
	rsaKey = `{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",` +
		`"e":"AQAB","alg":"RS256","kid":"2011-04-29"}`
	rsaThumbprint = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
)

// Requirement: keys-jws-vectors
func TestRFC7515AppendixA3Verifies(t *testing.T) {
	u, err := jose.Peek(a3Token)
	if err != nil {
		t.Fatal(err)
	}
	v, err := jose.Verify(u, parse(t, a3Key))
	if err != nil {
		t.Fatal(err)
	}
	want := "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}"
	if string(v.Payload) != want || v.Header.Alg != jose.ES256 {
		t.Errorf("got %+v", v)
	}
}

// Requirement: keys-jws-vectors
func TestRFC8037AppendixAVerifies(t *testing.T) {
	u, err := jose.PeekBytes(edToken)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := jose.Verify(u, parse(t, edKey)); err != nil {
		t.Error(err)
	}
	private, err := jose.ParsePrivate([]byte(edPrivate))
	if err != nil {
		t.Fatal(err)
	}
	if got := private.Public().Thumbprint(); got != edThumbprint {
		t.Errorf("thumbprint %s, want %s", got, edThumbprint)
	}
}

// Requirement: keys-jws-vectors
func TestThumbprintsOfRFC7638AndRFC8037(t *testing.T) {
	for key, want := range map[string]string{rsaKey: rsaThumbprint, edKey: edThumbprint} {
		if got := parse(t, key).Thumbprint(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if got := parse(t, rsaKey).KID(); got != "2011-04-29" {
		t.Errorf("kid %q, want that of the JWK", got)
	}
	if got := parse(t, edKey).KID(); got != edThumbprint {
		t.Errorf("kid %q of a key without one, want the thumbprint", got)
	}
}

func parse(tb testing.TB, jwk string) *jose.PublicKey {
	tb.Helper()
	key, err := jose.ParsePublic([]byte(jwk))
	if err != nil {
		tb.Fatal(err)
	}
	return key
}
