package passkey

import (
	"bytes"
	"encoding/base64"
	"fmt"

	"github.com/go-webauthn/webauthn/protocol"
)

// maxAssertion bounds an AuthenticationResponseJSON, in bytes.
const maxAssertion = 16 << 10

// An Assertion is an answer of a passkey that was read and not yet verified. Its
// CredentialID and UserHandle may be used to find the credential.
type Assertion struct {
	CredentialID      []byte
	UserHandle        []byte // whose passkey it says it is; compare with the identity
	AuthenticatorData []byte
	ClientDataJSON    []byte
	Signature         []byte

	parsed *protocol.ParsedCredentialAssertionData
}

// A Result is what a verified assertion teaches about the passkey.
type Result struct {
	SignCount   uint32
	BackupState bool
	// CloneSuspected: the counter did not grow, so the passkey may exist twice, or
	// two answers overtook each other (Section 7.2, step 22). A signal for the audit
	// log and for policy, not a refusal.
	CloneSuspected bool
}

// ParseAssertion reads an AuthenticationResponseJSON.
func ParseAssertion(responseJSON []byte) (*Assertion, error) {
	if len(responseJSON) > maxAssertion {
		return nil, fmt.Errorf("%w: longer than %d bytes", ErrMalformed, maxAssertion)
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(responseJSON)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	raw := parsed.Raw.AssertionResponse
	return &Assertion{
		CredentialID:      parsed.RawID,
		UserHandle:        raw.UserHandle,
		AuthenticatorData: raw.AuthenticatorData,
		ClientDataJSON:    raw.ClientDataJSON,
		Signature:         raw.Signature,
		parsed:            parsed,
	}, nil
}

// Verify checks the assertion against the stored credential and the challenge that
// was given for it. The caller has found the credential by its id and checks that
// it belongs to the identity in question.
func (a *Assertion) Verify(rp RP, challenge []byte, c Credential) (Result, error) {
	if a.parsed == nil {
		return Result{}, fmt.Errorf("%w: not from ParseAssertion", ErrMalformed)
	}
	if !bytes.Equal(a.parsed.RawID, c.ID) {
		return Result{}, fmt.Errorf("%w: another credential", ErrRefused)
	}
	if err := checkClientData(rp, challenge, a.parsed.Raw.AssertionResponse.ClientDataJSON, a.parsed.Response.CollectedClientData); err != nil {
		return Result{}, err
	}
	err := a.parsed.Verify(base64.RawURLEncoding.EncodeToString(challenge), rp.ID, "", rp.Origins, nil, nil,
		protocol.TopOriginExplicitVerificationMode, false, true, true, c.PublicKey, protocol.SignaturePolicy{})
	if err != nil {
		return Result{}, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	data := a.parsed.Response.AuthenticatorData
	if err := checkBackup(data.Flags); err != nil {
		return Result{}, err
	}
	if data.Flags.HasBackupEligible() != c.BackupEligible { // Section 7.2, step 19
		return Result{}, fmt.Errorf("%w: backup eligibility changed", ErrRefused)
	}
	return Result{
		SignCount:      data.Counter,
		BackupState:    data.Flags.HasBackupState(),
		CloneSuspected: (data.Counter != 0 || c.SignCount != 0) && data.Counter <= c.SignCount,
	}, nil
}
