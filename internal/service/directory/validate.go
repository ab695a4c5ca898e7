package directory

import (
	"net/mail"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
)

// Limits in characters.
const (
	maxUsername = 128
	maxName     = 200
	maxEmail    = 254 // RFC 5321, Section 4.5.3.1.3, less the angle brackets
	maxTrait    = 128
	maxAddress  = 512
	maxLogin    = 1024 // bytes of what somebody looks for
)

// traitsType is the only shape of traits so far.
const traitsType = "traits_v0"

// checked returns the person with blanks filled in, or an [*InvalidError].
func (n NewIdentity) checked() (NewIdentity, error) {
	t := &n.Traits
	if t.Type == "" {
		t.Type = traitsType
	}
	if t.Type != traitsType {
		return n, invalid("traits.type", "must be "+traitsType)
	}
	switch n.Status {
	case "":
		n.Status = model.IdentityActive
	case model.IdentityActive, model.IdentitySuspended:
	default:
		return n, invalid("status", "must be active or suspended")
	}
	if err := checkUsername(t.Username); err != nil {
		return n, err
	}
	if err := checkEmail(t.PrimaryEmailAddress); err != nil {
		return n, err
	}
	if n.DisplayName == "" {
		n.DisplayName = t.Username
	}
	if err := checkText("display_name", n.DisplayName, maxName); err != nil {
		return n, err
	}
	return n, checkTraits(*t)
}

func checkUsername(name string) error {
	if name == "" {
		return invalid("username", "is missing")
	}
	if err := checkText("username", name, maxUsername); err != nil {
		return err
	}
	// Otherwise nobody could be looked up by this name: ids come first.
	if ids.Valid("idn", model.FoldName(name)) {
		return invalid("username", "must not look like an id")
	}
	return nil
}

// checkEmail accepts an address as RFC 5322, Section 3.4.1 spells it, without a
// display name; an empty one is none.
func checkEmail(address string) error {
	if address == "" {
		return nil
	}
	if err := checkText("primary_email_address", address, maxEmail); err != nil {
		return err
	}
	parsed, err := mail.ParseAddress(address)
	if err != nil || parsed.Address != address || parsed.Name != "" {
		return invalid("primary_email_address", "is not an e-mail address")
	}
	return nil
}

func checkTraits(t model.Traits) error {
	fields := []struct{ name, value string }{
		{"given_name", t.GivenName}, {"family_name", t.FamilyName}, {"primary_phone", t.PrimaryPhone},
		{"locale", t.Locale}, {"external_id", t.ExternalID}, {"middle_name", t.MiddleName}, {"nickname", t.Nickname},
		{"zoneinfo", t.Zoneinfo}, {"gender", t.Gender}, {"birthdate", t.Birthdate},
	}
	for _, f := range fields {
		if f.value == "" {
			continue
		}
		if err := checkText(f.name, f.value, maxTrait); err != nil {
			return err
		}
	}
	for _, f := range []struct{ name, value string }{{"profile", t.Profile}, {"picture", t.Picture}, {"website", t.Website}} {
		if err := checkWeb(f.name, f.value); err != nil {
			return err
		}
	}
	return nil
}

// checkWeb holds an address that applications show as a link or a picture to the
// web; an empty one is none.
func checkWeb(field, address string) error {
	if address == "" {
		return nil
	}
	if err := checkText(field, address, maxAddress); err != nil {
		return err
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return invalid(field, "is not an http or https URL")
	}
	return nil
}

// checkText holds a text that people will see to what they can see: printable
// characters and plain spaces inside. Controls, line ends, invisible and
// bidirectional characters (Unicode categories Cc, Cf, Zl, Zp) are no names.
func checkText(field, text string, limit int) error {
	if !utf8.ValidString(text) {
		return invalid(field, "is not valid UTF-8")
	}
	if utf8.RuneCountInString(text) > limit {
		return invalid(field, "is too long")
	}
	if strings.TrimSpace(text) != text || text == "" {
		return invalid(field, "must not be empty nor begin or end with a space")
	}
	for _, r := range text {
		if !unicode.IsPrint(r) {
			return invalid(field, "has a character that cannot be seen")
		}
	}
	return nil
}
