package jose

import "strings"

// Unsecured reports whether a text looks like an unsecured JWT (RFC 7519,
// Section 6): one whose header says "none", in whatever case. Such a token is
// never accepted; this only tells why, so that its sender can be told too.
func Unsecured(compact string) bool {
	header, _, found := strings.Cut(compact, ".")
	if !found || len(header) > maxToken {
		return false
	}
	raw, err := strictURL.DecodeString(header)
	if err != nil {
		return false
	}
	var alg string
	err = scanObject(raw, func(name, value []byte) error {
		if string(name) == "alg" {
			return stringMember(value, &alg)
		}
		return nil
	})
	return err == nil && strings.EqualFold(alg, "none")
}
