// Package pass is the pass of the age verification example: 64 bytes that a shop
// can check without a network, and that say one thing about whoever shows them:
// born on this day or before it.
//
//	 0       version, 1
//	 1-2     key id
//	 3-5     born on or before: days since 1 January 1800
//	 6-9     expires: seconds since 1 January 1970, UTC
//	10-15    serial, random
//	16-31    signature: the challenge e
//	32-63    signature: the response s
//
// Numbers are big-endian, and those of the signature little-endian. It is a Schnorr
// signature over edwards25519 with a challenge of 128 bits, which is what leaves
// room for the rest: README.md has the reasons and the limits.
//
// If this package is wrong, children buy what they must not.
package pass

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// Size is the length of a pass in bytes.
const Size = payloadSize + signatureSize

const (
	version       = 1
	payloadSize   = 16
	challengeSize = 16
	signatureSize = challengeSize + 32
)

// Why a pass is not good. A pass that fails several tests has the first of them.
var (
	ErrVersion  = errors.New("pass: of another version")
	ErrKey      = errors.New("pass: of an unknown key")
	ErrForged   = errors.New("pass: the signature is not of its key")
	ErrExpired  = errors.New("pass: expired")
	ErrTooYoung = errors.New("pass: does not show the age")
)

// A Pass is what its 64 bytes say.
type Pass struct {
	KeyID   uint16
	BornBy  time.Time // the last day on which its holder may have been born, at midnight UTC
	Expires time.Time // the first instant at which it is of no use, in whole seconds
	Serial  [6]byte
}

// epoch is day 0 of BornBy: nobody alive was born before it.
var epoch = time.Date(1800, time.January, 1, 0, 0, 0, 0, time.UTC)

const day = 24 * time.Hour

// LastBirthday is the latest BornBy that the three bytes can hold.
var LastBirthday = epoch.AddDate(0, 0, 1<<24-1)

// payload writes the 16 bytes that are signed. It fails for dates that they
// cannot hold.
func (p Pass) payload() ([payloadSize]byte, error) {
	var b [payloadSize]byte
	born, expires := p.BornBy.UTC(), p.Expires.Unix()
	switch {
	case born.Before(epoch) || born.After(LastBirthday) || !born.Equal(born.Truncate(day)):
		return b, fmt.Errorf("write a pass: %s is no day that it can hold", p.BornBy)
	case expires < 0 || expires >= 1<<32 || !p.Expires.Equal(time.Unix(expires, 0)):
		return b, fmt.Errorf("write a pass: %s is no second that it can hold", p.Expires)
	}
	var days [4]byte
	binary.BigEndian.PutUint32(days[:], uint32(born.Unix()/86400-epoch.Unix()/86400))
	b[0] = version
	binary.BigEndian.PutUint16(b[1:3], p.KeyID)
	copy(b[3:6], days[1:])
	binary.BigEndian.PutUint32(b[6:10], uint32(expires))
	copy(b[10:16], p.Serial[:])
	return b, nil
}

// read takes the payload apart. Every payload of this version means something.
func read(b [payloadSize]byte) (Pass, error) {
	if b[0] != version {
		return Pass{}, ErrVersion
	}
	days := binary.BigEndian.Uint32([]byte{0, b[3], b[4], b[5]})
	p := Pass{
		KeyID:   binary.BigEndian.Uint16(b[1:3]),
		BornBy:  epoch.AddDate(0, 0, int(days)),
		Expires: time.Unix(int64(binary.BigEndian.Uint32(b[6:10])), 0).UTC(),
	}
	copy(p.Serial[:], b[10:16])
	return p, nil
}

// Check reports whether a pass shows an age in years at an instant: nil, or
// [ErrVersion], [ErrKey], [ErrForged], [ErrExpired] or [ErrTooYoung]. It needs no
// network and no secret. What it returns beside an error is what the bytes claim,
// and true only with ErrExpired and ErrTooYoung.
func (k Keys) Check(b [Size]byte, years int, at time.Time) (Pass, error) {
	payload := [payloadSize]byte(b[:payloadSize])
	p, err := read(payload)
	if err != nil {
		return p, err
	}
	key, ok := k[p.KeyID]
	switch {
	case !ok:
		return p, ErrKey
	case !key.verifies(payload, [signatureSize]byte(b[payloadSize:])):
		return p, ErrForged
	case !at.Before(p.Expires):
		return p, ErrExpired
	case !oldEnough(p.BornBy, years, at):
		return p, ErrTooYoung
	}
	return p, nil
}
