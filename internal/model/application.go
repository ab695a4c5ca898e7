package model

// ApplicationKind says what an application is for.
type ApplicationKind string

// The kinds of application. Services and agents have no user in front of them.
const (
	KindWeb     ApplicationKind = "web"
	KindSPA     ApplicationKind = "spa"
	KindNative  ApplicationKind = "native"
	KindService ApplicationKind = "service"
	KindAgent   ApplicationKind = "agent"
)

// ApplicationStatus says whether an application may get or use tokens.
type ApplicationStatus string

// A frozen application is one that a person or admin stopped for now.
const (
	ApplicationActive   ApplicationStatus = "active"
	ApplicationFrozen   ApplicationStatus = "frozen"
	ApplicationDisabled ApplicationStatus = "disabled"
)

// ClientAuthMethod is a token endpoint authentication method (RFC 7591,
// Section 2; OpenID Connect Core 1.0, Section 9).
type ClientAuthMethod string

// The client authentication methods.
const (
	AuthNone              ClientAuthMethod = "none"
	AuthClientSecretBasic ClientAuthMethod = "client_secret_basic"
	AuthClientSecretPost  ClientAuthMethod = "client_secret_post"
	AuthPrivateKeyJWT     ClientAuthMethod = "private_key_jwt"
	AuthTLS               ClientAuthMethod = "tls_client_auth"             // RFC 8705, Section 2.1
	AuthSelfSignedTLS     ClientAuthMethod = "self_signed_tls_client_auth" // RFC 8705, Section 2.2
)

// Confidential reports whether the method proves who the client is.
func (m ClientAuthMethod) Confidential() bool { return m != AuthNone }

// Secret reports whether the method shows a client secret.
func (m ClientAuthMethod) Secret() bool {
	return m == AuthClientSecretBasic || m == AuthClientSecretPost
}

// An Application is a registered OAuth client.
type Application struct {
	RealmID             RealmID
	ID                  ClientID
	Kind                ApplicationKind
	Name                string
	Status              ApplicationStatus
	OwnerID             IdentityID // of an agent; empty otherwise
	Settings            ApplicationSettings
	Keys                []ClientKey
	Secrets             []ClientSecret
	TokensInvalidBefore Millis
	CreatedAt           Millis
	Version             int64
}

// The applications that every realm has from the start. Nobody can take one of
// these ids.
const (
	ManagementApplication ClientID = "management"   // the realm's own key to the management API
	AdminApplication      ClientID = "assent-admin" // with which admins use it
)

// BuiltIn reports whether every realm has an application with this id.
func BuiltIn(id ClientID) bool { return id == ManagementApplication || id == AdminApplication }

// ForAdmins reports whether the application gets admins tokens for the management
// API, and only them.
func (a *Application) ForAdmins() bool {
	return a.ID == AdminApplication && a.Settings.Origin == OriginBuiltIn
}

// KeyStatus is the life of a client's key.
type KeyStatus string

// Retiring keys still work until RetireAt.
const (
	KeyActive   KeyStatus = "active"
	KeyRetiring KeyStatus = "retiring"
	KeyRetired  KeyStatus = "retired"
)

// A ClientKey is a public key with which an application authenticates.
type ClientKey struct {
	KID        ClientKeyID
	JWK        []byte // public JWK, JSON
	Status     KeyStatus
	CreatedAt  Millis
	RetireAt   Millis // of a retiring key: the instant from which it is refused
	LastUsedAt Millis
}

// StatusAt is the status of the key at an instant: one whose time to retire has
// come is retired, whatever the database says.
func (k ClientKey) StatusAt(now Millis) KeyStatus {
	if k.Status == KeyRetiring && now >= k.RetireAt {
		return KeyRetired
	}
	return k.Status
}

// UsableAt reports whether the key may authenticate at an instant.
func (k ClientKey) UsableAt(now Millis) bool {
	status := k.StatusAt(now)
	return status == KeyActive || status == KeyRetiring
}

// A KeyUse is the last use of a key of an application.
type KeyUse struct {
	RealmID  RealmID
	ClientID ClientID
	KID      ClientKeyID
	At       Millis
}

// A ClientSecret is stored as SHA-256: it holds 256 random bits, so a slow
// password hash would add cost and no safety.
type ClientSecret struct {
	Digest    []byte
	CreatedAt Millis
	ExpiresAt Millis // 0: never
}
