package passkey

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// SoftwareAAGUID is the AAGUID of every [Software] passkey, so that whoever looks
// at a credential or at evidence can tell that no device and no person stands
// behind it. Its bytes read "asse", "nt", "sw", 0x8000, "softwa".
const SoftwareAAGUID = "61737365-6e74-7377-8000-736f66747761"

// Software is a passkey in software, for demonstrations, development realms and
// tests. It always claims that a person was present and verified, which is not so:
// production realms refuse it by its AAGUID. It does not count its signatures, so
// that copies of one can work at once. It is safe for concurrent use after Create.
type Software struct {
	rpID, origin string
	id, handle   []byte
	key          *ecdsa.PrivateKey
}

// NewSoftware makes a passkey with a new ES256 key for the RP, as seen from a page
// of the origin.
func NewSoftware(rpID, origin string) (*Software, error) {
	if rpID == "" || origin == "" {
		return nil, errors.New("passkey: a software passkey needs an RP id and an origin")
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("passkey: make a software passkey: %w", err)
	}
	id := make([]byte, 32)
	_, _ = rand.Read(id) // never fails: crypto/rand ends the program instead
	return &Software{rpID: rpID, origin: origin, id: id, key: key}, nil
}

// CredentialID returns the id under which the server knows the passkey.
func (s *Software) CredentialID() []byte { return slices.Clone(s.id) }

// Create answers PublicKeyCredentialCreationOptionsJSON with a
// RegistrationResponseJSON, and remembers the user handle.
func (s *Software) Create(creationOptionsJSON []byte) (responseJSON []byte, err error) {
	var o creationOptions
	if err := json.Unmarshal(creationOptionsJSON, &o); err != nil {
		return nil, fmt.Errorf("passkey: read creation options: %w", err)
	}
	if err := s.accepts(o); err != nil {
		return nil, err
	}
	s.handle = slices.Clone(o.User.ID)
	clientData, err := s.clientData("webauthn.create", o.Challenge)
	if err != nil {
		return nil, err
	}
	spki, err := x509.MarshalPKIXPublicKey(&s.key.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("passkey: write public key: %w", err)
	}
	attested, err := s.attested()
	if err != nil {
		return nil, err
	}
	authData := append(s.authData(flagAttested), attested...)
	return json.Marshal(response{ID: s.id, RawID: s.id, Type: "public-key", Attachment: "platform",
		Extensions: map[string]any{"credProps": map[string]bool{"rk": true}},
		Response: responseData{ClientDataJSON: clientData, AuthenticatorData: authData, PublicKey: spki,
			PublicKeyAlgorithm: coseES256, Transports: []string{"internal"}, AttestationObject: attestationObject(authData)}})
}

func (s *Software) accepts(o creationOptions) error {
	if o.RP.ID != s.rpID {
		return fmt.Errorf("passkey: made for RP %q, asked for %q", s.rpID, o.RP.ID)
	}
	if !slices.Contains(o.PubKeyCredParams, parameter{"public-key", coseES256}) {
		return errors.New("passkey: the server does not take ES256")
	}
	for _, d := range o.ExcludeCredentials {
		if bytes.Equal(d.ID, s.id) {
			return errors.New("passkey: already registered")
		}
	}
	return nil
}

// Assert signs the challenge and returns an AuthenticationResponseJSON.
func (s *Software) Assert(challenge []byte) (responseJSON []byte, err error) {
	clientData, err := s.clientData("webauthn.get", challenge)
	if err != nil {
		return nil, err
	}
	authData := s.authData(0)
	hash := sha256.Sum256(clientData)
	digest := sha256.Sum256(slices.Concat(authData, hash[:]))
	signature, err := ecdsa.SignASN1(rand.Reader, s.key, digest[:])
	if err != nil {
		return nil, fmt.Errorf("passkey: sign: %w", err)
	}
	return json.Marshal(response{ID: s.id, RawID: s.id, Type: "public-key", Attachment: "platform",
		Extensions: map[string]any{},
		Response: responseData{ClientDataJSON: clientData, AuthenticatorData: authData,
			Signature: signature, UserHandle: s.handle}})
}

