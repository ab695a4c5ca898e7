package evidence_test

import (
	"github.com/assent-id/assent/sdk/evidence"
)

// clientData holds answers given elsewhere or to something else, which the
// passkey has signed.
func (c *cook) clientData() {
	const part = "passkey.client_data_json"
	edit := func(name, description, member string, value any) {
		c.add("client-"+name, part, description, func(r *recipe) {
			r.editClient = func(m map[string]any) { m[member] = value }
		})
	}
	edit("challenge-of-another-decision", "the passkey signed something else", "challenge", b64(seed("x")))
	edit("challenge-padded", "base64url has no padding", "challenge", "")
	edit("type-create", "a registration", "type", "webauthn.create")
	edit("type-payment", "a payment confirmation", "type", "payment.get")
	edit("origin-other", "another site", "origin", "https://id.example.org")
	edit("origin-suffix", "a site whose name only ends alike", "origin", "https://evilid.example.com")
	edit("origin-above", "the site above the RP id", "origin", "https://example.com")
	edit("origin-http", "plain http", "origin", "http://id.example.com")
	edit("origin-path", "an origin has no path", "origin", "https://id.example.com/")
	edit("origin-user", "an origin has no user", "origin", "https://evil.test@id.example.com")
	edit("origin-port", "a port has five digits at most", "origin", "https://id.example.com:443443")
	edit("origin-upper-case", "browsers write lower case", "origin", "https://ID.example.com")
	edit("origin-app", "an app instead of a site", "origin", "android:apk-key-hash:AAAA")
	edit("origin-number", "an origin is a string", "origin", 1)
	edit("cross-origin", "inside a page of another site", "crossOrigin", true)
	edit("top-origin", "inside a page of another site", "topOrigin", "https://evil.test")
	c.add("client-not-json", part, "not JSON", func(r *recipe) {
		r.editKey = func(p *evidence.Passkey) {
			p.ClientDataJSON = p.ClientDataJSON[1:]
			p.Signature = r.passkey.sign(c.tb, p.AuthenticatorData, p.ClientDataJSON)
		}
	})
	c.add("client-duplicate-member", part, "duplicate members are refused", func(r *recipe) {
		r.editKey = func(p *evidence.Passkey) {
			p.ClientDataJSON = append([]byte(`{"origin":"https://evil.test",`), p.ClientDataJSON[1:]...)
			p.Signature = r.passkey.sign(c.tb, p.AuthenticatorData, p.ClientDataJSON)
		}
	})
	c.add("client-of-resealed-decision", part, "the server altered the decision after the answer and sealed it again", func(r *recipe) {
		r.editSealed = func(e *evidence.Evidence) {
			s := r.statement()
			d := r.decision(s, evidence.Hash(e.Statement))
			d.At++
			e.Decision = must[[]byte](c.tb)(d.Canonical())
		}
	})
}

