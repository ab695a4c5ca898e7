package model

// ApprovalState is the life of an approval. Exactly one transition out of
// pending ever wins.
type ApprovalState string

// The states of an approval.
const (
	ApprovalPending   ApprovalState = "pending"
	ApprovalApproved  ApprovalState = "approved"
	ApprovalDenied    ApprovalState = "denied"
	ApprovalExpired   ApprovalState = "expired"
	ApprovalWithdrawn ApprovalState = "withdrawn"
	// ApprovalFulfilled: approved, and the result was handed out, once.
	ApprovalFulfilled ApprovalState = "fulfilled"
)

// Ended reports whether a decision, the clock or the asker has closed it.
func (s ApprovalState) Ended() bool { return s != ApprovalPending }

// Outcome is the state as evidence names it: fulfilment does not change what
// was decided.
func (s ApprovalState) Outcome() string {
	if s == ApprovalFulfilled {
		return string(ApprovalApproved)
	}
	return string(s)
}

// An Approval is one request to a person to decide one action.
type Approval struct {
	RealmID       RealmID
	ID            ApprovalID
	Kind          string // "ciba", later vault, payment, checkout, ...
	State         ApprovalState
	IdentityID    IdentityID // who decides
	ApplicationID ClientID   // who asks
	Statement     []byte     // canonical JSON (sdk/evidence)
	StatementHash StatementHash
	// AuthReqDigest is SHA-256 of the auth_req_id; empty for kinds that are
	// not polled.
	AuthReqDigest []byte
	Interval      int  // seconds between polls
	FirstTime     bool // the person has never approved this asker before
	CreatedAt     Millis
	ExpiresAt     Millis
	EndedAt       Millis
	// Evidence is the evidence document without its statement member, which
	// stands in Statement; empty while pending.
	Evidence []byte
	// Ping is the payload of a message to the asker that it has ended (JSON, of
	// ChannelPing); empty: none is due, or it is in the outbox.
	Ping        []byte
	GrantID     GrantID // once fulfilled
	FulfilledAt Millis
	RedeemedAt  Millis
}

// ChannelPing is the outbox channel of Approval.Ping.
const ChannelPing = "ping"

// An Ending closes a pending approval.
type Ending struct {
	RealmID  RealmID
	ID       ApprovalID
	State    ApprovalState // approved, denied, expired or withdrawn
	At       Millis
	Evidence []byte
	// Passkey is the use of the passkey that signed, nil where none did.
	Passkey *PasskeyUse
}

// A PasskeyUse is what an assertion teaches about a passkey.
type PasskeyUse struct {
	RealmID     RealmID
	ID          PasskeyID
	SignCount   uint32
	BackupState bool
	At          Millis
}
