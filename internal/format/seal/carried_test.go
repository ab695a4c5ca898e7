package seal_test

import (
	"errors"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/format/seal"
)

func TestWhatAClientCarriesOpensOnceItIsBackInTime(t *testing.T) {
	ring, err := seal.NewKeyring(seal.GenerateKey())
	if err != nil {
		t.Fatal(err)
	}
	type state struct{ Nonce []byte }
	at := time.UnixMilli(1_790_000_000_000)
	c := seal.Carried[state]{Keyring: ring, Purpose: "page-state", Life: time.Minute}
	text, err := c.Seal(state{[]byte("nonce")}, at, []byte("realm"))
	if err != nil {
		t.Fatal(err)
	}
	other := c
	other.Purpose = "other-state"
	bare, err := ring.SealString(c.Purpose, []byte("no JSON"), []byte("realm"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		by   seal.Carried[state]
		text string
		aad  string
		at   time.Time
		ok   bool
	}{
		{"at once", c, text, "realm", at, true},
		{"in the last millisecond", c, text, "realm", at.Add(time.Minute - time.Millisecond), true},
		{"when its time is over", c, text, "realm", at.Add(time.Minute), false},
		{"for something else", c, text, "other", at, false},
		{"for another purpose", other, text, "realm", at, false},
		{"altered", c, text[:len(text)-1] + "!", "realm", at, false},
		{"of another shape", c, bare, "realm", at, false},
	} {
		got, until, err := tt.by.Open(tt.text, tt.at, []byte(tt.aad))
		if tt.ok && (err != nil || string(got.Nonce) != "nonce" || !until.Equal(at.Add(time.Minute))) {
			t.Errorf("%s: got %q until %s, %v", tt.name, got.Nonce, until, err)
		}
		if !tt.ok && (!errors.Is(err, seal.ErrOpen) || got.Nonce != nil) {
			t.Errorf("%s: got %q, %v", tt.name, got.Nonce, err)
		}
	}
}
