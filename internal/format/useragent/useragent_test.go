package useragent_test

import (
	"testing"

	"github.com/assent-id/assent/internal/format/useragent"
)

func TestABrowserAndItsDeviceAreCalledWhatPeopleCallThem(t *testing.T) {
	tests := []struct{ header, browser, system string }{
		{"Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Mobile/1 Safari/604.1", "Safari", "iPhone"},
		{"Mozilla/5.0 (iPad; CPU OS 19_0 like Mac OS X) CriOS/150.0 Safari/604.1", "Chrome", "iPad"},
		{"Mozilla/5.0 (Linux; Android 16) SamsungBrowser/30.0 Chrome/150.0 Mobile Safari/537.36", "Samsung Internet", "Android"},
		{"Mozilla/5.0 (X11; CrOS x86_64) Chrome/150.0 Safari/537.36", "Chrome", "Chromebook"},
		{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/150.0 Safari/537.36 Edg/150.0", "Edge", "Windows"},
		{"Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:150.0) Gecko/20100101 Firefox/150.0", "Firefox", "Mac"},
		{"Mozilla/5.0 (X11; Linux x86_64) Chrome/150.0 Safari/537.36 OPR/130.0", "Opera", "Linux"},
		{"curl/8.14.1", "curl", ""},
		{"", "", ""},
	}
	for _, tt := range tests {
		if b, s := useragent.Browser(tt.header), useragent.System(tt.header); b != tt.browser || s != tt.system {
			t.Errorf("%q is %q on %q, want %q on %q", tt.header, b, s, tt.browser, tt.system)
		}
	}
}
