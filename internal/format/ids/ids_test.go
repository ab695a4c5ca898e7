package ids_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
)

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"

func TestNewMakesAUUIDv7InLowerCaseCrockford(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(1234567 * time.Microsecond)
		id := ids.New("apr")
		text, found := strings.CutPrefix(id, "apr_")
		if !found || len(text) != 26 {
			t.Fatalf("%q is not a prefix and 26 characters", id)
		}
		uuid := decode(t, text)
		if got := uuid[6] >> 4; got != 7 {
			t.Errorf("version %d, want 7", got)
		}
		if got := uuid[8] >> 6; got != 0b10 {
			t.Errorf("variant %b, want 10", got)
		}
		millis := int64(binary.BigEndian.Uint64(append([]byte{0, 0}, uuid[:6]...)))
		if want := time.Now().UnixMilli(); millis != want {
			t.Errorf("clock %d, want %d", millis, want)
		}
	})
}

// decode turns 26 characters into the 16 bytes of a UUID, bit by bit.
func decode(t *testing.T, text string) [16]byte {
	t.Helper()
	var bits []byte
	for _, c := range []byte(text) {
		v := strings.IndexByte(alphabet, c)
		if v < 0 {
			t.Fatalf("%q is not in the alphabet", c)
		}
		for shift := 4; shift >= 0; shift-- {
			bits = append(bits, byte(v>>shift&1))
		}
	}
	if !bytes.Equal(bits[:2], []byte{0, 0}) {
		t.Fatalf("%q has more than 128 bits", text)
	}
	var out [16]byte
	for i, bit := range bits[2:] {
		out[i/8] |= bit << (7 - i%8)
	}
	return out
}

func TestIDsSortByTheTimeTheyWereMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all []string
		for range 2000 {
			all = append(all, ids.New("idn"))
			time.Sleep(250 * time.Nanosecond)
		}
		if !slices.IsSorted(all) {
			t.Error("not in order within milliseconds")
		}
		time.Sleep(time.Hour)
		if later := ids.New("idn"); later <= all[len(all)-1] {
			t.Errorf("%s does not sort after %s", later, all[len(all)-1])
		}
	})
}

func TestIDsMadeAtOneInstantByManyGoroutinesDiffer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		seen := make(map[string]bool)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 500 {
					id := ids.New("evt")
					mu.Lock()
					if seen[id] {
						t.Errorf("%s was made twice", id)
					}
					seen[id] = true
					mu.Unlock()
				}
			})
		}
		wg.Wait()
	})
}

func TestValidAcceptsOneSpellingOfOneKind(t *testing.T) {
	const good = "apr_01jd3v5h7ke9x8a2n4p6q8s0tv" // version 7, variant 10
	tests := []struct {
		name, prefix, id string
		want             bool
	}{
		{"as made", "apr", good, true},
		{"another prefix", "idn", good, false},
		{"a shorter prefix", "ap", good, false},
		{"empty", "apr", "", false},
		{"prefix alone", "apr", "apr_", false},
		{"no underscore", "apr", "apr-" + good[4:], false},
		{"upper case", "apr", "apr_" + strings.ToUpper(good[4:]), false},
		{"a letter read as another", "apr", "apr_o1jd3v5h7ke9x8a2n4p6q8s0tv", false},
		{"too short", "apr", good[:len(good)-1], false},
		{"too long", "apr", good + "0", false},
		{"more than 128 bits", "apr", "apr_81jd3v5h7ke9x8a2n4p6q8s0tv", false},
		{"version 4", "apr", "apr_01jd3v5h7k89x8a2n4p6q8s0tv", false},
		{"variant 0", "apr", "apr_01jd3v5h7ke9x0a2n4p6q8s0tv", false},
		{"line end", "apr", good[:len(good)-1] + "\n", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := ids.Valid(tt.prefix, tt.id); got != tt.want {
				t.Errorf("Valid(%q, %q) = %t, want %t", tt.prefix, tt.id, got, tt.want)
			}
		})
	}
	for range 100 {
		if id := ids.New("ses"); !ids.Valid("ses", id) {
			t.Errorf("New made %s, which is not valid", id)
		}
	}
}

func TestTimeReadsTheMillisecondBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(987 * time.Millisecond)
		got, ok := ids.Time(ids.New("out"))
		if want := time.Now().Truncate(time.Millisecond); !ok || !got.Equal(want) {
			t.Errorf("got %v, %t, want %v", got, ok, want)
		}
	})
	for _, bad := range []string{"", "_", "apr_", "01jd3v5h7ke9x8a2n4p6q8s0tv", "apr_01jd3v5h7k89x8a2n4p6q8s0tv"} {
		if got, ok := ids.Time(bad); ok {
			t.Errorf("Time(%q) = %v, want none", bad, got)
		}
	}
}

func TestSecretsAre256BitsAndDiffer(t *testing.T) {
	seen := make(map[string]bool)
	for range 1000 {
		secret := ids.Secret()
		raw, err := base64.RawURLEncoding.Strict().DecodeString(secret)
		if err != nil || len(raw) != 32 || len(secret) != 43 {
			t.Fatalf("a secret of %d bytes in %d characters: %v", len(raw), len(secret), err)
		}
		if seen[secret] {
			t.Fatal("a secret was made twice")
		}
		seen[secret] = true
	}
}

func TestDigestMatchesItsSecretAlone(t *testing.T) {
	secret := ids.Secret()
	d := ids.DigestOf(secret)
	if !d.Matches(secret) {
		t.Error("the digest does not match its secret")
	}
	for _, other := range []string{"", secret[1:], secret + "x", ids.Secret()} {
		if d.Matches(other) {
			t.Error("the digest matches another secret")
		}
	}
	if (ids.Digest{}).Matches("") {
		t.Error("the zero digest matches")
	}
}

func BenchmarkNew(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		_ = ids.New("apr")
	}
}

func BenchmarkSecret(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		_ = ids.Secret()
	}
}
