package pass_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/assent-id/assent/examples/ageverify/pass"
)

var now = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func newKey(t testing.TB, id uint16) (*pass.PrivateKey, pass.Keys) {
	t.Helper()
	key, err := pass.GenerateKey(id)
	if err != nil {
		t.Fatal(err)
	}
	return key, pass.Keys{id: key.Public}
}

func issued(t testing.TB, key *pass.PrivateKey, p pass.Pass) [pass.Size]byte {
	t.Helper()
	b, err := key.Issue(p)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func adult() pass.Pass {
	return pass.Pass{BornBy: pass.Threshold(18, now), Expires: now.Add(time.Hour)}
}

// Requirement: age-pass-offline
func TestAGoodPassShowsItsAgeAndNoMore(t *testing.T) {
	key, keys := newKey(t, 7)
	b := issued(t, key, adult())
	if len(b) != 64 {
		t.Fatalf("%d bytes", len(b))
	}
	got, err := keys.Check(b, 18, now)
	if err != nil || got.KeyID != 7 || !got.BornBy.Equal(adult().BornBy) || !got.Expires.Equal(adult().Expires) || got.Serial == [6]byte{} {
		t.Fatalf("%+v, %v", got, err)
	}
	for years, want := range map[int]error{0: nil, 17: nil, 18: nil, 19: pass.ErrTooYoung, 150: pass.ErrTooYoung} {
		if _, err := keys.Check(b, years, now); !errors.Is(err, want) {
			t.Errorf("%d years: %v, want %v", years, err, want)
		}
	}
}

// Requirement: age-pass-expires
func TestAPassIsGoodUntilItExpiresAndNotASecondLonger(t *testing.T) {
	key, keys := newKey(t, 1)
	b := issued(t, key, adult())
	for after, want := range map[time.Duration]error{
		0: nil, time.Hour - 1: nil, time.Hour: pass.ErrExpired, time.Hour + time.Second: pass.ErrExpired, 1000 * time.Hour: pass.ErrExpired} {
		if _, err := keys.Check(b, 18, now.Add(after)); !errors.Is(err, want) {
			t.Errorf("after %v: %v, want %v", after, err, want)
		}
	}
}

// Requirement: age-pass-bits
func TestEverySingleBitOfAPassCounts(t *testing.T) {
	key, keys := newKey(t, 1)
	other, err := pass.GenerateKey(1 ^ 1<<3)
	if err != nil {
		t.Fatal(err)
	}
	keys[other.ID] = other.Public // a flip of the key id may find another key
	for _, years := range []int{0, 18} {
		b := issued(t, key, adult())
		for bit := range 8 * pass.Size {
			flipped := b
			flipped[bit/8] ^= 1 << (bit % 8)
			if _, err := keys.Check(flipped, years, now); err == nil {
				t.Errorf("bit %d makes no difference", bit)
			}
			flipped[bit/8] ^= 1 << (bit % 8)
			if _, err := keys.Check(flipped, years, now); err != nil {
				t.Fatal("flipped back, it is another", err)
			}
		}
	}
}

// The text has 516 bits for 512: the four that are left over count too.
//
// Requirement: age-pass-bits, age-pass-text
func TestEverySingleBitOfTheTextCounts(t *testing.T) {
	key, keys := newKey(t, 1)
	text := pass.Base64(issued(t, key, adult()))
	for i := range len(text) {
		for bit := range 8 {
			changed := []byte(text)
			changed[i] ^= 1 << bit
			b, err := pass.Parse(string(changed))
			if err != nil {
				continue
			}
			if _, err := keys.Check(b, 18, now); err == nil {
				t.Errorf("character %d, bit %d makes no difference", i, bit)
			}
		}
	}
}

// Requirement: age-pass-text
func TestAPassIsReadInItsFormsAndInNoOther(t *testing.T) {
	key, _ := newKey(t, 1)
	b := issued(t, key, adult())
	for i := range b { // every kind of byte, in 62 and 63 of the alphabet too
		b[i] = byte(255 - i*3)
	}
	std, raw, url := pass.Base64(b), base64.RawStdEncoding.EncodeToString(b[:]), base64.URLEncoding.EncodeToString(b[:])
	if len(std) != 88 || len(raw) != 86 || std == url || len([]rune(pass.Latin1(b))) != 64 {
		t.Fatal("the forms have other lengths")
	}
	for _, text := range []string{std, raw, url, strings.TrimRight(url, "="), pass.Latin1(b)} {
		if got, err := pass.Parse(text); err != nil || got != b {
			t.Errorf("%q: %x, %v", text, got, err)
		}
	}
	latin1 := []rune(pass.Latin1(b))
	latin1[63] = 0x100
	last := []byte(raw)
	last[85]++ // a bit that belongs to no byte
	for _, text := range []string{"", "x", std[:87], std + "=", std[:86] + "==\n", std[:43] + "\n" + std[43:], " " + std, raw + "=", raw[:85], raw + "A",
		raw[:84] + "-/", string(last), string(latin1), string(latin1[:63]), string(latin1[:63]) + "ab", string(latin1[:63]) + "\xff",
		hex.EncodeToString(b[:]), strings.Repeat("é", 88), strings.Repeat("\x00", 86), base64.StdEncoding.EncodeToString(b[:63]),
		base64.StdEncoding.EncodeToString(append(b[:], 0))} {
		if got, err := pass.Parse(text); !errors.Is(err, pass.ErrText) {
			t.Errorf("%q is read as %x (%v)", text, got, err)
		}
	}
}

// Requirement: age-pass-forged
func TestOnlyTheKeyItselfMakesItsPasses(t *testing.T) {
	key, keys := newKey(t, 1)
	stranger, _ := newKey(t, 1)
	elsewhere, _ := newKey(t, 2)
	good := issued(t, key, adult())
	mixed := issued(t, key, adult())
	copy(mixed[16:], good[16:])
	newer := good
	newer[0] = 2
	zero := good
	clear(zero[16:])
	for name, tt := range map[string]struct {
		b    [pass.Size]byte
		want error
	}{
		"of another who took its id": {issued(t, stranger, adult()), pass.ErrForged},
		"of an unknown key":          {issued(t, elsewhere, adult()), pass.ErrKey},
		"of another version":         {newer, pass.ErrVersion},
		"with another's signature":   {mixed, pass.ErrForged},
		"without a signature":        {zero, pass.ErrForged},
		"of nothing":                 {[pass.Size]byte{}, pass.ErrVersion},
	} {
		if _, err := keys.Check(tt.b, 18, now); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
}

// Whoever adds the order of the group to a response has the same number, written
// in another way.
//
// Requirement: age-pass-bits
func TestASignatureHasOneForm(t *testing.T) {
	key, keys := newKey(t, 1)
	for range 20 {
		b := issued(t, key, adult())
		s := new(big.Int).Add(little(b[32:]), order)
		response := s.FillBytes(make([]byte, 32))
		slices.Reverse(response)
		copy(b[32:], response)
		if _, err := keys.Check(b, 18, now); !errors.Is(err, pass.ErrForged) {
			t.Errorf("s + l: %v", err)
		}
	}
}

func TestPassesAreNeverTheSame(t *testing.T) {
	key, _ := newKey(t, 1)
	seen := make(map[string]bool)
	for range 200 {
		b := issued(t, key, adult())
		for _, part := range []string{"serial" + string(b[10:16]), "e" + string(b[16:32]), "s" + string(b[32:])} {
			if seen[part] {
				t.Fatalf("%x has come twice", part)
			}
			seen[part] = true
		}
	}
}

// RFC 7748, Section 7; the points of small order are those of every list of them.
//
// Requirement: age-pass-keys
func TestKeysThatBindNothingAreRefused(t *testing.T) {
	good, _ := newKey(t, 1)
	public := good.Public.Bytes()
	if _, err := pass.NewPublicKey(public); err != nil {
		t.Fatal(err)
	}
	list := []string{
		"0100000000000000000000000000000000000000000000000000000000000000", // neutral
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // order 2
		"0000000000000000000000000000000000000000000000000000000000000000", // order 4
		"0000000000000000000000000000000000000000000000000000000000000080",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", // order 8
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
		"0100000000000000000000000000000000000000000000000000000000000080", // not canonical
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"0200000000000000000000000000000000000000000000000000000000000000",                                               // no point
		hex.EncodeToString(encode(add(decode(public[:]), point{big.NewInt(0), new(big.Int).Sub(prime, big.NewInt(1))}))), // good + order 2
		hex.EncodeToString(encode(add(decode(public[:]), decode(bytesOf(t, "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"))))),
	}
	for _, text := range list {
		if _, err := pass.NewPublicKey([32]byte(bytesOf(t, text))); err == nil {
			t.Errorf("%s is taken", text)
		}
	}
}

func TestDatesThatDoNotFitAreNotIssued(t *testing.T) {
	key, _ := newKey(t, 1)
	for name, p := range map[string]pass.Pass{
		"born before the epoch":    {BornBy: time.Date(1799, 12, 31, 0, 0, 0, 0, time.UTC), Expires: now},
		"born too late":            {BornBy: pass.LastBirthday.AddDate(0, 0, 1), Expires: now},
		"born at noon":             {BornBy: now, Expires: now},
		"expires before 1970":      {BornBy: adult().BornBy, Expires: time.Unix(-1, 0)},
		"expires after 2106":       {BornBy: adult().BornBy, Expires: time.Unix(1<<32, 0)},
		"expires between seconds":  {BornBy: adult().BornBy, Expires: now.Add(time.Millisecond)},
		"says nothing of a person": {},
	} {
		if _, err := key.Issue(p); err == nil {
			t.Errorf("%s: issued", name)
		}
	}
}

// Requirement: age-pass-keys
func TestKeyFilesAreReadAsTheyWereWritten(t *testing.T) {
	key, keys := newKey(t, 300)
	second, _ := newKey(t, 2)
	keys[2] = second.Public
	private, err := json.Marshal(key)
	if err != nil {
		t.Fatal(err)
	}
	public, err := json.Marshal(keys)
	if err != nil || bytes.Contains(public, []byte("seed")) {
		t.Fatal(string(public), err)
	}
	again, err := pass.ParsePrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	read, err := pass.ParseKeys(public)
	if err != nil || len(read) != 2 {
		t.Fatal(read, err)
	}
	if _, err := read.Check(issued(t, again, adult()), 18, now); err != nil {
		t.Error(err)
	}
	zero := `"` + strings.Repeat("A", 43) + `"`
	for _, text := range []string{``, `{}`, `{"keys":[]}`, `{"keys":[{"id":1}]}`, `{"keys":[{"id":1,"public":` + zero + `}]}`, `{"keys":[{"public":"` + id(key) + `"}]}`,
		`{"keys":[{"id":70000,"public":"` + id(key) + `"}]}`, `{"keys":[{"id":1,"public":"` + id(key) + `"},{"id":1,"public":"` + id(key) + `"}]}`} {
		if _, err := pass.ParseKeys([]byte(text)); err == nil {
			t.Errorf("keys %s are taken", text)
		}
	}
	for _, text := range []string{``, `{}`, `{"id":1,"seed":"x"}`, `{"id":1,"seed":` + zero + `}`, `{"id":1,"seed":` + zero + `,"public":"` + id(key) + `"}`} {
		if _, err := pass.ParsePrivateKey([]byte(text)); err == nil || strings.Contains(err.Error(), "AAAA") {
			t.Errorf("key %s: %v", text, err)
		}
	}
}

func id(key *pass.PrivateKey) string {
	b := key.Public.Bytes()
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// What is read is 64 bytes, and whatever they are, they are checked without a
// fault and are no pass that was not issued.
//
// Requirement: age-pass-forged
func FuzzCheck(f *testing.F) {
	key, keys := newKey(f, 1)
	good := issued(f, key, adult())
	f.Add(pass.Base64(good), 18)
	f.Add(pass.Latin1(good), 150)
	f.Add("", 0)
	f.Add(strings.Repeat("\x01", 64), 21)
	f.Fuzz(func(t *testing.T, text string, years int) {
		b, err := pass.Parse(text)
		if err != nil {
			return
		}
		again, err := pass.Parse(pass.Latin1(b))
		if err != nil || again != b {
			t.Errorf("%x: %x, %v", b, again, err)
		}
		if _, err := keys.Check(b, 18, now); err == nil && b != good {
			t.Errorf("%x was never issued", b)
		}
	})
}
