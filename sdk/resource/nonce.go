package resource

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"

	"github.com/assent-id/assent/sdk/internal/jws"
)

// nonceLife is how long a nonce can be used.
const nonceLife = 3 * time.Minute

// nonces makes and opens the nonces of RFC 9449, Section 9. A nonce is a time and
// a MAC over it: whichever process gets it back can read it, and nobody else can
// make one.
type nonces struct{ key []byte }

func (n nonces) make(now time.Time) string {
	at := binary.BigEndian.AppendUint64(nil, uint64(now.Unix()))
	return base64.RawURLEncoding.EncodeToString(append(at, n.mac(at)...))
}

func (n nonces) mac(at []byte) []byte {
	h := hmac.New(sha256.New, n.key)
	h.Write([]byte("assent dpop nonce"))
	h.Write(at)
	return h.Sum(nil)[:16]
}

// open answers until when the nonce is good.
func (n nonces) open(nonce string, now time.Time) (time.Time, bool) {
	if len(nonce) > 64 {
		return now, false
	}
	raw, err := jws.Decode(nonce)
	if err != nil || len(raw) != 8+16 || !hmac.Equal(raw[8:], n.mac(raw[:8])) {
		return now, false
	}
	made := time.Unix(int64(binary.BigEndian.Uint64(raw)), 0)
	until := made.Add(nonceLife)
	return until, now.Before(until) && !made.After(now.Add(longestLeeway))
}
