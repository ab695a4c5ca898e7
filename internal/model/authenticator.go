package model

// An AuthenticatorConfig says how people authenticate to the applications that
// name it: on the realm's own pages, or within the application.
type AuthenticatorConfig struct {
	RealmID   RealmID
	ID        AuthenticatorConfigID
	Name      string
	Settings  AuthenticatorSettings
	CreatedAt Millis
	UpdatedAt Millis
	Version   int64
}

// AuthenticatorSettings are what an operator may set of one. They are stored as
// JSON: members may be added, never renamed.
type AuthenticatorSettings struct {
	Type       AuthenticatorType `json:"type"`
	Invocation Invocation        `json:"invocation_type,omitempty"` // of embedded ones
	// InvokeURL is the page or the app that runs the ceremony; of embedded ones.
	InvokeURL string `json:"invoke_url,omitempty"`
	// TrustedOrigins may run ceremonies, and people may be sent to them after a
	// binding.
	TrustedOrigins []string `json:"trusted_origins,omitempty"`
	// RPID is the WebAuthn relying party id of its passkeys; empty: the realm's.
	RPID string `json:"rp_id,omitempty"`
}

// An AuthenticatorType says where the ceremony runs.
type AuthenticatorType string

// The types of authenticator config.
const (
	AuthenticatorHosted   AuthenticatorType = "hosted"
	AuthenticatorEmbedded AuthenticatorType = "embedded"
)

// An Invocation says how an application gets the address of a ceremony.
type Invocation string

// Automatic redirects to it, manual answers it as JSON.
const (
	InvokeAutomatic Invocation = "automatic"
	InvokeManual    Invocation = "manual"
)
