// Package clients_test lets client libraries that nobody here wrote loose on a
// real server: unmodified, and with all that they check by themselves. Those of
// JavaScript are in web/e2e/tests/clients.
package clients_test

import (
	"context"
	"encoding/pem"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/softperson"
)

// TestMain has this process, and so the server in it, trust the TLS servers of
// httptest as it trusts those of the system's authorities.
func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "assent-clients-*")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	s := httptest.NewTLSServer(nil)
	s.Close()
	roots := filepath.Join(dir, "roots.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err := os.WriteFile(roots, text, 0o600); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := os.Setenv("SSL_CERT_FILE", roots); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// comeBack walks a link as the person who agrees, to where the browser is sent
// with the answer.
func comeBack(ctx context.Context, p *softperson.Person, link string) (url.Values, error) {
	page, err := p.Authorize(ctx, link, softperson.Choices{})
	if err != nil {
		return nil, err
	}
	answer := page.URL.Query()
	if !page.Left || answer.Get("code") == "" {
		return nil, fmt.Errorf("no code: %d %s\n%s", page.Status, page.URL, page.Body)
	}
	return answer, nil
}

var hiddenState = regexp.MustCompile(`name="state" value="([^"]*)"`)

// connectDevice opens the link that a device shows, and agrees.
func connectDevice(t *testing.T, p *softperson.Person, link string) {
	t.Helper()
	at, err := url.Parse(link)
	servertest.Check(t, err)
	resp, err := p.HTTP.Get(link)
	servertest.Check(t, err)
	page, err := io.ReadAll(resp.Body)
	servertest.Check(t, err)
	servertest.Check(t, resp.Body.Close())
	state := hiddenState.FindSubmatch(page)
	if state == nil {
		t.Fatalf("no question: %s", page)
	}
	at.RawQuery = ""
	form := url.Values{"state": {html.UnescapeString(string(state[1]))}, "decision": {"allow"}}
	resp, err = p.HTTP.PostForm(at.String(), form)
	servertest.Check(t, err)
	servertest.Check(t, resp.Body.Close())
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("the device was not connected: %d", resp.StatusCode)
	}
}
