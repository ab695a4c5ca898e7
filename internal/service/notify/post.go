package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/assent-id/assent/internal/fetch"
	"github.com/assent-id/assent/internal/model"
)

// A Call is one message to another server.
type Call struct {
	URL   string
	Type  string // media type of the body
	Body  []byte
	Token string // sent as Authorization: Bearer (RFC 6750, Section 2.1); empty: none
}

// Caller says what to send for a payload, or answers ErrMoot.
type Caller func(ctx context.Context, site *model.Site, payload json.RawMessage) (Call, error)

// A Poster sends to servers that strangers name.
type Poster interface {
	Post(ctx context.Context, target string, m fetch.Message, limits fetch.Limits) (*fetch.Response, error)
}

// A Post delivers by an HTTP POST. It follows no redirect; what a server refuses
// for good is not sent again.
type Post struct {
	Call Caller
	Out  Poster
}

// Deliver sends one message. An answer that another attempt could change is an
// error; any other ends it.
func (p *Post) Deliver(ctx context.Context, site *model.Site, payload json.RawMessage) error {
	call, err := p.Call(ctx, site, payload)
	if err != nil {
		return fmt.Errorf("compose message: %w", err)
	}
	m := fetch.Message{Type: call.Type, Body: call.Body, Header: map[string][]string{}}
	if call.Token != "" {
		m.Header["Authorization"] = []string{"Bearer " + call.Token}
	}
	_, err = p.Out.Post(ctx, call.URL, m, fetch.Limits{})
	if f, ok := errors.AsType[*fetch.Error](err); ok && !f.Passing() {
		return fmt.Errorf("%w: %w", ErrMoot, f)
	}
	return err
}
