package oauth

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/format/limit"
	"github.com/assent-id/assent/internal/model"
)

// RFC 8628: limits and defaults of a device request.
const (
	deviceExpiry   = 600 * time.Second
	deviceInterval = 5 * time.Second // Section 3.2, and the step of slow_down (Section 3.5)

	// userCodeLetters spell no words, and none of them looks like a digit
	// (Section 6.1).
	userCodeLetters = "BCDFGHJKLMNPQRSTVWXZ"
	userCodeLength  = 8
	userCodeTries   = 5 // to find a user code that nobody has; one is enough but by a miracle

	deviceCodePrefix = "dvc_"
	maxDeviceText    = 256 // bytes of what is kept of a device's User-Agent
)

// A DeviceAnswer is the answer of the device authorization endpoint (RFC 8628,
// Section 3.2).
type DeviceAnswer struct {
	DeviceCode      string         `json:"device_code"`
	UserCode        string         `json:"user_code"`
	VerificationURI string         `json:"verification_uri"`
	Complete        string         `json:"verification_uri_complete"`
	ExpiresIn       int            `json:"expires_in"` // seconds
	Interval        int            `json:"interval"`   // seconds
	Client          model.ClientID `json:"-"`
}

// A deviceGuard keeps strangers from guessing user codes and from filling the
// database, and devices from polling all the time. Each node has its own: it
// slows down, it decides nothing.
type deviceGuard struct {
	polls  *limit.Pace
	starts *limit.Keyed // by client and network address
	people *limit.Keyed // wrong user codes, by identity
	places *limit.Keyed // wrong user codes, by network address
}

// Wrong user codes (RFC 8628, Section 5.1): a person gets ten in ten minutes. Many
// people may be behind one address, so an address gets more; with 20^8 codes that
// is still one guess in a hundred million.
func newDeviceGuard() deviceGuard {
	return deviceGuard{
		polls: limit.NewPace(limit.PaceConfig{Interval: deviceInterval, Step: deviceInterval, Slack: pollSlack,
			Keys: 100_000, Life: deviceExpiry}),
		starts: limit.NewKeyed(limit.Per(60, time.Minute), 100_000),
		people: limit.NewKeyed(limit.Per(10, 10*time.Minute), 100_000),
		places: limit.NewKeyed(limit.Per(100, 10*time.Minute), 100_000),
	}
}

func (e *Engine) requireDevice(_ context.Context, x *exchange) error {
	if !x.client.Settings.Allows(GrantDevice) {
		return &Error{Code: UnauthorizedClient, Description: "this client may not use device codes"}
	}
	return nil
}

// StartDevice gives a device a code to poll with, and one to show to a person
// (RFC 8628, Section 3.1).
func (e *Engine) StartDevice(ctx context.Context, r Request) (DeviceAnswer, error) {
	x := e.begin(device, r)
	if err := e.run(ctx, x); err != nil {
		return DeviceAnswer{Client: x.clientID()}, err
	}
	if _, ok := e.devices.starts.Allow(string(x.client.ID)+" "+limit.Network(r.Address), x.started); !ok {
		return DeviceAnswer{Client: x.client.ID}, &Error{Code: SlowDown, Description: "too many device codes were asked for", TooMany: true}
	}
	code := deviceCodePrefix + ids.Secret()
	userCode, err := e.keepDevice(ctx, x, ids.DigestOf(code))
	if err != nil {
		return DeviceAnswer{Client: x.client.ID}, err
	}
	page, shown := x.Site.Issuer+"/device", GroupUserCode(userCode)
	return DeviceAnswer{DeviceCode: code, UserCode: shown, VerificationURI: page,
		Complete:  page + "?" + url.Values{"user_code": {shown}}.Encode(),
		ExpiresIn: int(deviceExpiry.Seconds()), Interval: int(deviceInterval.Seconds()), Client: x.client.ID}, nil
}

// keepDevice stores the request under a user code that no other live one has.
func (e *Engine) keepDevice(ctx context.Context, x *exchange, digest ids.Digest) (string, error) {
	d := model.DeviceRequest{RealmID: x.Site.Realm.ID, Digest: digest, ApplicationID: x.client.ID, State: model.DevicePending,
		Scope: strings.Join(x.scope, " "), Terms: model.GrantTerms{Resources: x.audience(), Details: x.details},
		UserAgent: model.Printable(x.UserAgent, maxDeviceText), Address: x.Address, CreatedAt: x.now, ExpiresAt: x.now.Add(deviceExpiry)}
	for range userCodeTries {
		d.UserCode = newUserCode()
		err := e.cfg.Store.CreateDeviceRequest(ctx, d, model.Effects{})
		if err == nil {
			return d.UserCode, nil
		}
		if !errors.Is(err, model.ErrConflict) {
			return "", fmt.Errorf("keep device request: %w", err)
		}
	}
	return "", &Error{Code: TemporarilyUnavailable, Description: "try again in a moment", Cause: errors.New("no free user code")}
}

// newUserCode draws each letter alike: bytes that would favour some are thrown
// away.
func newUserCode() string {
	const fair = 256 / len(userCodeLetters) * len(userCodeLetters)
	code := make([]byte, 0, userCodeLength)
	var b [4 * userCodeLength]byte
	for len(code) < userCodeLength {
		_, _ = rand.Read(b[:]) // never fails since Go 1.24
		for _, v := range b {
			if int(v) < fair && len(code) < userCodeLength {
				code = append(code, userCodeLetters[int(v)%len(userCodeLetters)])
			}
		}
	}
	return string(code)
}

// GroupUserCode writes a user code as people read it best.
func GroupUserCode(code string) string {
	if len(code) != userCodeLength {
		return code
	}
	return code[:userCodeLength/2] + "-" + code[userCodeLength/2:]
}

// readUserCode is what a person typed as we store it: upper case, without what
// stands between the letters (RFC 8628, Section 6.1). It is "" for what cannot be
// a user code.
func readUserCode(typed string) string {
	if len(typed) > 64 {
		return ""
	}
	code := strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z':
			return r - 'a' + 'A'
		case strings.ContainsRune(" \t\n\r-_.\u00a0\u2010\u2011\u2012\u2013\u2014", r):
			return -1
		default:
			return r
		}
	}, typed)
	if len(code) != userCodeLength || strings.Trim(code, userCodeLetters) != "" {
		return ""
	}
	return code
}

// deviceKey is the key of a device request's changes. It holds no slash.
func deviceKey(digest ids.Digest) string { return base64.RawURLEncoding.EncodeToString(digest[:]) }
