package seal_test

import (
	"bytes"
	"crypto/sha3"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/assent-id/assent/internal/format/seal"
)

func TestXAESVectorsOfC2SP(t *testing.T) {
	tests := []struct {
		name string
		key  byte
		aad  string
		want string
	}{
		{"top bit of L clear", 1, "", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"},
		{"top bit of L set", 3, "c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			aead, err := seal.NewXAES(bytes.Repeat([]byte{tt.key}, 32))
			if err != nil {
				t.Fatal(err)
			}
			nonce := []byte("ABCDEFGHIJKLMNOPQRSTUVWX")
			got := aead.Seal(nil, nonce, []byte("XAES-256-GCM"), []byte(tt.aad))
			if hex.EncodeToString(got) != tt.want {
				t.Errorf("got %x, want %s", got, tt.want)
			}
			plain, err := aead.Open(nil, nonce, got, []byte(tt.aad))
			if err != nil || string(plain) != "XAES-256-GCM" {
				t.Errorf("got %q, %v", plain, err)
			}
		})
	}
}

// The accumulated vector of the specification: 10,000 inputs from SHAKE128 and
// one hash over all the outputs.
func TestXAESAccumulatedVectorOfC2SP(t *testing.T) {
	source, sink := sha3.NewSHAKE128(), sha3.NewSHAKE128()
	read := func(n int) []byte {
		b := make([]byte, n)
		_, _ = source.Read(b)
		return b
	}
	for range 10_000 {
		key, nonce := read(32), read(24)
		plaintext := read(int(read(1)[0]))
		aad := read(int(read(1)[0]))
		aead, err := seal.NewXAES(key)
		if err != nil {
			t.Fatal(err)
		}
		sealed := aead.Seal(nil, nonce, plaintext, aad)
		opened, err := aead.Open(nil, nonce, sealed, aad)
		if err != nil || !bytes.Equal(opened, plaintext) {
			t.Fatalf("does not open again: %v", err)
		}
		_, _ = sink.Write(sealed)
	}
	sum := make([]byte, 32)
	_, _ = sink.Read(sum)
	const want = "e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939"
	if got := hex.EncodeToString(sum); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestWhatWasSealedOpensForItsPurposeAndDataAlone(t *testing.T) {
	ring := newRing(t, seal.GenerateKey())
	plain, aad := []byte("a private key"), []byte("rlm_1/key_2")
	sealed, err := ring.Seal("signing-key", plain, aad)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ring.Open("signing-key", sealed, aad)
	if err != nil || !bytes.Equal(got, plain) {
		t.Fatalf("got %q, %v", got, err)
	}
	if len(sealed) != len(plain)+seal.Overhead || bytes.Contains(sealed, plain[:4]) {
		t.Errorf("the sealed form is %x", sealed)
	}
	refused := func(name, purpose string, sealed, aad []byte) {
		t.Helper()
		if _, err := ring.Open(purpose, sealed, aad); !errors.Is(err, seal.ErrOpen) {
			t.Errorf("%s: got %v, want ErrOpen", name, err)
		}
	}
	refused("another purpose", "page-state", sealed, aad)
	refused("a longer purpose", "signing-key ", sealed, aad)
	refused("other data", "signing-key", sealed, []byte("rlm_1/key_3"))
	refused("no data", "signing-key", sealed, nil)
	for i := range sealed {
		altered := bytes.Clone(sealed)
		altered[i] ^= 1
		refused(fmt.Sprintf("byte %d altered", i), "signing-key", altered, aad)
		refused(fmt.Sprintf("cut at byte %d", i), "signing-key", sealed[:i], aad)
	}
	refused("longer", "signing-key", append(bytes.Clone(sealed), 0), aad)
}

func TestOlderKeysOpenAndOnlyTheCurrentSeals(t *testing.T) {
	old, current := seal.GenerateKey(), seal.GenerateKey()
	before := newRing(t, old)
	sealed, err := before.Seal("p", []byte("text"), nil)
	if err != nil {
		t.Fatal(err)
	}
	rotated := newRing(t, current, old)
	if got, err := rotated.Open("p", sealed, nil); err != nil || string(got) != "text" {
		t.Errorf("after rotation: got %q, %v", got, err)
	}
	again, err := rotated.Seal("p", []byte("text"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := before.Open("p", again, nil); !errors.Is(err, seal.ErrOpen) {
		t.Errorf("the old key opens what the new one sealed: %v", err)
	}
	if _, err := newRing(t, current).Open("p", sealed, nil); !errors.Is(err, seal.ErrOpen) {
		t.Errorf("a retired key still opens: %v", err)
	}
}

func TestSealingTwiceGivesTwoTexts(t *testing.T) {
	ring := newRing(t, seal.GenerateKey())
	a, errA := ring.SealString("p", []byte("text"), nil)
	b, errB := ring.SealString("p", []byte("text"), nil)
	if a == b || errA != nil || errB != nil {
		t.Errorf("got %q and %q, %v, %v", a, b, errA, errB)
	}
}

func TestASealedStringHasOneSpelling(t *testing.T) {
	ring := newRing(t, seal.GenerateKey())
	// 45 + 5 bytes: the last character has four bits to spare.
	sealed, err := ring.SealString("p", []byte("hello"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ring.OpenString("p", sealed, nil); err != nil || string(got) != "hello" {
		t.Fatalf("got %q, %v", got, err)
	}
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, sealed[len(sealed)-1])
	for name, other := range map[string]string{
		"spare bits set": sealed[:len(sealed)-1] + alphabet[last+1:last+2],
		"line end":       sealed[:10] + "\n" + sealed[10:],
		"carriage":       sealed + "\r",
		"padding":        sealed + "==",
		"standard":       strings.Repeat("+", len(sealed)),
		"empty":          "",
	} {
		if _, err := ring.OpenString("p", other, nil); !errors.Is(err, seal.ErrOpen) {
			t.Errorf("%s: got %v, want ErrOpen", name, err)
		}
	}
}

func TestKeysSurviveTheirText(t *testing.T) {
	for _, key := range []seal.Key{seal.GenerateKey(), seal.GenerateDevelopmentKey()} {
		parsed, err := seal.ParseKey("  " + key.Encode() + "\n")
		if err != nil || parsed != key || parsed.IsDevelopment() != key.IsDevelopment() {
			t.Errorf("a key does not survive its text: %v", err)
		}
	}
	if !strings.HasPrefix(seal.GenerateDevelopmentKey().Encode(), "dev-") {
		t.Error("the text of a development key does not say so")
	}
}

func TestParseKeyReadsWhatOpenSSLPrints(t *testing.T) {
	raw := bytes.Repeat([]byte{0xfb}, 32)
	standard, err := seal.ParseKey(base64.StdEncoding.EncodeToString(raw))
	if err != nil {
		t.Fatal(err)
	}
	if want := base64.RawURLEncoding.EncodeToString(raw); standard.Encode() != want {
		t.Error("the standard alphabet gives another key")
	}
}

func TestAKeyThatHappensToBeginLikeADevelopmentKeyIsNone(t *testing.T) {
	text := "dev-" + strings.Repeat("A", 39)
	key, err := seal.ParseKey(text)
	if err != nil || key.IsDevelopment() || key.Encode() != text {
		t.Errorf("got development %t, %v", key.IsDevelopment(), err)
	}
}

func TestParseKeyRefusesEverythingElseAndRepeatsNoneOfIt(t *testing.T) {
	good := seal.GenerateKey().Encode()
	for _, text := range []string{"", "dev-", good[:42], good + "A", good[:20] + "\n" + good[20:], good[:42] + "!", "dev-dev-" + good, "prod-" + good} {
		_, err := seal.ParseKey(text)
		if err == nil {
			t.Errorf("a text of %d characters was accepted", len(text))
		} else if len(text) > 8 && strings.Contains(err.Error(), text[5:15]) {
			t.Error("the error repeats the key")
		}
	}
}

func TestKeysNeverPrint(t *testing.T) {
	key := seal.GenerateKey()
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("key", "key", key, "in", struct{ K seal.Key }{key})
	text := log.String()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d", "%q"} {
		text += fmt.Sprintf(verb, key) + fmt.Sprintf(verb, &key) + fmt.Sprintf(verb, []seal.Key{key})
	}
	raw, err := base64.RawURLEncoding.DecodeString(key.Encode())
	if err != nil {
		t.Fatal(err)
	}
	for _, leak := range []string{key.Encode(), hex.EncodeToString(raw), fmt.Sprint(raw)[1:20], string(raw)} {
		if strings.Contains(text, leak) {
			t.Errorf("the key shows in %s", text)
		}
	}
	if !strings.Contains(text, "•••") {
		t.Errorf("no dots in %s", text)
	}
}

func TestKeyringRefusesAmbiguousAndEmptyKeys(t *testing.T) {
	key := seal.GenerateKey()
	if _, err := seal.NewKeyring(key, key); err == nil {
		t.Error("one key twice was accepted")
	}
	if _, err := seal.NewKeyring(seal.Key{}); err == nil {
		t.Error("the zero key was accepted")
	}
}

func TestKeyringSaysWhetherAnyKeyIsForDevelopment(t *testing.T) {
	if newRing(t, seal.GenerateKey()).IsDevelopment() {
		t.Error("a production ring says it is for development")
	}
	if !newRing(t, seal.GenerateKey(), seal.GenerateDevelopmentKey()).IsDevelopment() {
		t.Error("a ring with a development key does not say so")
	}
}

func TestManyPurposesAtOnce(t *testing.T) {
	ring := newRing(t, seal.GenerateKey())
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := range 400 { // more than the ring caches
				purpose := fmt.Sprint("purpose ", i)
				sealed, err := ring.Seal(purpose, []byte{byte(worker)}, nil)
				if err != nil {
					t.Error(err)
					return
				}
				if got, err := ring.Open(purpose, sealed, nil); err != nil || !bytes.Equal(got, []byte{byte(worker)}) {
					t.Errorf("%s: got %v, %v", purpose, got, err)
				}
			}
		})
	}
	wg.Wait()
}

func newRing(tb testing.TB, current seal.Key, older ...seal.Key) *seal.Keyring {
	tb.Helper()
	ring, err := seal.NewKeyring(current, older...)
	if err != nil {
		tb.Fatal(err)
	}
	return ring
}

func BenchmarkSeal(b *testing.B) {
	ring, plain := newRing(b, seal.GenerateKey()), make([]byte, 256)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ring.Seal("refresh", plain, nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	ring := newRing(b, seal.GenerateKey())
	sealed, err := ring.Seal("refresh", make([]byte, 256), nil)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ring.Open("refresh", sealed, nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpenString(b *testing.B) {
	ring := newRing(b, seal.GenerateKey())
	sealed, err := ring.SealString("refresh", make([]byte, 256), nil)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ring.OpenString("refresh", sealed, nil); err != nil {
			b.Fatal(err)
		}
	}
}
