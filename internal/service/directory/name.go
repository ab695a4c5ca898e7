package directory

import (
	"slices"
	"strings"

	"github.com/assent-id/assent/internal/format/passkey"
	"github.com/assent-id/assent/internal/format/useragent"
	"github.com/assent-id/assent/internal/model"
)

// passkeyName is a first name for a passkey; its owner may change it. It names who
// keeps the passkey and where it was made, as far as either is known, by the names
// of products alone: it is kept, and read in any language. Empty: nothing is known.
func passkeyName(key model.Passkey, userAgent string) string {
	keeper, device := passkey.AuthenticatorName(key.AAGUID), useragent.System(userAgent)
	switch {
	case keeper == "" && !portable(key):
		return device
	case device == "" || strings.Contains(keeper, device) || key.Software() || portable(key):
		return keeper
	}
	return keeper + " · " + device
}

// portable reports whether a passkey is in something that people carry from
// device to device, so that the one it was made at says little.
func portable(key model.Passkey) bool {
	return slices.ContainsFunc(key.Transports, func(t string) bool { return t == "usb" || t == "nfc" || t == "ble" })
}
