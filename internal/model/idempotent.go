package model

// An Idempotent is a request that a program gave a key, so that sending it twice
// does it once.
type Idempotent struct {
	RealmID RealmID
	Digest  []byte // 32 bytes: of who sent it, and of its key
	Request []byte // 32 bytes: of what it was
	Status  int    // of its answer; 0: not known yet
	Answer  []byte // sealed
	// CreatedAt tells two reservations of one key apart.
	CreatedAt Millis
	ExpiresAt Millis
}
