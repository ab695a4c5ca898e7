// Package jws signs and verifies compact ES256 JSON Web Signatures with
// crypto/ecdsa and nothing else (RFC 7515, RFC 7518 Section 3.4).
//
// It is the yardstick of the benchmarks: what the signature itself costs. It
// shares no code with the product on purpose, so that it also checks the
// product's tokens independently. It is not fit for anything else: it knows
// one algorithm and trusts the caller to have chosen the key.
package jws

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
)

// ErrInvalid is the one answer for a token that is not a good ES256 JWS.
var ErrInvalid = errors.New("not a valid ES256 JWS")

// half is the length in bytes of R and of S on P-256.
const half = 32

var url64 = base64.RawURLEncoding

// A Signer signs with one key and one fixed protected header.
type Signer struct {
	key    *ecdsa.PrivateKey
	prefix string // the encoded header and its dot
}

// NewSigner makes a signer whose tokens carry the given typ and kid.
func NewSigner(key *ecdsa.PrivateKey, typ, kid string) *Signer {
	header := fmt.Sprintf(`{"alg":"ES256","kid":%q,"typ":%q}`, kid, typ)
	return &Signer{key: key, prefix: url64.EncodeToString([]byte(header)) + "."}
}

// NewProofSigner makes a signer of DPoP proofs: their header carries the public
// key itself (RFC 9449, Section 4.2).
func NewProofSigner(key *ecdsa.PrivateKey) (*Signer, error) {
	jwk, err := PublicJWK(&key.PublicKey, "")
	if err != nil {
		return nil, err
	}
	jwk.Use, jwk.Alg = "", ""
	header, err := json.Marshal(Header{Alg: "ES256", Typ: "dpop+jwt", JWK: &jwk})
	if err != nil {
		return nil, err
	}
	return &Signer{key: key, prefix: url64.EncodeToString(header) + "."}, nil
}

// Sign returns the compact form over payload.
func (s *Signer) Sign(payload []byte) (string, error) {
	token := make([]byte, 0, len(s.prefix)+url64.EncodedLen(len(payload))+1+url64.EncodedLen(2*half))
	token = append(token, s.prefix...)
	token = url64.AppendEncode(token, payload)
	digest := sha256.Sum256(token)
	r, v, err := ecdsa.Sign(rand.Reader, s.key, digest[:])
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	var signature [2 * half]byte
	r.FillBytes(signature[:half])
	v.FillBytes(signature[half:])
	token = append(token, '.')
	return string(url64.AppendEncode(token, signature[:])), nil
}

// Header is what the benchmarks read of a protected header.
type Header struct {
	Alg string `json:"alg"`
	KID string `json:"kid,omitempty"`
	Typ string `json:"typ"`
	JWK *JWK   `json:"jwk,omitempty"` // of a DPoP proof
}

// VerifyProof checks a JWS against the key in its own header, which speaks for
// nobody but itself, and returns that key too.
func VerifyProof(compact []byte) (*JWK, Header, []byte, error) {
	var header Header
	dot := bytes.IndexByte(compact, '.')
	if dot < 0 || decodeJSON(compact[:dot], &header) != nil || header.JWK == nil {
		return nil, Header{}, nil, ErrInvalid
	}
	key, err := header.JWK.Public()
	if err != nil {
		return nil, Header{}, nil, ErrInvalid
	}
	_, payload, err := Verify(compact, key)
	return header.JWK, header, payload, err
}

// Verify checks the signature and returns header and payload. Every fault is
// ErrInvalid.
func Verify(compact []byte, key *ecdsa.PublicKey) (Header, []byte, error) {
	dot := bytes.IndexByte(compact, '.')
	last := bytes.LastIndexByte(compact, '.')
	if dot < 0 || last <= dot {
		return Header{}, nil, ErrInvalid
	}
	var header Header
	if err := decodeJSON(compact[:dot], &header); err != nil || header.Alg != "ES256" {
		return Header{}, nil, ErrInvalid
	}
	var signature [2*half + 1]byte
	n, err := url64.Decode(signature[:], compact[last+1:])
	if err != nil || n != 2*half {
		return Header{}, nil, ErrInvalid
	}
	r := new(big.Int).SetBytes(signature[:half])
	s := new(big.Int).SetBytes(signature[half : 2*half])
	digest := sha256.Sum256(compact[:last])
	if !ecdsa.Verify(key, digest[:], r, s) {
		return Header{}, nil, ErrInvalid
	}
	payload, err := url64.AppendDecode(nil, compact[dot+1:last])
	if err != nil {
		return Header{}, nil, ErrInvalid
	}
	return header, payload, nil
}

func decodeJSON(encoded []byte, into any) error {
	text, err := url64.AppendDecode(nil, encoded)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// JWK is a P-256 public key (RFC 7518, Section 6.2.1).
type JWK struct {
	KTY string `json:"kty"`
	CRV string `json:"crv"`
	X   string `json:"x"`
	Y   string `json:"y"`
	KID string `json:"kid,omitempty"`
	Use string `json:"use,omitempty"`
	Alg string `json:"alg,omitempty"`
}

// Set is a JWK Set (RFC 7517, Section 5).
type Set struct {
	Keys []JWK `json:"keys"`
}

// PublicJWK returns the public half of key under the given kid.
func PublicJWK(key *ecdsa.PublicKey, kid string) (JWK, error) {
	point, err := key.Bytes()
	if err != nil {
		return JWK{}, fmt.Errorf("encode public key %s: %w", kid, err)
	}
	x, y := point[1:1+half], point[1+half:]
	return JWK{
		KTY: "EC", CRV: "P-256", KID: kid, Use: "sig", Alg: "ES256",
		X: url64.EncodeToString(x), Y: url64.EncodeToString(y),
	}, nil
}

// Thumbprint is the key's name for those who have nothing but the key, base64url
// (RFC 7638, Section 3.2).
func (k JWK) Thumbprint() string {
	sum := sha256.Sum256([]byte(`{"crv":"` + k.CRV + `","kty":"` + k.KTY + `","x":"` + k.X + `","y":"` + k.Y + `"}`))
	return url64.EncodeToString(sum[:])
}

// Public parses the key.
func (k JWK) Public() (*ecdsa.PublicKey, error) {
	if k.KTY != "EC" || k.CRV != "P-256" {
		return nil, fmt.Errorf("key %s is %s %s, want EC P-256", k.KID, k.KTY, k.CRV)
	}
	point := []byte{4} // uncompressed
	for _, part := range []string{k.X, k.Y} {
		coordinate, err := url64.DecodeString(part)
		if err != nil || len(coordinate) != half {
			return nil, fmt.Errorf("key %s has a bad coordinate", k.KID)
		}
		point = append(point, coordinate...)
	}
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", k.KID, err)
	}
	return key, nil
}

// Generate makes a P-256 key.
func Generate() (*ecdsa.PrivateKey, error) {
	return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
}
