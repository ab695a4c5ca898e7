package model

// SigningKeyState is the life of a realm's signing key: published before it
// signs, and published after it signed for as long as tokens of it live.
type SigningKeyState string

// The states of a signing key. One key per realm and algorithm is active.
const (
	SigningNext    SigningKeyState = "next"
	SigningActive  SigningKeyState = "active"
	SigningRetired SigningKeyState = "retired"
)

// A SigningKey signs for a realm. The private half is sealed under the
// key-encryption key, which is not in the database.
type SigningKey struct {
	RealmID     RealmID
	KID         SigningKeyID
	Alg         string // EdDSA, ES256, RS256, PS256
	PublicJWK   []byte
	Sealed      []byte
	State       SigningKeyState
	CreatedAt   Millis
	ActivatedAt Millis
	RetiredAt   Millis
	// PublishUntil: a retired key stays in the JWKS until then. The list of
	// keys that ever signed evidence holds it for ever.
	PublishUntil Millis
}

// A RealmSecret is random bytes that belong to a realm under a name. It never
// changes. It is sealed under the key-encryption key.
type RealmSecret struct {
	RealmID   RealmID
	Name      string // what it is for
	Sealed    []byte
	CreatedAt Millis
}
