package model

// A Password is what is kept of the password of an identity.
type Password struct {
	RealmID    RealmID
	IdentityID IdentityID
	Hash       string // Argon2id, as a PHC string
	SetAt      Millis
	UsedAt     Millis
}

// A PasswordUse is a password that was found right. It counts only while the
// stored hash is still Was; Now is what is stored from then on.
type PasswordUse struct {
	RealmID    RealmID
	IdentityID IdentityID
	Was, Now   string
	At         Millis
}
