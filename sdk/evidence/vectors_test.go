package evidence_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"testing/cryptotest"
	"time"

	"github.com/assent-id/assent/sdk/evidence"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write testdata/vectors anew")

// A vector is one file of testdata/vectors. Evidence and keys that a JSON
// value cannot hold, such as duplicate members, stand in the _text members.
type vector struct {
	Name         string          `json:"name"`
	Description  string          `json:"description"`
	Evidence     json.RawMessage `json:"evidence,omitempty"`
	EvidenceText string          `json:"evidence_text,omitempty"`
	JWKS         json.RawMessage `json:"jwks,omitempty"`
	JWKSText     string          `json:"jwks_text,omitempty"`
	Issuer       string          `json:"issuer"`       // pinned; empty: not pinned
	At           int64           `json:"at,omitempty"` // Unix seconds; 0: not checked
	Want         string          `json:"want"`         // the part that fails; empty: valid
	Result       *result         `json:"result,omitempty"`
}

// A result is what a verifier must report of valid evidence.
type result struct {
	Outcome         string `json:"outcome"`
	StatementHash   string `json:"statement_hash"`
	Comparison      string `json:"comparison"`
	Challenge       string `json:"challenge,omitempty"`
	SoftwarePasskey bool   `json:"software_passkey"`
}

func (v vector) evidence() []byte {
	if v.EvidenceText != "" {
		return []byte(v.EvidenceText)
	}
	return v.Evidence
}

func (v vector) jwks() []byte {
	if v.JWKSText != "" {
		return []byte(v.JWKSText)
	}
	return v.JWKS
}

func (v vector) verify() (*evidence.Verified, string, error) {
	opts := evidence.Options{Issuer: v.Issuer}
	if v.At != 0 {
		opts.At = time.Unix(v.At, 0)
	}
	verified, err := evidence.Verify(v.evidence(), v.jwks(), opts)
	var part *evidence.PartError
	if errors.As(err, &part) {
		return nil, part.Part, err
	}
	return verified, "", err
}

func resultOf(tb testing.TB, v *evidence.Verified) *result {
	tb.Helper()
	r := &result{
		Outcome: v.Outcome, StatementHash: v.StatementHash,
		Comparison: evidence.Comparison(v.StatementHash), SoftwarePasskey: v.SoftwarePasskey,
	}
	if v.Decision != nil {
		challenge := evidence.Challenge(must[[]byte](tb)(v.Decision.Canonical()))
		r.Challenge = b64(challenge[:])
	}
	return r
}

func loadVectors(tb testing.TB) []vector {
	tb.Helper()
	files := must[[]string](tb)(filepath.Glob("testdata/vectors/*.json"))
	if len(files) < 100 {
		tb.Fatalf("only %d vectors in testdata/vectors", len(files))
	}
	vectors := make([]vector, len(files))
	for i, file := range files {
		dec := json.NewDecoder(bytes.NewReader(must[[]byte](tb)(os.ReadFile(file))))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&vectors[i]); err != nil {
			tb.Fatalf("%s: %v", file, err)
		}
		if want := vectors[i].Name + ".json"; filepath.Base(file) != want {
			tb.Fatalf("%s holds the vector of %s", file, want)
		}
	}
	return vectors
}

func TestVerifyAgreesWithEveryVector(t *testing.T) {
	for _, v := range loadVectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			verified, part, err := v.verify()
			if part != v.Want {
				t.Fatalf("failing part %q (%v), want %q", part, err, v.Want)
			}
			if v.Want != "" {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(v.Result, resultOf(t, verified)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestVectorsCoverEveryPartAndOutcome(t *testing.T) {
	missing := map[string]bool{
		"keys": true, "evidence": true, "typ": true, "server": true, "outcome": true, "ended_at": true,
		"statement": true, "decision": true, "binding": true, "passkey": true, "log": true,
		"passkey.credential_id": true, "passkey.public_key": true, "passkey.aaguid": true,
		"passkey.client_data_json": true, "passkey.authenticator_data": true, "passkey.signature": true,
		"passkey.backup_eligible": true, "passkey.backup_state": true,
		"is approved": true, "is denied": true, "is expired": true, "is withdrawn": true,
	}
	for _, v := range loadVectors(t) {
		delete(missing, v.Want)
		if v.Result != nil {
			delete(missing, "is "+v.Result.Outcome)
		}
	}
	if len(missing) > 0 {
		t.Errorf("no vector for %v", missing)
	}
}

// TestUpdateVectors writes the vectors anew under -update. Keys and signatures
// come from a fixed seed.
func TestUpdateVectors(t *testing.T) {
	if !*update {
		t.Skip("only with -update")
	}
	cryptotest.SetGlobalRandom(t, 1)
	old := must[[]string](t)(filepath.Glob("testdata/vectors/*.json"))
	for _, file := range old {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
	names := make(map[string]bool)
	for _, v := range makeVectors(t) {
		if names[v.Name] {
			t.Fatalf("two vectors are called %s", v.Name)
		}
		names[v.Name] = true
		writeVector(t, v)
	}
}

func writeVector(t *testing.T, v vector) {
	t.Helper()
	verified, part, err := v.verify()
	if part != v.Want {
		t.Errorf("%s: failing part %q (%v), want %q", v.Name, part, err, v.Want)
		return
	}
	if verified != nil {
		v.Result = resultOf(t, verified)
	}
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join("testdata/vectors", v.Name+".json"), text.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// A cook makes vectors from changes to the usual recipe.
type cook struct {
	tb      testing.TB
	vectors []vector
	// RSA keys take long to make: one of each kind for all.
	rs256, ps256 realmSigner
	rsaPasskey   *authenticator
}

func makeVectors(tb testing.TB) []vector {
	tb.Helper()
	c := &cook{
		tb:         tb,
		rs256:      newRealmSigner(tb, "RS256", "realm-rs256"),
		ps256:      newRealmSigner(tb, "PS256", "realm-ps256"),
		rsaPasskey: newAuthenticator(tb, "RS256", "rsa"),
	}
	c.valid()
	c.validDetails()
	c.altered()
	c.removed()
	c.extra()
	c.text()
	c.server()
	c.times()
	c.statement()
	c.decision()
	c.granted()
	c.binding()
	c.clientData()
	c.authenticatorData()
	c.passkey()
	c.presence()
	c.keys()
	return c.vectors
}

// add makes a vector from the usual recipe after edit.
func (c *cook) add(name, want, description string, edit func(*recipe)) *vector {
	c.tb.Helper()
	r := newRecipe(c.tb)
	if edit != nil {
		edit(&r)
	}
	v := vector{
		Name: name, Want: want, Description: description, Issuer: r.issuer,
		Evidence: r.make(c.tb), JWKS: keySet(c.tb, r.realm),
	}
	c.vectors = append(c.vectors, v)
	return &c.vectors[len(c.vectors)-1]
}

// after makes a vector that is altered after the seal.
func (c *cook) after(name, want, description string, edit func(e map[string]any)) {
	c.tb.Helper()
	c.add(name, want, description, func(r *recipe) { r.editAfter = edit })
}

// at walks into nested objects.
func at(m map[string]any, path ...string) map[string]any {
	for _, name := range path {
		m = m[name].(map[string]any)
	}
	return m
}

// without returns a copy of m without the member.
func without(m map[string]any, name string) map[string]any {
	m = maps.Clone(m)
	delete(m, name)
	return m
}
