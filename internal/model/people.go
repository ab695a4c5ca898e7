package model

// A Group is people who are addressed together.
type Group struct {
	RealmID     RealmID
	ID          GroupID
	Name        string // unique in the realm, ignoring case
	Description string
	CreatedAt   Millis
	UpdatedAt   Millis
	Version     int64
}

// A Role is what people are at a resource server. Access tokens for it name
// the roles that their person has there (RFC 9068, Section 2.2.3.1).
type Role struct {
	RealmID     RealmID
	ID          RoleID
	Resource    string // identifier of the resource server
	Name        string // unique at the resource server
	Description string
	CreatedAt   Millis
	UpdatedAt   Millis
	Version     int64
}

// A RecoveryCode lets a person in once who has no passkey at hand. It is stored
// as a digest only.
type RecoveryCode struct {
	RealmID    RealmID
	IdentityID IdentityID
	Digest     []byte // 32 bytes
	CreatedAt  Millis
	UsedAt     Millis
}

// ProofRecovery is the Proof of a binding job that binds without a proof of an
// earlier passkey: somebody who may say so said that the person lost them.
const ProofRecovery = "recovery"
