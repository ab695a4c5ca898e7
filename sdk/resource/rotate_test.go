package resource_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/sdk/resource"
)

// Requirement: mw-key-rotation
func TestMadeUpKeysCauseOneRefreshAndNewOnesAreFound(t *testing.T) {
	f, key := newForge(t), servertest.NewProver(t)
	f.publish(t, "k1", key, nil)
	var reads atomic.Int64
	f.answer("/jwks", func(w http.ResponseWriter, _ *http.Request) {
		reads.Add(1)
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": f.keys})
	})
	s := f.unrevocable(t, nil)
	for i := range 5 { // new keys, one after the other
		kid := fmt.Sprint("new", i)
		f.publish(t, kid, key, nil)
		passes(t, s, sign(t, key, kid, nil, f.claims(nil)))
	}
	before := reads.Load()
	for i := range 50 {
		got := refusal(t, s, bearer(sign(t, key, fmt.Sprint("made up", i), nil, f.claims(nil))))
		checkRefusal(t, "a made-up key", got, resource.InvalidToken, "the token is signed with a key that the issuer does not have")
	}
	if got := reads.Load() - before; got > 1 {
		t.Errorf("%d reads of the keys", got)
	}
	passes(t, s, sign(t, key, "k1", nil, f.claims(nil)))
}

// Requirement: mw-key-rotation
func TestAKeySetThatIsNoneChangesNothing(t *testing.T) {
	for name, text := range map[string]string{
		"not JSON": `{`, "no keys": `{}`, "keys that are no list": `{"keys":{}}`, "a member twice": `{"keys":[],"keys":[]}`,
		"one id for two": `{"keys":[{"kty":"x","kid":"a"},{"kty":"x","kid":"a"}]}`, "a key that is none": `{"keys":[1]}`, "text after it": `{"keys":[]}x`,
	} {
		f, key := newForge(t), servertest.NewProver(t)
		f.publish(t, "k1", key, nil)
		s := f.unrevocable(t, nil)
		f.answer("/jwks", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(text)) })
		got := refusal(t, s, bearer(sign(t, key, "k2", nil, f.claims(nil)))) // reads the keys again
		if got == nil || got.Status() != 503 {
			t.Errorf("%s: %v", name, got)
		}
		passes(t, s, sign(t, key, "k1", nil, f.claims(nil)))
	}
}

// RFC 7517, Sections 4.2, 4.4 and 5.
//
// Requirement: mw-algorithms
func TestKeysThatAreNotForTokensArePassedOver(t *testing.T) {
	f, key := newForge(t), servertest.NewProver(t)
	f.publish(t, "good", key, map[string]any{"alg": "ES256"})
	f.publish(t, "encryption", key, map[string]any{"use": "enc"})
	f.publish(t, "other alg", key, map[string]any{"alg": "ES384"})
	f.publish(t, "no alg", key, map[string]any{"alg": ""})
	f.publish(t, "off the curve", key, map[string]any{"x": key.JWK(t)["y"]})
	f.publish(t, "unknown", key, map[string]any{"kty": "AKP"})
	f.publish(t, "a secret", key, map[string]any{"kty": "oct", "k": "AAAA"})
	f.publish(t, "", key, nil)
	s := f.unrevocable(t, nil)
	for _, kid := range []string{"good", "encryption", "other alg", "no alg", "off the curve", "unknown", "a secret", ""} {
		if got := refusal(t, s, bearer(sign(t, key, kid, nil, f.claims(nil)))); (got == nil) != (kid == "good") {
			t.Errorf("%q: %v", kid, got)
		}
	}
}
