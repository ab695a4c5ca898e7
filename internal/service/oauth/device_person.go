package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/format/limit"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/gate"
)

// What a person may meet who types in a user code.
var (
	// ErrUserCode: no device waits with that code. Codes that were never given,
	// that are over and that were answered look the same.
	ErrUserCode = errors.New("no device waits with that user code")
	// ErrDeviceOver: the page waited too long, or the device was answered before.
	ErrDeviceOver = errors.New("the device does not wait any more")
	// ErrDeviceStopped: the application may not be used now.
	ErrDeviceStopped = errors.New("the device's application was stopped")
)

// A TriesError refuses user codes, right or wrong, after too many wrong ones.
type TriesError struct{ Wait time.Duration }

func (e *TriesError) Error() string { return "too many wrong user codes" }

// A Waiting is a device that waits, as the person is shown it before they
// answer (RFC 8628, Section 5.4).
type Waiting struct {
	State     string // sealed; comes back with the answer
	UserCode  string // grouped
	Party     Party
	Items     []ConsentItem
	Address   string // that the device asked from
	Near      bool   // it is that of the person's browser
	UserAgent string
	AskedAt   time.Time
}

// A DeviceCheck is a person who looks for a device by its user code.
type DeviceCheck struct {
	Site     *model.Site
	Who      *SignedIn
	Address  string // of the person
	UserCode string // as it was typed
}

// waitingLoad binds the page to the session that it was shown to.
var waitingLoad = load{purpose: "device", life: deviceExpiry}

type waitingState struct {
	Digest []byte `json:"d"`
}

// FindDevice shows a person who it is that waits. Nothing is decided by it. It
// returns ErrUserCode, ErrDeviceStopped, a *TriesError or a *SignInAgainError.
func (e *Engine) FindDevice(ctx context.Context, c DeviceCheck) (Waiting, error) {
	keep, err := e.tryUserCode(c)
	if err != nil {
		return Waiting{}, err
	}
	now := model.MillisOf(e.cfg.Now())
	code := readUserCode(c.UserCode)
	if code == "" {
		return Waiting{}, ErrUserCode
	}
	d, err := e.cfg.Store.DeviceByUserCode(ctx, c.Site.Realm.ID, code, now)
	if errors.Is(err, model.ErrNotFound) {
		return Waiting{}, ErrUserCode
	}
	keep() // right, or not the person's fault
	if err != nil {
		return Waiting{}, fmt.Errorf("find device: %w", err)
	}
	client, _, err := e.deviceClient(ctx, c.Site, c.Who, d)
	if err != nil {
		return Waiting{}, err
	}
	if err := e.freshFor(ctx, client, c.Who, d); err != nil {
		return Waiting{}, err
	}
	return e.describeDevice(ctx, c, d, client)
}

// tryUserCode counts a try as a wrong one, until keep says that it was not.
func (e *Engine) tryUserCode(c DeviceCheck) (keep func(), err error) {
	now := e.cfg.Now()
	realm := string(c.Site.Realm.ID)
	person, place := realm+" "+string(c.Who.Identity.ID), realm+" "+limit.Network(c.Address)
	if wait, ok := e.devices.people.Allow(person, now); !ok {
		return nil, &TriesError{wait}
	}
	if wait, ok := e.devices.places.Allow(place, now); !ok {
		e.devices.people.Return(person)
		return nil, &TriesError{wait}
	}
	return func() {
		e.devices.people.Return(person)
		e.devices.places.Return(place)
	}, nil
}

// deviceClient finds the application that asks, and lets it and the person
// through the gate. It answers up to when everything of theirs was revoked.
func (e *Engine) deviceClient(ctx context.Context, site *model.Site, who *SignedIn, d model.DeviceRequest) (*model.Client, model.Millis, error) {
	client, err := e.cfg.Clients.Get(ctx, site, d.ApplicationID)
	if errors.Is(err, model.ErrNotFound) {
		return nil, 0, fmt.Errorf("%w: %w", ErrDeviceStopped, err)
	}
	if err != nil {
		return nil, 0, err
	}
	revoked, err := e.cfg.Gate.Pass(ctx, gate.Use{Site: site, Application: &client.Application, Identity: who.Identity.ID, IssuedAt: d.CreatedAt})
	if _, refused := gate.Refused(err); refused {
		return nil, 0, fmt.Errorf("%w: %w", ErrDeviceStopped, err)
	}
	if err := mayAdminister(&exchange{client: client, scope: strings.Fields(d.Scope)}, who); err != nil {
		return nil, 0, fmt.Errorf("%w: %w", ErrDeviceStopped, err)
	}
	return client, revoked, err
}

