package passkey_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/format/passkey"
)

var (
	modelAAGUID = [16]byte{0xa0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}
	modelText   = "a0010203-0405-0607-0809-0a0b0c0d0e0f"
)

// under registers a passkey under a policy.
func under(tb testing.TB, policy passkey.Attestation, change func(*forger)) (passkey.Credential, error) {
	tb.Helper()
	asking := rp
	asking.Attestation = policy
	f := newForger(tb)
	challenge := passkey.NewChallenge()
	response := f.create(tb, challenge, func(f *forger) {
		f.aaguid = modelAAGUID
		if change != nil {
			change(f)
		}
	})
	return passkey.VerifyRegistration(asking, challenge, response)
}

// vouched has a maker vouch for the passkey.
func vouched(tb testing.TB, m *maker) func(*forger) {
	return func(f *forger) { f.attest = func(signed []byte) string { return m.packed(tb, signed) } }
}

// self has the passkey vouch for itself.
func self(f *forger) {
	f.attest = func(signed []byte) string { return selfStatement(f.sign(signed)) }
}

// Requirement: passkeys-attestation
func TestAStatementIsWorthWhatThePolicyMakesOfIt(t *testing.T) {
	ours, theirs := newMaker(t, modelOf(modelAAGUID[:])), newMaker(t, modelOf(modelAAGUID[:]))
	roots, list := []string{ours.pem()}, []string{modelText}
	otherList := []string{"b0010203-0405-0607-0809-0a0b0c0d0e0f"}
	tests := []struct {
		name   string
		policy passkey.Attestation
		change func(*forger)
		want   string // empty and err nil: nothing is known
		err    error
	}{
		{"nobody asks", passkey.Attestation{}, vouched(t, ours), "", nil},
		{"vouched for", passkey.Attestation{Direct: true, Roots: roots}, vouched(t, ours), "packed basic", nil},
		{"vouched for and required", passkey.Attestation{Direct: true, Require: true, Roots: roots, Authenticators: list}, vouched(t, ours), "packed basic", nil},
		{"one of two roots", passkey.Attestation{Direct: true, Require: true, Roots: []string{theirs.pem(), ours.pem()}}, vouched(t, ours), "packed basic", nil},
		{"no roots to hold it to", passkey.Attestation{Direct: true}, vouched(t, ours), "packed unchecked", nil},
		{"another maker", passkey.Attestation{Direct: true, Roots: roots}, vouched(t, theirs), "", passkey.ErrAuthenticator},
		{"none", passkey.Attestation{Direct: true, Roots: roots}, nil, "none", nil},
		{"none where one is required", passkey.Attestation{Direct: true, Require: true, Roots: roots}, nil, "", passkey.ErrAuthenticator},
		{"itself", passkey.Attestation{Direct: true, Roots: roots}, self, "self", nil},
		{"itself where a maker is required", passkey.Attestation{Direct: true, Require: true, Roots: roots}, self, "", passkey.ErrAuthenticator},
		{"a model that is not taken", passkey.Attestation{Direct: true, Roots: roots, Authenticators: otherList}, vouched(t, ours), "", passkey.ErrAuthenticator},
		{"a model that is not taken, by its word", passkey.Attestation{Direct: true, Authenticators: otherList}, nil, "", passkey.ErrAuthenticator},
		{"a format that is not verified", passkey.Attestation{Direct: true}, func(f *forger) {
			f.format = "\x63fmt\x71android-safetynet\x67attStmt\xa1\x63ver\x61x"
		}, "none", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := under(t, tt.policy, tt.change)
			if !errors.Is(err, tt.err) || err == nil && got.Attestation != tt.want {
				t.Errorf("got %q, %v; want %q, %v", got.Attestation, err, tt.want, tt.err)
			}
			if tt.err != nil && !errors.Is(err, passkey.ErrRefused) {
				t.Errorf("%v is no ErrRefused", err)
			}
		})
	}
}

// Authenticators send what lies between them and the root, and not the root.
func TestCertificatesMayLeadToTheRootByWayOfOthers(t *testing.T) {
	m := newMaker(t, modelOf(modelAAGUID[:]))
	factory := m.authority(t)
	policy := passkey.Attestation{Direct: true, Require: true, Roots: []string{m.pem()}}
	whole := func(f *forger) {
		f.attest = func(signed []byte) string { return factory.packed(t, signed, factory.root.Raw) }
	}
	if got, err := under(t, policy, whole); err != nil || got.Attestation != "packed basic" {
		t.Errorf("whole: %q, %v", got.Attestation, err)
	}
	if _, err := under(t, policy, vouched(t, factory)); !errors.Is(err, passkey.ErrAuthenticator) {
		t.Errorf("with a gap: %v", err)
	}
	policy.Roots = []string{factory.pem()}
	if got, err := under(t, policy, vouched(t, factory)); err != nil || got.Attestation != "packed basic" {
		t.Errorf("the factory itself is trusted: %q, %v", got.Attestation, err)
	}
}

