// Package model holds the nouns of the product and the rules that need nothing
// but the nouns: tenants, realms, identities, passkeys, applications, signing
// keys, approvals, grants, sessions, binding jobs, events.
//
// It does no I/O. Times are Unix milliseconds ([Millis]), so that a row, a
// token and a comparison agree to the same grain on every database. If a rule
// here is wrong, every service that asks it is wrong in the same way; that is
// the point of having it here once.
package model
