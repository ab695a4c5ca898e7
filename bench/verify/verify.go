// Package verify measures what sdk/resource adds to the one thing that
// verification cannot do without: the check of the signature. Both run in one
// thread, in turns, and only that thread's processor time counts.
package verify

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/assent-id/assent/sdk/resource"
)

// Target is what verification may cost: this much of the bare check.
const Target = 1.2

// A Row is one algorithm: medians over the rounds, per operation, and of allocations
// the fewest, since those of the process's other threads count too.
type Row struct {
	Alg    string  `json:"alg"`
	Bare   float64 `json:"bare_micros"`
	Verify float64 `json:"verify_micros"`
	Ratio  float64 `json:"ratio"`
	// BareAllocs are what the standard library allocates for the signature,
	// VerifyAllocs all that a verification does.
	BareAllocs   float64 `json:"bare_allocations"`
	VerifyAllocs float64 `json:"verify_allocations"`
	Met          bool    `json:"target_met"`
}

// Run measures for a number of rounds, each of this many operations, with the
// revocation feed being followed and full of entries.
func Run(ctx context.Context, rounds, ops int) ([]Row, error) {
	var out []Row
	for _, alg := range []string{"ES256", "EdDSA"} {
		row, err := measure(ctx, alg, rounds, ops)
		if err != nil {
			return nil, fmt.Errorf("verification with %s: %w", alg, err)
		}
		out = append(out, row)
	}
	return out, nil
}

func measure(ctx context.Context, alg string, rounds, ops int) (Row, error) {
	key, err := newKey(alg)
	if err != nil {
		return Row{}, err
	}
	issuer, err := newIssuer(alg, key.Public())
	if err != nil {
		return Row{}, err
	}
	defer issuer.close()
	token, err := issuer.token(key)
	if err != nil {
		return Row{}, err
	}
	s, err := resource.New(ctx, issuer.config())
	if err != nil {
		return Row{}, err
	}
	defer s.Close()
	waiting, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if err := s.Ready(waiting); err != nil {
		return Row{}, err
	}
	bare, err := bareCheck(key.Public(), token)
	if err != nil {
		return Row{}, err
	}
	return turns(alg, rounds, ops, bare, func() error {
		t, err := s.Verify(ctx, resource.Presented{Scheme: "Bearer", Token: token})
		if err == nil && !t.HasScope("read") {
			err = errors.New("the scope is missing")
		}
		return err
	})
}

// turns measures both operations in turns.
func turns(alg string, rounds, ops int, bare, verify func() error) (Row, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	row := Row{Alg: alg}
	var floor, cost, ratio, bareAllocs, verifyAllocs []float64
	for range rounds {
		a, allocs, err := window(ops, bare)
		if err != nil {
			return row, err
		}
		bareAllocs = append(bareAllocs, allocs)
		b, allocs, err := window(ops, verify)
		if err != nil {
			return row, err
		}
		verifyAllocs = append(verifyAllocs, allocs)
		floor, cost, ratio = append(floor, a), append(cost, b), append(ratio, b/a)
	}
	row.Bare, row.Verify, row.Ratio = median(floor), median(cost), median(ratio)
	row.BareAllocs, row.VerifyAllocs = slices.Min(bareAllocs), slices.Min(verifyAllocs)
	row.Met = row.Ratio <= Target
	return row, nil
}

// window is the processor time and the allocations of one operation.
func window(ops int, do func() error) (micros, allocs float64, err error) {
	if err := do(); err != nil { // warm
		return 0, 0, err
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := processorTime()
	for range ops {
		if err := do(); err != nil {
			return 0, 0, err
		}
	}
	spent := processorTime() - start
	runtime.ReadMemStats(&after)
	return spent.Seconds() * 1e6 / float64(ops), float64((after.Mallocs - before.Mallocs) / uint64(ops)), nil
}

// processorTime is that of this thread.
func processorTime() time.Duration {
	const ofThread = 1 // RUSAGE_THREAD of Linux
	var u syscall.Rusage
	if err := syscall.Getrusage(ofThread, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// bareCheck is the floor: the hash of what was signed and the signature over it,
// with everything else done beforehand.
func bareCheck(key crypto.PublicKey, token string) (func() error, error) {
	last := strings.LastIndexByte(token, '.')
	signed := []byte(token[:last])
	raw, err := base64.RawURLEncoding.DecodeString(token[last+1:])
	if err != nil {
		return nil, err
	}
	bad := errors.New("the signature does not hold")
	if k, ok := key.(ed25519.PublicKey); ok {
		return func() error {
			if !ed25519.Verify(k, signed, raw) {
				return bad
			}
			return nil
		}, nil
	}
	der, err := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(raw[:32]), new(big.Int).SetBytes(raw[32:])})
	if err != nil {
		return nil, err
	}
	return func() error {
		digest := sha256.Sum256(signed)
		if !ecdsa.VerifyASN1(key.(*ecdsa.PublicKey), digest[:], der) {
			return bad
		}
		return nil
	}, nil
}

func newKey(alg string) (crypto.Signer, error) {
	if alg == "EdDSA" {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	}
	return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
}
