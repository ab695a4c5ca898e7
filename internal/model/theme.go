package model

// A Theme is how the pages of a realm look. The zero value is ours. It is stored
// as JSON: members may be added, never renamed.
type Theme struct {
	Accent     string `json:"accent,omitempty"`      // #rrggbb, of buttons and links on light pages
	AccentDark string `json:"accent_dark,omitempty"` // on dark ones; empty: Accent
	// LogoLight and LogoDark name the logos that are there, as a digest that
	// changes with them; empty: none. Only the server sets them.
	LogoLight string `json:"logo_light,omitempty"`
	LogoDark  string `json:"logo_dark,omitempty"`
	// HelpURL is where people find help of the operator's; empty: none.
	HelpURL string `json:"help_url,omitempty"`
}

// A Logo is an image of a realm, for light or dark pages.
type Logo struct {
	RealmID   RealmID
	Variant   string // "light" or "dark"
	MediaType string // image/png, image/jpeg or image/webp
	Data      []byte
}