// Requirement: passkeys-attestation
func TestAFalseStatementIsRefused(t *testing.T) {
	changed := modelAAGUID
	changed[0]++
	lapsed := modelOf(modelAAGUID[:])
	lapsed.NotAfter = time.Now().Add(-time.Minute)
	authority := modelOf(modelAAGUID[:])
	authority.IsCA = true
	tests := []struct {
		name   string
		change func(*forger, *maker)
	}{
		{"a signature over something else", func(f *forger, m *maker) {
			f.attest = func(signed []byte) string { return m.packed(t, append(signed, 0)) }
		}},
		{"a signature with another key", func(f *forger, m *maker) {
			other := *m
			other.key = newKey(t)
			vouched(t, &other)(f)
		}},
		{"a signature of the passkey under a maker's certificate", func(f *forger, m *maker) {
			f.attest = func(signed []byte) string { return packedStatement(f.sign(signed), [][]byte{m.model}) }
		}},
		{"a certificate for another model", func(_ *forger, m *maker) { m.issue(t, modelOf(changed[:])) }},
		{"a certificate past its time", func(_ *forger, m *maker) { m.issue(t, lapsed) }},
		{"an authority's certificate", func(_ *forger, m *maker) { m.issue(t, authority) }},
		{"a statement about itself by another key", func(f *forger, m *maker) {
			f.attest = func([]byte) string { return selfStatement(f.sign([]byte("something else"))) }
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := newMaker(t, modelOf(modelAAGUID[:]))
			policy := passkey.Attestation{Direct: true, Roots: []string{m.pem()}}
			got, err := under(t, policy, func(f *forger) {
				vouched(t, m)(f)
				tt.change(f, m)
			})
			if !errors.Is(err, passkey.ErrRefused) {
				t.Errorf("got %q, %v", got.Attestation, err)
			}
		})
	}
}

// What would take long to check is refused before anything is checked.
func TestHostileCertificatesCostNothing(t *testing.T) {
	m := newMaker(t, modelOf(modelAAGUID[:]))
	long := modelOf(modelAAGUID[:])
	long.Subject.OrganizationalUnit = []string{strings.Repeat("x", 9<<10)}
	huge := newMaker(t, modelOf(modelAAGUID[:]))
	huge.key = vast{huge.key}
	huge.issue(t, modelOf(modelAAGUID[:]))
	wordy := newMaker(t, long)
	tests := []struct {
		name   string
		attest func(signed []byte) string
	}{
		{"too many", func(signed []byte) string { return m.packed(t, signed, m.model, m.model, m.model, m.model, m.model) }},
		{"too long", func(signed []byte) string { return wordy.packed(t, signed) }},
		{"too big a key", func(signed []byte) string { return huge.packed(t, signed) }},
		{"too big a key on the way", func(signed []byte) string { return m.packed(t, signed, huge.model) }},
		{"none in the list", func([]byte) string { return packedStatement([]byte{1}, nil) }},
		{"no certificate", func(signed []byte) string { return m.packed(t, signed, []byte("x")) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := under(t, passkey.Attestation{Direct: true, Roots: []string{m.pem()}}, func(f *forger) { f.attest = tt.attest })
			if !errors.Is(err, passkey.ErrRefused) && !errors.Is(err, passkey.ErrMalformed) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestOptionsAskForWhatThePolicyWants(t *testing.T) {
	for want, policy := range map[string]passkey.Attestation{"none": {}, "direct": {Direct: true}} {
		asking := rp
		asking.Attestation = policy
		options, err := passkey.CreationOptions(asking, user, passkey.NewChallenge(), nil)
		if err != nil {
			t.Fatal(err)
		}
		var got struct{ Attestation string }
		if err := json.Unmarshal(options, &got); err != nil || got.Attestation != want {
			t.Errorf("got %q, %v, want %q", got.Attestation, err, want)
		}
	}
}

func TestAPolicyThatCouldNotBeKeptIsNotTaken(t *testing.T) {
	m := newMaker(t, modelOf(modelAAGUID[:]))
	good := passkey.Attestation{Direct: true, Require: true, Roots: []string{m.pem()}, Authenticators: []string{modelText}}
	if err := good.Check(); err != nil {
		t.Errorf("a good one: %v", err)
	}
	bad := map[string]passkey.Attestation{
		"require without direct": {Require: true, Roots: good.Roots},
		"require without roots":  {Direct: true, Require: true},
		"no certificate":         {Direct: true, Roots: []string{"x"}},
		"two in one":             {Direct: true, Roots: []string{m.pem() + m.pem()}},
		"no UUID":                {Direct: true, Authenticators: []string{strings.ReplaceAll(modelText, "-", "")}},
		"capitals":               {Direct: true, Authenticators: []string{strings.ToUpper(modelText)}},
		"too many roots":         {Direct: true, Roots: make([]string, 65)},
	}
	for name, policy := range bad {
		if policy.Check() == nil {
			t.Errorf("%s was taken", name)
		}
	}
}
