package jose_test

import (
	"testing"

	"github.com/assent-id/assent/internal/format/jose"
)

func TestUnsecuredTokensAreToldApart(t *testing.T) {
	tests := []struct {
		name, token string
		want        bool
	}{
		{"unsigned", b64(`{"alg":"none"}`) + "." + b64(`{}`) + ".", true},
		{"in another case", b64(`{"typ":"JWT","alg":"nOnE"}`) + "." + b64(`{}`) + ".", true},
		{"with a signature all the same", b64(`{"alg":"none"}`) + "." + b64(`{}`) + "." + a3Sig, true},
		{"signed", a3Token, false},
		{"two readings", b64(`{"alg":"none","alg":"ES256"}`) + "." + b64(`{}`) + ".", false},
		{"no alg", b64(`{}`) + "." + b64(`{}`) + ".", false},
		{"no string", b64(`{"alg":null}`) + "." + b64(`{}`) + ".", false},
		{"no JSON", "x.y.z", false},
		{"one part", b64(`{"alg":"none"}`), false},
		{"nothing", "", false},
	}
	for _, tt := range tests {
		if got := jose.Unsecured(tt.token); got != tt.want {
			t.Errorf("%s: got %v", tt.name, got)
		}
		if _, err := jose.Peek(tt.token); tt.want && err == nil {
			t.Errorf("%s is accepted", tt.name)
		}
	}
}
