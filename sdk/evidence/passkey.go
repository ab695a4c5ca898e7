package evidence

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
)

// checkPasskey checks the person's signature. When the seal tells that the
// part was altered, what was altered is named if it can be told for sure, and
// the whole part if not: never a member that may be untouched.
func (v *verifier) checkPasskey() error {
	raw := v.members["passkey"]
	present, altered := v.sealed("passkey", raw)
	if !present {
		if altered == nil && v.result.Outcome == Approved {
			return errors.New("is missing")
		}
		return altered
	}
	if v.result.Decision == nil {
		return errors.New("stands in evidence without a decision")
	}
	if v.binding.Typ == "" {
		return altered // the seal covers no passkey, hence no binding either
	}
	p := new(Passkey)
	if err := json.Unmarshal(raw, p); err != nil {
		return err
	}
	fault := p.fault(v.binding, v.members["decision"], true)
	if altered != nil && (fault == nil || fault.Part == "passkey.signature") {
		return altered
	}
	if fault != nil {
		return fault
	}
	v.result.Passkey = p
	v.result.BoundAt = v.binding.Iat
	v.result.SoftwarePasskey = p.AAGUID == SoftwareAAGUID
	return nil
}

// fault names the first member of p that does not fit the binding, the
// decision or the signature; the signature is taken to hold where it is not to
// be verified. The backup flags come after it, because it covers the flags
// that they repeat.
func (p *Passkey) fault(b BindingClaims, decision []byte, verify bool) *PartError {
	switch {
	case !bytes.Equal(p.CredentialID, b.CredentialID):
		return &PartError{"passkey.credential_id", "is not the one bound to the person"}
	case !bytes.Equal(p.PublicKey, b.PublicKey):
		return &PartError{"passkey.public_key", "is not the one bound to the person"}
	case p.AAGUID != b.AAGUID:
		return &PartError{"passkey.aaguid", "is not the one bound to the person"}
	}
	key, err := parseCOSEKey(p.PublicKey)
	if err != nil {
		return &PartError{"passkey.public_key", err.Error()}
	}
	if err := checkClientData(p.ClientDataJSON, Challenge(decision), b.RPID); err != nil {
		return &PartError{"passkey.client_data_json", err.Error()}
	}
	if err := checkAuthenticatorData(p.AuthenticatorData, b.RPID); err != nil {
		return &PartError{"passkey.authenticator_data", err.Error()}
	}
	client := sha256.Sum256(p.ClientDataJSON)
	signed := append(bytes.Clone(p.AuthenticatorData), client[:]...)
	if verify && !verifyPasskey(key, signed, p.Signature) {
		return &PartError{"passkey.signature", "does not hold"}
	}
	flags := p.AuthenticatorData[32]
	switch {
	case p.BackupEligible != (flags&flagBackupEligible != 0):
		return &PartError{"passkey.backup_eligible", "is not the flag BE that was signed"}
	case p.BackupState != (flags&flagBackupState != 0):
		return &PartError{"passkey.backup_state", "is not the flag BS that was signed"}
	}
	return nil
}
