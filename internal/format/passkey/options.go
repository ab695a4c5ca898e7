package passkey

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
)

// ceremonyTimeout is how long a browser may keep its dialog open, in
// milliseconds. The server's own limit is that of the challenge.
const ceremonyTimeout = 300_000

// minChallenge is the least length of a challenge in bytes (Section 13.4.3).
const minChallenge = 16

var errShortChallenge = fmt.Errorf("passkey: challenge shorter than %d bytes", minChallenge)

// b64 is a byte string that JSON carries as base64url without padding.
type b64 []byte

// MarshalText implements [encoding.TextMarshaler].
func (b b64) MarshalText() ([]byte, error) {
	return base64.RawURLEncoding.AppendEncode(nil, b), nil
}

// UnmarshalText implements [encoding.TextUnmarshaler].
func (b *b64) UnmarshalText(text []byte) (err error) {
	*b, err = base64.RawURLEncoding.AppendDecode(nil, text)
	return err
}

// COSE algorithms (Section 5.8.5), in the order of our preference.
const (
	coseES256 = -7
	coseEdDSA = -8
	coseRS256 = -257
)

type creationOptions struct {
	RP struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	} `json:"rp"`
	User struct {
		ID          b64    `json:"id"`
		Name        string `json:"name"`
		DisplayName string `json:"displayName"`
	} `json:"user"`
	Challenge              b64          `json:"challenge"`
	PubKeyCredParams       []parameter  `json:"pubKeyCredParams"`
	Timeout                int          `json:"timeout"`
	ExcludeCredentials     []descriptor `json:"excludeCredentials"`
	AuthenticatorSelection selection    `json:"authenticatorSelection"`
	Attestation            string       `json:"attestation"`
	Extensions             extensions   `json:"extensions"`
}

type parameter struct {
	Type string `json:"type"`
	Alg  int    `json:"alg"`
}

type descriptor struct {
	Type string `json:"type"`
	ID   b64    `json:"id"`
}

type selection struct {
	ResidentKey        string `json:"residentKey"`
	RequireResidentKey bool   `json:"requireResidentKey"` // for level 1 clients
	UserVerification   string `json:"userVerification"`
}

type extensions struct {
	CredProps bool `json:"credProps"`
}

// CreationOptions returns the PublicKeyCredentialCreationOptionsJSON of a
// registration: a resident key, user verification required, the attestation that
// the relying party wants, ES256, EdDSA or RS256. The passkeys in exclude already belong to the user.
func CreationOptions(rp RP, u User, challenge []byte, exclude [][]byte) (json.RawMessage, error) {
	if len(challenge) < minChallenge {
		return nil, errShortChallenge
	}
	if len(u.Handle) < 1 || len(u.Handle) > 64 { // Section 5.4.3
		return nil, errors.New("passkey: a user handle has 1 to 64 bytes")
	}
	var o creationOptions
	o.RP.ID, o.RP.Name = rp.ID, rp.Name
	o.User.ID, o.User.Name, o.User.DisplayName = u.Handle, u.Name, u.DisplayName
	o.Challenge, o.Timeout, o.Attestation = challenge, ceremonyTimeout, rp.Attestation.conveyance()
	for _, alg := range [...]int{coseES256, coseEdDSA, coseRS256} {
		o.PubKeyCredParams = append(o.PubKeyCredParams, parameter{"public-key", alg})
	}
	o.ExcludeCredentials = descriptors(exclude)
	o.AuthenticatorSelection = selection{"required", true, "required"}
	o.Extensions.CredProps = true
	return marshal(o)
}

type requestOptions struct {
	Challenge        b64          `json:"challenge,omitempty"`
	Timeout          int          `json:"timeout"`
	RPID             string       `json:"rpId"`
	AllowCredentials []descriptor `json:"allowCredentials"`
	UserVerification string       `json:"userVerification"`
}

// RequestOptions returns the PublicKeyCredentialRequestOptionsJSON of an
// authentication, user verification required. Without allow the person picks among
// the passkeys of the RP. An empty challenge is left out: the approver puts in the
// hash of the decision, once there is one.
func RequestOptions(rp RP, challenge []byte, allow [][]byte) (json.RawMessage, error) {
	if n := len(challenge); n > 0 && n < minChallenge {
		return nil, errShortChallenge
	}
	return marshal(requestOptions{challenge, ceremonyTimeout, rp.ID, descriptors(allow), "required"})
}

func descriptors(ids [][]byte) []descriptor {
	list := make([]descriptor, 0, len(ids)) // [] in JSON, not null
	for _, id := range ids {
		list = append(list, descriptor{"public-key", id})
	}
	return list
}

func marshal(options any) (json.RawMessage, error) {
	data, err := json.Marshal(options)
	if err != nil {
		return nil, fmt.Errorf("passkey: write options: %w", err)
	}
	return data, nil
}
