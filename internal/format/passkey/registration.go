package passkey

import (
	"encoding/base64"
	"fmt"
	"math/big"
	"slices"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
)

const (
	// maxRegistration bounds a RegistrationResponseJSON, in bytes; some clients send
	// an attestation with certificates although none was asked for.
	maxRegistration = 64 << 10
	maxTransports   = 8
	maxTransport    = 32
	minRSABits      = 2048
	maxRSABits      = 4096
)

var credentialParameters = []protocol.CredentialParameter{
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgES256},
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgEdDSA},
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgRS256},
}

// VerifyRegistration checks a RegistrationResponseJSON against the challenge that
// was given for it and returns the credential to store. The caller makes sure that
// no other identity has a credential of the same id (Section 7.1, step 26).
func VerifyRegistration(rp RP, challenge []byte, responseJSON []byte) (Credential, error) {
	parsed, err := parseRegistration(responseJSON)
	if err != nil {
		return Credential{}, err
	}
	clientData := parsed.Raw.AttestationResponse.ClientDataJSON
	if err := checkClientData(rp, challenge, clientData, parsed.Response.CollectedClientData); err != nil {
		return Credential{}, err
	}
	object := &parsed.Response.AttestationObject
	if err := rp.Attestation.prepare(object); err != nil {
		return Credential{}, err
	}
	_, err = parsed.Verify(base64.RawURLEncoding.EncodeToString(challenge), rp.ID, rp.Origins, nil, nil,
		protocol.TopOriginExplicitVerificationMode, false, true, true, nil, credentialParameters,
		protocol.AttestationPolicy{}, protocol.SignaturePolicy{})
	if err != nil {
		return Credential{}, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	c, err := newCredential(parsed)
	if err != nil {
		return Credential{}, err
	}
	if c.Attestation, err = rp.Attestation.assess(object, c.AAGUIDText()); err != nil {
		return Credential{}, err
	}
	return c, nil
}

func parseRegistration(responseJSON []byte) (*protocol.ParsedCredentialCreationData, error) {
	if len(responseJSON) > maxRegistration {
		return nil, fmt.Errorf("%w: longer than %d bytes", ErrMalformed, maxRegistration)
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(responseJSON)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return parsed, nil
}

// dropAttestation keeps hostile certificates away from parsers whose result nobody
// would use. Where we ask for attestation "none", a client that sends a statement
// all the same is not refused for it. A self attestation stays and is verified, as it shows
// at least that the key can sign.
func dropAttestation(o *protocol.AttestationObject) {
	_, certificates := o.AttStatement["x5c"]
	if o.Format == "packed" && !certificates {
		return
	}
	if o.Format != "none" {
		o.Format, o.AttStatement, o.SubStatements = "none", nil, nil
	}
}

func newCredential(parsed *protocol.ParsedCredentialCreationData) (Credential, error) {
	data := parsed.Response.AttestationObject.AuthData
	if err := checkBackup(data.Flags); err != nil {
		return Credential{}, err
	}
	if err := checkKey(data.AttData.CredentialPublicKey); err != nil {
		return Credential{}, err
	}
	return Credential{
		ID:             slices.Clone(data.AttData.CredentialID),
		PublicKey:      slices.Clone(data.AttData.CredentialPublicKey),
		AAGUID:         slices.Clone(data.AttData.AAGUID),
		SignCount:      data.Counter,
		BackupEligible: data.Flags.HasBackupEligible(),
		BackupState:    data.Flags.HasBackupState(),
		Transports:     transports(parsed.Response.Transports),
	}, nil
}

// checkKey makes sure that the key can verify what it will be asked to: without
// attestation the library looks at its algorithm number alone.
func checkKey(cose []byte) error {
	key, err := webauthncose.ParsePublicKey(cose)
	if err != nil {
		return fmt.Errorf("%w: public key: %w", ErrRefused, err)
	}
	ok := false
	switch key := key.(type) {
	case webauthncose.EC2PublicKeyData:
		ok = key.Algorithm == coseES256
	case webauthncose.OKPPublicKeyData:
		ok = key.Algorithm == coseEdDSA
	case webauthncose.RSAPublicKeyData:
		bits := new(big.Int).SetBytes(key.Modulus).BitLen()
		ok = key.Algorithm == coseRS256 && minRSABits <= bits && bits <= maxRSABits
	}
	if !ok {
		return fmt.Errorf("%w: public key of a kind or size that was not offered", ErrRefused)
	}
	return nil
}

// transports keeps what the browser says within bounds: it comes back to browsers
// as a hint and is never acted on here (Section 5.8.4).
func transports(all []protocol.AuthenticatorTransport) []string {
	var kept []string
	for _, t := range all {
		if len(kept) < maxTransports && len(t) <= maxTransport && !slices.Contains(kept, string(t)) {
			kept = append(kept, string(t))
		}
	}
	return kept
}
