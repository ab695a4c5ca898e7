package directory

import (
	"slices"
	"strings"

	"github.com/assent-id/assent/internal/format/passkey"
	"github.com/assent-id/assent/internal/model"
)

// devices are words of user agents, the telling ones first, and what people
// call such a thing.
var devices = []struct{ word, name string }{
	{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"CrOS", "Chromebook"},
	{"Windows", "Windows"}, {"Macintosh", "Mac"}, {"Linux", "Linux"},
}

// passkeyName is a first name for a passkey; its owner may change it. It says who
// keeps the passkey and from where it came, as far as either is known.
func passkeyName(key model.Passkey, userAgent string) string {
	keeper, device := passkey.AuthenticatorName(key.AAGUID), deviceName(userAgent)
	switch {
	case keeper == "" && device == "":
		return "Passkey"
	case keeper == "":
		return "Passkey from " + device
	case device == "" || strings.Contains(keeper, device) || key.Software() || portable(key):
		return keeper
	}
	return keeper + " on " + device
}

// portable reports whether a passkey is in something that people carry from
// device to device, so that the one it was made at says little.
func portable(key model.Passkey) bool {
	return slices.ContainsFunc(key.Transports, func(t string) bool { return t == "usb" || t == "nfc" || t == "ble" })
}

func deviceName(userAgent string) string {
	for _, d := range devices {
		if strings.Contains(userAgent, d.word) {
			return d.name
		}
	}
	return ""
}