// response is RegistrationResponseJSON and AuthenticationResponseJSON in one
// (Section 5.1).
type response struct {
	ID         b64            `json:"id"`
	RawID      b64            `json:"rawId"`
	Type       string         `json:"type"`
	Attachment string         `json:"authenticatorAttachment"`
	Extensions map[string]any `json:"clientExtensionResults"`
	Response   responseData   `json:"response"`
}

type responseData struct {
	ClientDataJSON     b64      `json:"clientDataJSON"`
	AuthenticatorData  b64      `json:"authenticatorData"`
	Signature          b64      `json:"signature,omitempty"`
	UserHandle         b64      `json:"userHandle,omitempty"`
	Transports         []string `json:"transports,omitempty"`
	PublicKey          b64      `json:"publicKey,omitempty"`
	PublicKeyAlgorithm int      `json:"publicKeyAlgorithm,omitempty"`
	AttestationObject  b64      `json:"attestationObject,omitempty"`
}

// clientData has its members in the order of Section 5.8.1.1.
func (s *Software) clientData(typ string, challenge []byte) ([]byte, error) {
	data, err := json.Marshal(struct {
		Type        string `json:"type"`
		Challenge   b64    `json:"challenge"`
		Origin      string `json:"origin"`
		CrossOrigin bool   `json:"crossOrigin"`
	}{typ, challenge, s.origin, false})
	if err != nil {
		return nil, fmt.Errorf("passkey: write client data: %w", err)
	}
	return data, nil
}

// Flags of authenticator data (Section 6.1).
const (
	flagPresent  = 0x01
	flagVerified = 0x04
	flagAttested = 0x40
)

// authData is Section 6.1 with a counter of zero.
func (s *Software) authData(flags byte) []byte {
	hash := sha256.Sum256([]byte(s.rpID))
	return append(hash[:], flagPresent|flagVerified|flags, 0, 0, 0, 0)
}

// attested is the attested credential data of Section 6.5.1, with the key as
// COSE_Key {1: 2, 3: -7, -1: 1, -2: x, -3: y} in canonical CBOR.
func (s *Software) attested() ([]byte, error) {
	out, err := hex.DecodeString(strings.ReplaceAll(SoftwareAAGUID, "-", ""))
	if err != nil {
		return nil, err
	}
	point, err := s.key.PublicKey.Bytes() // 4 || x || y
	if err != nil {
		return nil, fmt.Errorf("passkey: write public key: %w", err)
	}
	out = append(out, 0, byte(len(s.id)))
	out = append(out, s.id...)
	out = append(out, 0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 32)
	out = append(out, point[1:33]...)
	out = append(out, 0x22, 0x58, 32)
	return append(out, point[33:]...), nil
}

// attestationObject is CBOR of {"fmt": "none", "attStmt": {}, "authData": bytes}
// (Section 8.7). Our authenticator data has fewer than 256 bytes.
func attestationObject(authData []byte) []byte {
	out := []byte("\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58")
	out = append(out, byte(len(authData)))
	return append(out, authData...)
}

type softwareJSON struct {
	RPID   string `json:"rp_id"`
	Origin string `json:"origin"`
	ID     b64    `json:"credential_id"`
	Handle b64    `json:"user_handle,omitempty"`
	Key    b64    `json:"private_key"` // PKCS #8
}

// Marshal returns the passkey as JSON, with its private key.
func (s *Software) Marshal() ([]byte, error) {
	key, err := x509.MarshalPKCS8PrivateKey(s.key)
	if err != nil {
		return nil, fmt.Errorf("passkey: write software passkey: %w", err)
	}
	return json.Marshal(softwareJSON{s.rpID, s.origin, s.id, s.handle, key})
}

// ParseSoftware reads what [Software.Marshal] wrote.
func ParseSoftware(data []byte) (*Software, error) {
	var j softwareJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return nil, errors.New("passkey: not a software passkey") // the cause may quote the key
	}
	parsed, err := x509.ParsePKCS8PrivateKey(j.Key)
	key, ok := parsed.(*ecdsa.PrivateKey)
	if err != nil || !ok || key.Curve != elliptic.P256() || j.RPID == "" || j.Origin == "" || len(j.ID) == 0 || len(j.ID) > 255 {
		return nil, errors.New("passkey: not a software passkey")
	}
	return &Software{rpID: j.RPID, origin: j.Origin, id: j.ID, handle: j.Handle, key: key}, nil
}
