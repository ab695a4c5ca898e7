package pass_test

import (
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"math/big"
	"os"
	"slices"
	"testing"
)

// The curve of RFC 8032, Section 5.1, written again from its text with nothing but
// big integers: slow, and with no line in common with what it checks.
var (
	prime = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	order = number("7237005577332262213973186563042994240857116359379907606001950938285454250989")
	curve = mod(new(big.Int).Mul(big.NewInt(-121665), new(big.Int).ModInverse(big.NewInt(121666), prime)))
	base  = point{number("15112221349535400772501151409588531511454012693041857206046113283949847762202"),
		number("46316835694926478169428394003475163141307993866256225615783033603165251855960")}
)

type point struct{ x, y *big.Int }

func number(s string) *big.Int {
	n, _ := new(big.Int).SetString(s, 10)
	return n
}

func mod(n *big.Int) *big.Int { return n.Mod(n, prime) }

func times(a, b *big.Int) *big.Int { return mod(new(big.Int).Mul(a, b)) }

// add is the complete addition law of the curve.
func add(p, q point) point {
	xy := times(times(p.x, q.y), times(p.y, q.x))
	d := times(curve, xy)
	one := big.NewInt(1)
	x := mod(new(big.Int).Add(times(p.x, q.y), times(p.y, q.x)))
	y := mod(new(big.Int).Add(times(p.y, q.y), times(p.x, q.x)))
	x = times(x, new(big.Int).ModInverse(mod(new(big.Int).Add(one, d)), prime))
	y = times(y, new(big.Int).ModInverse(mod(new(big.Int).Sub(one, d)), prime))
	return point{x, y}
}

func multiply(n *big.Int, p point) point {
	sum := point{big.NewInt(0), big.NewInt(1)}
	for i := n.BitLen() - 1; i >= 0; i-- {
		if sum = add(sum, sum); n.Bit(i) == 1 {
			sum = add(sum, p)
		}
	}
	return sum
}

func little(b []byte) *big.Int {
	b = slices.Clone(b)
	slices.Reverse(b)
	return new(big.Int).SetBytes(b)
}

func encode(p point) []byte {
	b := p.y.FillBytes(make([]byte, 32))
	slices.Reverse(b)
	b[31] |= byte(p.x.Bit(0)) << 7
	return b
}

// decode solves x² = (y² − 1) / (d·y² + 1).
func decode(b []byte) point {
	sign, b := b[31]>>7, slices.Clone(b)
	b[31] &= 0x7f
	y, one := little(b), big.NewInt(1)
	yy := times(y, y)
	u, v := mod(new(big.Int).Sub(yy, one)), mod(new(big.Int).Add(times(curve, yy), one))
	x := new(big.Int).ModSqrt(times(u, new(big.Int).ModInverse(v, prime)), prime)
	if byte(x.Bit(0)) != sign {
		x = mod(x.Neg(x))
	}
	return point{x, y}
}

// Whoever reads README.md alone can write a checker: here is one.
//
// Requirement: age-pass-layout, age-pass-offline
func TestTheVectorsHoldByTheBookAlone(t *testing.T) {
	text, err := os.ReadFile("testdata/passes.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct{ Name, Public, Payload, Challenge, Response string }
	if err := json.Unmarshal(text, &vectors); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(encode(multiply(new(big.Int).Sub(order, big.NewInt(1)), base)), encode(point{mod(new(big.Int).Neg(base.x)), base.y})) {
		t.Fatal("the curve is not the curve")
	}
	for _, v := range vectors {
		public, payload := bytesOf(t, v.Public), bytesOf(t, v.Payload)
		e, s := little(bytesOf(t, v.Challenge)), little(bytesOf(t, v.Response))
		minus := new(big.Int).Sub(order, e)
		r := add(multiply(s, base), multiply(minus, decode(public)))
		sum := sha512.Sum512(slices.Concat([]byte("assent-example ageverify pass v1\x00"), encode(r), public, payload))
		if got := hex.EncodeToString(sum[:16]); got != v.Challenge {
			t.Errorf("%s: %s, want %s", v.Name, got, v.Challenge)
		}
	}
}

func bytesOf(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
