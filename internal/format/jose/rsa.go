package jose

import (
	"crypto/rsa"
	"fmt"
	"math/big"
)

func checkRSA(key *rsa.PublicKey) error {
	switch bits := key.N.BitLen(); {
	case bits < minRSABits || bits > maxRSABits:
		return fmt.Errorf("%w: an RSA key has %d to %d bits", ErrKey, minRSABits, maxRSABits)
	case key.E < 3 || key.E%2 == 0:
		return fmt.Errorf("%w: bad RSA exponent", ErrKey)
	case roca(key.N):
		return fmt.Errorf("%w: an RSA key that can be factored (CVE-2017-15361)", ErrKey)
	}
	return nil
}

// rocaPrimes are the primes that tell the keys of CVE-2017-15361 from others.
var rocaPrimes = [...]int64{3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71,
	73, 79, 83, 89, 97, 101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167}

// roca reports whether a modulus was made by the library of CVE-2017-15361
// ("Return of Coppersmith's Attack", Nemec et al., 2017), whose primes are powers
// of 65537 modulo every small prime. A sound key looks like that with a chance
// of 2^-27 or so.
func roca(n *big.Int) bool {
	var rest big.Int
	for _, p := range rocaPrimes {
		want := rest.Mod(n, big.NewInt(p)).Int64()
		if !isPower(65537%p, want, p) {
			return false
		}
	}
	return true
}

// isPower reports whether x is a power of g modulo p.
func isPower(g, x, p int64) bool {
	power := int64(1)
	for range p {
		if power == x {
			return true
		}
		power = power * g % p
	}
	return false
}
