package manage

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/audit"
)

// Events are the audit trail.
type Events interface {
	List(context.Context, *model.Site, audit.Query) (audit.Listing, error)
}

// Event is one thing that was done.
type Event struct {
	ID         string          `json:"id"`
	TenantID   string          `json:"tenant_id"`
	RealmID    string          `json:"realm_id"`
	Type       string          `json:"type" doc:"What was done, such as passkey.bound."`
	Actor      string          `json:"actor" doc:"Who did it: an identity, a client, operator, or system."`
	Target     string          `json:"target" doc:"What it was done to."`
	CreateTime string          `json:"create_time" doc:"When."`
	Data       json.RawMessage `json:"data,omitempty" doc:"More about it; what depends on the type."`
}

// EventList is one page, newest first.
type EventList struct {
	Events []Event `json:"events" doc:"The events of this page, newest first. There may be fewer than page_size, or none, although more follow."`
	Next   string  `json:"next_page_token"`
}

type (
	eventListIn struct {
		Target
		Page
		Type   string `query:"type" maxLength:"100" doc:"Only events of this type." example:"passkey.bound"`
		Actor  string `query:"actor" maxLength:"512" doc:"Only what this identity or client did." example:"idn_01kagxw5z0e9y8mpp6wknfsb2r"`
		Object string `query:"target" maxLength:"512" doc:"Only what was done to this." example:"idn_01kagxw5z0e9y8mpp6wknfsb2r"`
		After  string `query:"after" maxLength:"40" doc:"Only from this instant on (RFC 3339)." example:"2026-11-20T00:00:00Z"`
		Before string `query:"before" maxLength:"40" doc:"Only before this instant (RFC 3339)." example:"2026-11-21T00:00:00Z"`
	}
	eventListOut struct{ Body EventList }
)

func (a *API) events() {
	a.describe(map[string]string{"Event": "One thing that was done.", "EventList": "One page of the audit trail."})
	example := Event{ID: "evt_01kagxw5z6e8xr2m9mv8n9vpcx", TenantID: exampleTenant, RealmID: exampleRealm, Type: "passkey.bound", Actor: exampleIdentity,
		Target: exampleIdentity, CreateTime: exampleTime, Data: json.RawMessage(`{"passkey":"psk_01kagxw5z19evhvr0bg9rrfkjq"}`)}
	add(a, operation{id: "listEvents", method: http.MethodGet, path: "/events", tag: "Events", scope: EventsRead,
		summary: "List events", about: "The audit trail, newest first, in pages. A page may hold fewer events than asked for, or none, although a next_page_token says that more follow: " +
			"one call looks at so many at most.", gives: EventList{Events: []Event{example}}}, a.listEvents)
}

func (a *API) listEvents(ctx context.Context, c call, in *eventListIn) (*eventListOut, error) {
	from, err := in.after()
	if err != nil {
		return nil, err
	}
	after, err1 := timeOf(in.After)
	before, err2 := timeOf(in.Before)
	if err1 != nil || err2 != nil || from != "" && !ids.Valid("evt", from) || !plainText(in.Type) || !plainText(in.Actor) || !plainText(in.Object) {
		return nil, &httpx.Problem{Status: http.StatusUnprocessableEntity, Code: "invalid_request", Detail: "A filter is not what it must be."}
	}
	found, err := a.cfg.Events.List(ctx, c.site, audit.Query{Type: in.Type, Actor: in.Actor, Target: in.Object, After: after, Before: before,
		From: model.EventID(from), Limit: in.Size})
	if err != nil {
		return nil, err
	}
	out := &eventListOut{Body: EventList{Events: make([]Event, len(found.Events)), Next: token(string(found.Next))}}
	for i, e := range found.Events {
		out.Body.Events[i] = Event{ID: string(e.ID), TenantID: string(c.site.Realm.TenantID), RealmID: string(e.RealmID), Type: e.Type, Actor: e.Actor, Target: e.Target,
			CreateTime: instant(e.At), Data: e.Data}
	}
	return out, nil
}

// timeOf reads an instant; nothing is 0.
func timeOf(text string) (model.Millis, error) {
	if text == "" {
		return 0, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	return model.MillisOf(t), err
}