func (e *Engine) describeDevice(ctx context.Context, c DeviceCheck, d model.DeviceRequest, client *model.Client) (Waiting, error) {
	w := Waiting{UserCode: GroupUserCode(d.UserCode), Party: partyOf(client, ""), Address: d.Address, UserAgent: d.UserAgent,
		Near: limit.Network(d.Address) == limit.Network(c.Address), AskedAt: d.CreatedAt.Time()}
	x := &exchange{Request: Request{Site: c.Site}, client: client, scope: strings.Fields(d.Scope), details: d.Terms.Details}
	for _, r := range d.Terms.Resources {
		if r != c.Site.Issuer { // that is where the person is already
			x.resource = append(x.resource, r)
		}
	}
	w.Items = describeConsent(x, nil)
	var err error
	w.State, err = carry(ctx, e, waitingLoad, c.Site, waitingState{d.Digest[:]}, string(c.Who.Session.ID))
	return w, err
}

// A DeviceDecision is a person's yes or no to a device.
type DeviceDecision struct {
	Site  *model.Site
	Who   *SignedIn
	State string // from [Waiting], of the same session
	Allow bool
}

// DecideDevice writes the person's answer down, once. It returns the name of
// the application that was answered, for the person. It returns ErrDeviceOver,
// ErrDeviceStopped or a *SignInAgainError.
func (e *Engine) DecideDevice(ctx context.Context, c DeviceDecision) (name string, err error) {
	st, until, err := uncarry[waitingState](ctx, e, waitingLoad, c.Site, c.State, string(c.Who.Session.ID))
	if errors.Is(err, errCarried) {
		return "", fmt.Errorf("%w: %w", ErrDeviceOver, err)
	}
	if err != nil {
		return "", err
	}
	now := model.MillisOf(e.cfg.Now())
	if now >= until {
		return "", ErrDeviceOver
	}
	d, err := e.cfg.Store.DeviceRequest(ctx, c.Site.Realm.ID, ids.Digest(st.Digest))
	if errors.Is(err, model.ErrNotFound) {
		return "", ErrDeviceOver
	}
	if err != nil {
		return "", fmt.Errorf("find device: %w", err)
	}
	client, revoked, err := e.deviceClient(ctx, c.Site, c.Who, d)
	if err != nil {
		return "", err
	}
	if c.Allow { // a no is as easy as ever
		if err := e.freshFor(ctx, client, c.Who, d); err != nil {
			return "", err
		}
	}
	return client.Name, e.answerDevice(ctx, c, d, now.After(revoked))
}

// answerDevice: only one answer of one person wins.
func (e *Engine) answerDevice(ctx context.Context, c DeviceDecision, d model.DeviceRequest, now model.Millis) error {
	s := &c.Who.Session
	d.State, d.IdentityID, d.DecidedAt = model.DeviceDenied, c.Who.Identity.ID, now
	if c.Allow {
		d.State = model.DeviceApproved
		d.Terms.AuthTime, d.Terms.ACR, d.Terms.AMR, d.Terms.SessionID = s.AuthTime.Unix(), acrOf(*s), amrOf(*s), s.ID
	}
	err := e.cfg.Store.DecideDevice(ctx, d, deviceEffects(d))
	if errors.Is(err, model.ErrCommitUnknown) {
		got, readErr := e.cfg.Store.DeviceRequest(ctx, d.RealmID, d.Digest)
		if readErr == nil && got.IdentityID == d.IdentityID && got.DecidedAt == now {
			return nil // it was ours
		}
	}
	if errors.Is(err, model.ErrConflict) {
		return fmt.Errorf("%w: %w", ErrDeviceOver, err)
	}
	if err != nil {
		return fmt.Errorf("decide device: %w", err)
	}
	return nil
}

func deviceEffects(d model.DeviceRequest) model.Effects {
	data, err := json.Marshal(map[string]string{"address": d.Address})
	if err != nil {
		panic(err) // a string
	}
	return model.Effects{
		Events: []model.Event{{ID: model.EventID(ids.New("evt")), RealmID: d.RealmID, Type: "device." + string(d.State),
			Actor: string(d.IdentityID), Target: string(d.ApplicationID), At: d.DecidedAt, Data: data}},
		Changes: []model.Change{{ID: ids.New("chg"), Topic: model.TopicDevice, Key: deviceKey(d.Digest), At: d.DecidedAt}},
	}
}
