package model

import "time"

// Ids are `prefix_` and 26 characters of a UUIDv7 in Crockford base32. Each
// noun has its own type, so that one cannot stand where another belongs.
type (
	TenantID              string // ten_
	RealmID               string // rlm_
	IdentityID            string // idn_
	PasskeyID             string // psk_
	ClientID              string // app_, svc_ or agt_; later also a URL (CIMD)
	ApprovalID            string // apr_
	GrantID               string // grt_
	SessionID             string // ses_
	BindingJobID          string // bnd_
	EventID               string // evt_
	GroupID               string // grp_
	RoleID                string // rol_
	AuthenticatorConfigID string // acf_
	ResourceServerID      string // rsv_
	OutboxID              string // out_
	SigningKeyID          string // the `kid` of a realm's signing key
	ClientKeyID           string // the `kid` of an application's key
	StatementHash         string // base64url(SHA-256) of a canonical statement
)

// Millis is an instant in Unix milliseconds. Zero means "never" or "not yet".
type Millis int64

// MillisOf cuts t to the millisecond.
func MillisOf(t time.Time) Millis { return Millis(t.UnixMilli()) }

// Time is the instant in UTC.
func (m Millis) Time() time.Time { return time.UnixMilli(int64(m)).UTC() }

// Unix is the instant in whole seconds, as tokens carry it (RFC 7519, Section 2).
func (m Millis) Unix() int64 { return int64(m) / 1000 }

// Add moves the instant by d.
func (m Millis) Add(d time.Duration) Millis { return m + Millis(d.Milliseconds()) }
