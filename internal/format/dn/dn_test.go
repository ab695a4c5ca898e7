package dn_test

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"strings"
	"testing"

	"github.com/assent-id/assent/internal/format/dn"
)

var (
	cn   = asn1.ObjectIdentifier{2, 5, 4, 3}
	ou   = asn1.ObjectIdentifier{2, 5, 4, 11}
	org  = asn1.ObjectIdentifier{2, 5, 4, 10}
	uid  = asn1.ObjectIdentifier{0, 9, 2342, 19200300, 100, 1, 1}
	dc   = asn1.ObjectIdentifier{0, 9, 2342, 19200300, 100, 1, 25}
	odd  = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 1466, 0}
	mail = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}
)

func ava(kind asn1.ObjectIdentifier, value any) pkix.AttributeTypeAndValue {
	return pkix.AttributeTypeAndValue{Type: kind, Value: value}
}

// one is a part of a name with a single attribute.
func one(kind asn1.ObjectIdentifier, value any) pkix.RelativeDistinguishedNameSET {
	return pkix.RelativeDistinguishedNameSET{ava(kind, value)}
}

// der is a name as a certificate has it, most significant part first.
func der(t *testing.T, parts ...pkix.RelativeDistinguishedNameSET) dn.Name {
	t.Helper()
	raw, err := asn1.Marshal(pkix.RDNSequence(parts))
	if err != nil {
		t.Fatal(err)
	}
	n, err := dn.FromDER(raw)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func exampleNet(rest ...pkix.RelativeDistinguishedNameSET) []pkix.RelativeDistinguishedNameSET {
	return append([]pkix.RelativeDistinguishedNameSET{one(dc, "net"), one(dc, "example")}, rest...)
}

// The examples of RFC 4514, Section 4.
func TestTheExamplesOfRFC4514MeanWhatTheySay(t *testing.T) {
	for _, tt := range []struct {
		text string
		want []pkix.RelativeDistinguishedNameSET
	}{
		{`UID=jsmith,DC=example,DC=net`, exampleNet(one(uid, "jsmith"))},
		{`OU=Sales+CN=J.  Smith,DC=example,DC=net`, exampleNet(pkix.RelativeDistinguishedNameSET{ava(ou, "Sales"), ava(cn, "J.  Smith")})},
		{`CN=James \"Jim\" Smith\, III,DC=example,DC=net`, exampleNet(one(cn, `James "Jim" Smith, III`))},
		{`CN=Before\0dAfter,DC=example,DC=net`, exampleNet(one(cn, "Before\rAfter"))},
		{`1.3.6.1.4.1.1466.0=#04024869`, []pkix.RelativeDistinguishedNameSET{one(odd, []byte("Hi"))}},
		{`CN=Lu\C4\8Di\C4\87`, []pkix.RelativeDistinguishedNameSET{one(cn, "Lučić")}},
	} {
		got, err := dn.Parse(tt.text)
		if err != nil || !got.Equal(der(t, tt.want...)) {
			t.Errorf("%s is not the name that it stands for: %v", tt.text, err)
		}
	}
}

// Requirement: client-auth-tls
func TestTwoNamesAreTheSameOnlyIfTheyNameTheSame(t *testing.T) {
	shown := der(t, one(asn1.ObjectIdentifier{2, 5, 4, 6}, "DE"), one(org, "Beispiel  AG"), one(cn, "client,1"))
	for _, tt := range []struct {
		text string
		same bool
	}{
		{`CN=client\,1,O=Beispiel AG,C=DE`, true},
		{`cn=CLIENT\2c1, o = beispiel   ag , c=de`, true},
		{`2.5.4.3=client\,1,2.5.4.10=Beispiel AG,2.5.4.6=DE`, true},
		{`CN=#130863 6c69656e742c31,O=Beispiel AG,C=DE`, false}, // no hexadecimal
		{`CN=#1308636c69656e742c31,O=Beispiel AG,C=DE`, true},   // a PrintableString
		{`C=DE,O=Beispiel AG,CN=client\,1`, false},              // the wrong way round
		{`CN=client\,1,O=Beispiel AG`, false},
		{`CN=client\,1,O=Beispiel AG,C=DE,C=DE`, false},
		{`CN=client\,1,OU=Beispiel AG,C=DE`, false},
		{`CN=client\,2,O=Beispiel AG,C=DE`, false},
		{`CN=client\,1+O=Beispiel AG,C=DE`, false},
		{`CN=client,O=Beispiel AG,C=DE`, false},
	} {
		registered, err := dn.Parse(tt.text)
		if got := err == nil && registered.Equal(shown); got != tt.same {
			t.Errorf("%s: same %v, want %v (%v)", tt.text, got, tt.same, err)
		}
	}
}

func TestLettersThatOnlyLookAlikeDiffer(t *testing.T) {
	shown := der(t, one(cn, "admin"))
	for _, text := range []string{"CN=adm\u0131n", "CN=admi\u0146", "CN=\u0430dmin", "CN=ad\u200bmin", `CN=admin\00`} {
		if n, err := dn.Parse(text); err == nil && n.Equal(shown) {
			t.Errorf("%+q passes for admin", text)
		}
	}
}

func TestTextIsNeverTheSameAsDER(t *testing.T) {
	text, err := dn.Parse(`1.3.6.1.4.1.1466.0=\04\02\48\69`)
	if err != nil {
		t.Fatal(err)
	}
	if text.Equal(der(t, one(odd, []byte("Hi")))) {
		t.Error("four characters pass for an OCTET STRING")
	}
}

func TestPartsOfOneRankMayStandInAnyOrder(t *testing.T) {
	a, errA := dn.Parse("emailAddress=ops@example.com+CN=ops,O=Example")
	b, errB := dn.Parse("CN=ops+E=ops@example.com,O=Example")
	want := der(t, one(org, "Example"), pkix.RelativeDistinguishedNameSET{ava(cn, "ops"), ava(mail, "ops@example.com")})
	if errA != nil || errB != nil || !a.Equal(b) || !a.Equal(want) {
		t.Errorf("the order of a part's attributes makes a difference: %v, %v", errA, errB)
	}
}

func TestMalformedNamesAreRefused(t *testing.T) {
	for _, text := range []string{
		"", "CN", "=x", "CN=a,", ",CN=a", "CN=a,,O=b", "NOSUCH=a", "1=a", "1..2=a", "01.2=a", "1.x=a", `CN=a\`, `CN=a\4`, `CN=a\zz`,
		`CN=a"b`, "CN=a;b", "CN=a<b", "CN=a>b", "CN=a\x00b", "CN=\xff", `CN=\ff`, "CN=#", "CN=#0", "CN=#zz", "CN=a+", "CN=" + strings.Repeat("a", 5000),
	} {
		if _, err := dn.Parse(text); !errors.Is(err, dn.ErrName) {
			t.Errorf("%.40q: got %v, want ErrName", text, err)
		}
	}
	for _, raw := range []string{"", "\x30", "\x30\x00\x00", "\x31\x00", "\x30\x02\x05\x00"} {
		if _, err := dn.FromDER([]byte(raw)); !errors.Is(err, dn.ErrName) {
			t.Errorf("DER %x: got %v, want ErrName", raw, err)
		}
	}
}

func FuzzNames(f *testing.F) {
	for _, text := range []string{`UID=jsmith,DC=example,DC=net`, `OU=Sales+CN=J.  Smith,DC=net`, `CN=Lu\C4\8Di\C4\87`, `1.3.6.1.4.1.1466.0=#04024869`, `CN=a\,\ b`} {
		f.Add(text, []byte("\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x13\x02\x48\x69"))
	}
	f.Fuzz(func(t *testing.T, text string, raw []byte) {
		n, err := dn.Parse(text)
		if err == nil && (!n.Equal(n) || n.Equal(dn.Name{})) {
			t.Errorf("%q is not itself, or is nothing", text)
		}
		if m, err := dn.FromDER(raw); err == nil && !m.Equal(m) {
			t.Errorf("%x is not itself", raw)
		}
	})
}
