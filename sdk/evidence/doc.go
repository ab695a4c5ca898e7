// Package evidence is the one definition of the Assent formats version 1:
// statement, decision and evidence, how they are hashed, and how evidence is
// verified offline with nothing but the realm's public keys.
//
// It implements the JSON Canonicalization Scheme (RFC 8785), the parts of
// JSON Web Signature (RFC 7515), JSON Web Key (RFC 7517), COSE keys
// (RFC 9052, RFC 9053) and Web Authentication Level 3
// (https://www.w3.org/TR/webauthn-3/) that a verifier needs, and imports
// nothing but the standard library. docs/formats.md describes the same in
// prose; testdata/vectors holds the vectors that every implementation passes.
//
// If this package is wrong, a person's passkey may be taken to have signed an
// action that it never signed, or two implementations may disagree about one
// piece of evidence.
package evidence
