package application

import (
	"net/url"
	"slices"
	"strings"
)

// foreignScheme reports whether a redirect URI leads to something that is not an
// application of its own: a script, a file, another program's well-known protocol.
//
// RFC 8252, Section 7.1, wants the reverse of a domain, which holds a dot. Editors
// that are MCP clients have a plain word (cursor, vscode); such a one is taken if it
// is none of those below and a slash follows, as in every URI that names a place.
func foreignScheme(u *url.URL) bool {
	if strings.Contains(u.Scheme, ".") {
		return false
	}
	return u.Opaque != "" || slices.Contains(foreignSchemes, u.Scheme) ||
		strings.HasPrefix(u.Scheme, "ms-") || // what Windows does by a link: settings, search, Office
		strings.HasPrefix(u.Scheme, "web+") || // what any web site can register itself for
		strings.HasSuffix(u.Scheme, "-extension") // pages of browsers' add-ons
}

// foreignSchemes are those that run or show what stands in the URI, that belong to
// the system or the browser, or that many programs answer to.
var foreignSchemes = []string{
	// They run or show what they hold.
	"about", "blob", "cid", "data", "filesystem", "javascript", "jar", "livescript", "mhtml", "mid", "mk", "mocha", "vbs", "vbscript", "view-source",
	// The browser and the system.
	"android-app", "app-settings", "chrome", "content", "devtools", "edge", "file", "intent", "moz-icon", "opera", "prefs", "res", "resource",
	"search", "shell", "smb", "nfs", "afp", "applescript", "help", "itms", "itms-apps", "itms-services", "market", "x-apple",
	// Protocols with servers.
	"acap", "dav", "dict", "dns", "ftp", "ftps", "git", "gopher", "imap", "imaps", "ipfs", "ipp", "ipps", "irc", "ircs", "jdbc", "ldap", "ldaps", "magnet", "news",
	"nntp", "pop", "rdp", "rsync", "rtmp", "rtsp", "sftp", "snmp", "ssh", "svn", "telnet", "tftp", "vnc", "webcal", "ws", "wss", "xmpp",
	// People, places and names.
	"acct", "callto", "did", "doi", "facetime", "facetime-audio", "feed", "geo", "maps", "mailto", "sip", "sips", "sms", "smsto", "mms", "mmsto", "tag", "tel", "urn", "uuid",
	// Wallets.
	"bitcoin", "ethereum", "eudi-wallet", "haip", "lightning", "mdoc", "mdoc-openid4vp", "openid", "openid-credential-offer", "openid4vp", "otpauth", "siopv2", "upi", "wc",
}
