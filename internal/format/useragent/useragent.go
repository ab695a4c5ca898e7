// Package useragent reads of a User-Agent header what people call the browser and
// the device. Both are names of products, the same in every language.
//
// If this package is wrong, a person looks for a device of theirs in a list and
// finds another. Nothing else rests on it: anybody can send any header.
package useragent

import "strings"

// A sign is a word of user agents and what people call the thing. The telling ones
// come first: most browsers name others besides themselves.
type sign struct{ word, name string }

var browsers = []sign{{"Edg", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser/", "Samsung Internet"}, {"Vivaldi/", "Vivaldi"},
	{"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"}, {"CriOS/", "Chrome"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"}, {"curl/", "curl"}}

var systems = []sign{{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"CrOS", "Chromebook"},
	{"Windows", "Windows"}, {"Macintosh", "Mac"}, {"Linux", "Linux"}}

// Browser is the browser's name; empty if it is not known.
func Browser(header string) string { return first(browsers, header) }

// System is the name of the device or of its system; empty if it is not known.
func System(header string) string { return first(systems, header) }

func first(signs []sign, text string) string {
	for _, s := range signs {
		if strings.Contains(text, s.word) {
			return s.name
		}
	}
	return ""
}
