package main

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
)

// jwkOfPEM is the first private key of a PEM file as a JWK: PKCS#8 (RFC 5958) or SEC 1
// (RFC 5915). No error quotes it.
func jwkOfPEM(text []byte) ([]byte, error) {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		var key any
		var err error
		switch block.Type {
		case "PRIVATE KEY":
			key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
		case "EC PRIVATE KEY":
			key, err = x509.ParseECPrivateKey(block.Bytes)
		case "ENCRYPTED PRIVATE KEY":
			return nil, usage("the key is encrypted: take the password off it first, as openssl pkey does")
		default: // such as EC PARAMETERS, which OpenSSL writes in front
			continue
		}
		if err != nil {
			return nil, usage("the PEM holds no private key that can be read") // the cause may quote it
		}
		return jwkOf(key)
	}
	return nil, usage("the PEM holds no private key")
}

// jwkOf: RFC 7518, Section 6.2; RFC 8037, Section 2.
func jwkOf(key any) ([]byte, error) {
	b64 := base64.RawURLEncoding.EncodeToString
	switch key := key.(type) {
	case *ecdsa.PrivateKey:
		if key.Curve != elliptic.P256() {
			break
		}
		point, err := key.PublicKey.Bytes()
		if err != nil {
			return nil, err
		}
		d, err := key.Bytes()
		if err != nil {
			return nil, err
		}
		return json.Marshal(map[string]string{"kty": "EC", "crv": "P-256", "x": b64(point[1:33]), "y": b64(point[33:]), "d": b64(d)})
	case ed25519.PrivateKey:
		return json.Marshal(map[string]string{"kty": "OKP", "crv": "Ed25519", "x": b64(key[ed25519.SeedSize:]), "d": b64(key.Seed())})
	}
	return nil, usage("a PEM is read for ES256 (P-256) and EdDSA (Ed25519); give other keys as a JWK")
}
