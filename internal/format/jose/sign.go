package jose

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
)

// maxHeaders bounds the headers kept per key. Types are constants of the program;
// beyond the bound a header is made anew each time.
const maxHeaders = 64

// Sign returns the compact JWS of the payload, with alg, kid and, unless it is
// empty, typ in its header. The payload is signed as it is: for a token that
// [Peek] accepts it must be a JSON object.
func (k *PrivateKey) Sign(typ string, payload []byte) (compact string, err error) {
	header, err := k.header(typ)
	if err != nil {
		return "", fmt.Errorf("sign with key %s: %w", k.public.kid, err)
	}
	enc := base64.RawURLEncoding
	out := make([]byte, 0, len(header)+1+enc.EncodedLen(len(payload))+1+enc.EncodedLen(k.size))
	out = append(out, header...)
	out = append(out, '.')
	out = enc.AppendEncode(out, payload)
	var buf [es256Size]byte
	signature, err := k.sign(&buf, out)
	if err != nil {
		return "", fmt.Errorf("sign with key %s: %w", k.public.kid, err)
	}
	out = append(out, '.')
	return string(enc.AppendEncode(out, signature)), nil
}

// sign returns the signature of input; buf is room for that of ES256.
func (k *PrivateKey) sign(buf *[es256Size]byte, input []byte) ([]byte, error) {
	switch key := k.key.(type) {
	case *ecdsa.PrivateKey:
		digest := sha256.Sum256(input)
		der, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
		if err != nil {
			return nil, err
		}
		if !fromDER(buf, der) {
			return nil, errors.New("unexpected form of signature")
		}
		return buf[:], nil
	case ed25519.PrivateKey:
		return ed25519.Sign(key, input), nil
	case *rsa.PrivateKey:
		digest := sha256.Sum256(input)
		if k.public.alg == PS256 {
			opts := rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}
			return rsa.SignPSS(rand.Reader, key, crypto.SHA256, digest[:], &opts)
		}
		return rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:])
	}
	return nil, ErrAlgorithm
}

// header returns the encoded protected header for the type. Readers take no lock.
func (k *PrivateKey) header(typ string) (string, error) {
	if encoded, ok := (*k.headers.Load())[typ]; ok {
		return encoded, nil
	}
	text, err := json.Marshal(struct {
		Alg Alg    `json:"alg"`
		KID string `json:"kid"`
		Typ string `json:"typ,omitempty"`
	}{k.public.alg, k.public.kid, typ})
	if err != nil {
		return "", err
	}
	encoded := base64.RawURLEncoding.EncodeToString(text)
	k.mu.Lock()
	defer k.mu.Unlock()
	if old := *k.headers.Load(); len(old) < maxHeaders {
		grown := maps.Clone(old)
		grown[typ] = encoded
		k.headers.Store(&grown)
	}
	return encoded, nil
}
