package suite

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"

	"github.com/assent-id/assent/bench/load"
)

// deviceSteps is one device per operation (RFC 8628): it asks, a person who is
// signed in opens the page with its code and allows it, and it collects its
// tokens. Four requests, two of them for pages.
func deviceSteps(s *server, n, _ int) ([]load.Step, func(), error) {
	if err := s.seatVisitors(n); err != nil {
		return nil, nil, err
	}
	conns, closeAll, err := dial(s.address, 2*n)
	if err != nil {
		return nil, nil, err
	}
	steps := make([]load.Step, n)
	for i := range steps {
		d := &device{server: s, conn: conns[i], browser: conns[n+i], visitor: s.visitors[i]}
		steps[i] = func() error { return d.connect(s.devices.Add(1)) }
	}
	return steps, closeAll, nil
}

// A device is one that wants tokens, with the person in front of it.
type device struct {
	server  *server
	conn    *load.Conn
	browser *load.Conn
	visitor visitor
}

// connect is one operation. Each device has a network address of its own, which
// the proxy in front says: a server rightly bounds how many ask from one.
func (d *device) connect(number int64) error {
	address := fmt.Sprintf("10.%d.%d.%d", number>>16&255, number>>8&255, number&255)
	answer, err := d.conn.Do(load.Form(d.server.host, "/oauth/device/code",
		url.Values{"client_id": {deviceID}, "scope": {personScope}}, [2]string{"X-Forwarded-For", address}))
	if err != nil {
		return err
	}
	var asked struct {
		DeviceCode string `json:"device_code"`
		UserCode   string `json:"user_code"`
	}
	if err := json.Unmarshal(answer.Body, &asked); err != nil || answer.Status != 200 || asked.UserCode == "" {
		return fmt.Errorf("device asks: status %d: %.500s", answer.Status, answer.Body)
	}
	if err := d.allow(asked.UserCode); err != nil {
		return err
	}
	if answer, err = d.conn.Do(load.Form(d.server.host, "/oauth/token",
		url.Values{"grant_type": {deviceGrant}, "client_id": {deviceID}, "device_code": {asked.DeviceCode}})); err != nil {
		return err
	}
	t, err := readTokens(answer)
	if err != nil || number%sampleEvery != 1 {
		return err
	}
	return d.server.verifyTokens(t, expected{client: deviceID, scope: personScope})
}

// allow opens the page for the code and says yes, as a browser does.
func (d *device) allow(userCode string) error {
	page, err := d.browser.Do(load.Get(d.server.host, "/device?user_code="+url.QueryEscape(userCode), d.visitor.cookie))
	if err != nil {
		return err
	}
	state, err := hidden(page.Body, "state")
	if page.Status != 200 || err != nil || !bytes.Contains(page.Body, []byte(userCode)) {
		return fmt.Errorf("device page: status %d: %w: %.500s", page.Status, err, page.Body)
	}
	done, err := d.browser.Do(load.Form(d.server.host, "/device", url.Values{"state": {state}, "decision": {"allow"}},
		d.visitor.cookie, [2]string{"Origin", d.server.issuer}, [2]string{"Sec-Fetch-Site", "same-origin"}))
	if err != nil {
		return err
	}
	if done.Status != 200 || !bytes.Contains(done.Body, []byte("Your device is connected")) {
		return fmt.Errorf("device is answered: status %d: %.500s", done.Status, done.Body)
	}
	return nil
}

var errNoField = errors.New("the page has no such field")

// hidden reads a hidden field of one of our pages.
func hidden(page []byte, name string) (string, error) {
	_, rest, found := bytes.Cut(page, []byte(`name="`+name+`" value="`))
	value, _, closed := bytes.Cut(rest, []byte(`"`))
	if !found || !closed {
		return "", errNoField
	}
	return string(value), nil
}