// authenticatorData holds what an authenticator has signed and must not have.
func (c *cook) authenticatorData() {
	edit := func(name, description string, edit func(*authenticator)) {
		c.add("authenticator-"+name, "passkey.authenticator_data", description, func(r *recipe) { edit(r.passkey) })
	}
	edit("not-verified", "the flag UV is missing", func(a *authenticator) { a.flags &^= flagUV })
	edit("not-present", "the flag UP is missing", func(a *authenticator) { a.flags &^= flagUP })
	edit("backed-up-not-eligible", "BS without BE", func(a *authenticator) { a.flags &^= flagBE })
	edit("other-rp-id", "the hash of another RP id", func(a *authenticator) { a.rpID = "id.example.org" })
	edit("parent-rp-id", "the hash of the RP id above", func(a *authenticator) { a.rpID = "example.com" })
	edit("trailing-bytes", "bytes after the end", func(a *authenticator) { a.tail = []byte{0xa0} })
	edit("extensions-missing", "the flag ED without extensions", func(a *authenticator) { a.flags |= flagED })
	edit("extensions-not-a-map", "extensions are a map", func(a *authenticator) { a.flags, a.tail = a.flags|flagED, []byte{0x80} })
	edit("extensions-indefinite", "CTAP2 has no indefinite lengths", func(a *authenticator) { a.flags, a.tail = a.flags|flagED, []byte{0xbf, 0xff} })
	edit("extensions-cut-off", "a map of 2^64-1 pairs", func(a *authenticator) {
		a.flags |= flagED
		a.tail = []byte{0xbb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	})
	edit("extensions-deep", "nested more than 8 levels deep", func(a *authenticator) {
		a.flags |= flagED
		a.tail = []byte{0xa1, 0x01, 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x00}
	})
	edit("attested-cut-off", "the flag AT without data", func(a *authenticator) { a.flags, a.tail = a.flags|flagAT, make([]byte, 17) })
}

// passkey holds what the server has sealed although the passkey does not bear
// it out.
func (c *cook) passkey() {
	mallory := newAuthenticator(c.tb, "ES256", "mallory")
	edit := func(name, want, description string, edit func(*evidence.Passkey)) {
		c.add("passkey-"+name, want, description, func(r *recipe) { r.editKey = edit })
	}
	edit("signature-by-another-key", "passkey.signature", "re-signed by another passkey", func(p *evidence.Passkey) {
		p.Signature = mallory.sign(c.tb, p.AuthenticatorData, p.ClientDataJSON)
	})
	edit("signature-altered", "passkey.signature", "sealed all the same", func(p *evidence.Passkey) { p.Signature[len(p.Signature)-1] ^= 1 })
	edit("signature-der-trailing", "passkey.signature", "a byte after the DER", func(p *evidence.Passkey) { p.Signature = append(p.Signature, 0) })
	edit("signature-der-padded", "passkey.signature", "DER in its shortest form", func(p *evidence.Passkey) { p.Signature = paddedDER(p.Signature) })
	edit("counter-altered", "passkey.signature", "sealed all the same", func(p *evidence.Passkey) { p.AuthenticatorData[36]++ })
	edit("backup-eligible", "passkey.backup_eligible", "not the flag BE", func(p *evidence.Passkey) { p.BackupEligible = false })
	edit("backup-state", "passkey.backup_state", "not the flag BS", func(p *evidence.Passkey) { p.BackupState = false })
	edit("another-passkey", "passkey.credential_id", "a passkey that is not bound to the person", func(p *evidence.Passkey) {
		p.CredentialID, p.PublicKey = mallory.id, mallory.cose
		p.Signature = mallory.sign(c.tb, p.AuthenticatorData, p.ClientDataJSON)
	})
	c.coseKeys()
}

// paddedDER puts a zero byte before the first integer of a signature.
func paddedDER(der []byte) []byte {
	out := append([]byte{}, der[:4]...)
	out[1]++
	out[3]++
	return append(append(out, 0), der[4:]...)
}

// coseKeys holds public keys that the server has bound although they are not
// fit for use.
func (c *cook) coseKeys() {
	bound := func(name, description string, edit func(cose []byte) []byte) {
		c.add("key-"+name, "passkey.public_key", description, func(r *recipe) { r.passkey.cose = edit(r.passkey.cose) })
	}
	x, y := seed("x"), seed("y")
	with := func(pairs ...any) func([]byte) []byte { return func([]byte) []byte { return cborMap(pairs...) } }
	bound("trailing-bytes", "a byte after the key", func(b []byte) []byte { return append(b, 0) })
	bound("cut-off", "a byte too few", func(b []byte) []byte { return b[:len(b)-1] })
	bound("empty-map", "no members", with())
	bound("not-a-map", "an array", func([]byte) []byte { return []byte{0x80} })
	bound("off-curve", "not a point of P-256", with(1, 2, 3, -7, -1, 1, -2, x, -3, y))
	bound("other-curve", "P-384", with(1, 2, 3, -35, -1, 2, -2, x, -3, y))
	bound("wrong-alg", "an algorithm that does not fit", func([]byte) []byte { return cborMap(1, 2, 3, -257, -1, 1, -2, x, -3, y) })
	bound("extra-label", "a member that the key does not need", func(b []byte) []byte { return append(append([]byte{0xa6}, b[1:]...), 0x04, 0x01) })
	bound("label-twice", "a label that stands twice", func(b []byte) []byte { return append(append([]byte{0xa6}, b[1:]...), 0x01, 0x02) })
	bound("long-integer", "not the shortest form", func(b []byte) []byte { return append([]byte{0xa5, 0x18, 0x01}, b[2:]...) })
	bound("short-rsa", "RSA keys have 2048 bits or more", with(1, 3, 3, -257, -1, append(make([]byte, 0), repeat(0xff, 128)...), -2, []byte{1, 0, 1}))
	bound("padded-rsa", "a modulus has no leading zero", with(1, 3, 3, -257, -1, append([]byte{0}, repeat(0xff, 256)...), -2, []byte{1, 0, 1}))
}

func repeat(b byte, n int) []byte {
	out := make([]byte, n)
	for i := range out {
		out[i] = b
	}
	return out
}
