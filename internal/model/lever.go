package model

// RevokeTokens makes every token of the application that was issued by now
// invalid. The answer belongs in the effects of the same write.
func (a *Application) RevokeTokens(now Millis) Revocation {
	return raise(&a.TokensInvalidBefore, Revocation{RealmID: a.RealmID, Kind: RevokeApplication, Key: string(a.ID), At: now})
}

// RevokeTokens makes every token and session of the person that was there by now
// invalid. The answer belongs in the effects of the same write.
func (i *Identity) RevokeTokens(now Millis) Revocation {
	return raise(&i.TokensInvalidBefore, Revocation{RealmID: i.RealmID, Kind: RevokeIdentity, Key: string(i.ID), At: now})
}

// RevokeTokens makes every token and session of the realm that was there by now
// invalid. The answer belongs in the effects of the same write.
func (r *Realm) RevokeTokens(now Millis) Revocation {
	return raise(&r.TokensInvalidBefore, Revocation{RealmID: r.ID, Kind: RevokeRealm, Key: string(r.ID), At: now})
}

// raise moves such a mark to now and in any case on: what was issued after the last
// time was dated later than the mark, be it by a clock that is ahead of this one or
// in the same millisecond.
func raise(before *Millis, r Revocation) Revocation {
	*before = max(*before+1, r.At)
	r.Before, r.ExpiresAt = *before, before.Add(LongestToken)
	return r
}

// After dates what is made now: later than all that was revoked until then, of
// whatever it hangs under. Without that it would be dead before anybody has it,
// where the clock of this node is behind that of who revoked.
func (m Millis) After(revoked Millis) Millis { return max(m, revoked+1) }
