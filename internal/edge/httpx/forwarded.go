package httpx

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// Forwarded takes the address of whoever asks from the proxy in front, which
// adds it as the last one to X-Forwarded-For. What stands before it in that field
// came from outside and may be made up. It must be used behind a proxy alone:
// without one the whole field is a stranger's.
func Forwarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		list := strings.Join(r.Header.Values("X-Forwarded-For"), ",")
		last := strings.TrimSpace(list[strings.LastIndexByte(list, ',')+1:])
		if ip, err := netip.ParseAddr(last); err == nil && ip.Zone() == "" {
			inner := *r
			inner.RemoteAddr = net.JoinHostPort(ip.Unmap().String(), "0")
			r = &inner
		}
		next.ServeHTTP(w, r)
	})
}
