package pass

import (
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write testdata/passes.json anew")

// A vector is a pass with all that it is made from. Bytes are hexadecimal; noise is
// what the nonce is made with.
type vector struct {
	Name      string `json:"name"`
	Seed      string `json:"seed"`
	KeyID     uint16 `json:"keyId"`
	Public    string `json:"public"`
	BornBy    string `json:"bornBy"`
	Expires   string `json:"expires"`
	Serial    string `json:"serial"`
	Noise     string `json:"noise"`
	Payload   string `json:"payload"`
	Challenge string `json:"challenge"`
	Response  string `json:"response"`
	PassData  string `json:"passData"`
	Latin1    string `json:"latin1"`
}

// made fills in what follows from the rest.
func (v vector) made(t *testing.T) vector {
	t.Helper()
	key, err := NewPrivateKey(v.KeyID, [32]byte(unhex(t, v.Seed)))
	if err != nil {
		t.Fatal(err)
	}
	born, err := time.Parse(time.DateOnly, v.BornBy)
	if err != nil {
		t.Fatal(err)
	}
	expires, err := time.Parse(time.RFC3339, v.Expires)
	if err != nil {
		t.Fatal(err)
	}
	b, err := key.issue(Pass{KeyID: v.KeyID, BornBy: born, Expires: expires, Serial: [6]byte(unhex(t, v.Serial))}, [32]byte(unhex(t, v.Noise)))
	if err != nil {
		t.Fatal(err)
	}
	public := key.Public.Bytes()
	v.Public, v.Payload = hex.EncodeToString(public[:]), hex.EncodeToString(b[:16])
	v.Challenge, v.Response = hex.EncodeToString(b[16:32]), hex.EncodeToString(b[32:])
	v.PassData, v.Latin1 = Base64(b), Latin1(b)
	return v
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Requirement: age-pass-layout
func TestTheVectorsAreWhatThisPackageMakes(t *testing.T) {
	text, err := os.ReadFile("testdata/passes.json")
	if err != nil {
		t.Fatal(err)
	}
	var want, got []vector
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	for _, v := range want {
		got = append(got, v.made(t))
	}
	if *update {
		text, err := json.MarshalIndent(got, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile("testdata/passes.json", append(text, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, got); diff != "" || len(got) < 4 {
		t.Error(len(got), diff)
	}
}
