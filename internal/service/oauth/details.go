package oauth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/assent-id/assent/internal/service/approval"
	"github.com/assent-id/assent/sdk/evidence"
)

// Limits on authorization_details.
const (
	maxDetailsBytes   = 16 << 10
	maxDetailsObjects = 10
)

func badDetails(description string, cause error) error {
	return &Error{Code: InvalidAuthorizationDetails, Description: description, Cause: cause}
}

// checkDetails reads authorization_details (RFC 9396, Section 2): an array of
// objects of registered types. At the token endpoint they choose among what was
// granted, so there narrowDetails decides.
func (e *Engine) checkDetails(ctx context.Context, x *exchange) error {
	raw := x.Params.Get("authorization_details")
	if raw == "" {
		return nil
	}
	if len(raw) > maxDetailsBytes {
		return badDetails("authorization_details are larger than 16 kB", nil)
	}
	canonical, err := evidence.Canonical([]byte(raw))
	if err != nil {
		return badDetails("authorization_details are not JSON", err)
	}
	var details []json.RawMessage
	if err := json.Unmarshal(canonical, &details); err != nil {
		return badDetails("authorization_details must be an array of objects", err)
	}
	if len(details) == 0 || len(details) > maxDetailsObjects {
		return badDetails("authorization_details must hold 1 to 10 objects", nil)
	}
	x.details = details
	if x.at == token {
		return nil
	}
	for i, d := range details {
		if err := e.checkDetail(ctx, x, d); err != nil {
			return fmt.Errorf("authorization_details[%d]: %w", i, err)
		}
	}
	return nil
}

// checkDetail holds one object against its type (RFC 9396, Section 5). What it
// says must also be such that a person can be shown it.
func (e *Engine) checkDetail(ctx context.Context, x *exchange, raw json.RawMessage) error {
	kind, err := typeOfDetail(raw)
	if err != nil {
		return badDetails("each of authorization_details must be an object with a type", err)
	}
	if may := x.client.Settings.DetailsTypes; len(may) > 0 && !slices.Contains(may, kind) {
		return badDetails("this client may not use a type of authorization_details that it asked for", nil)
	}
	if !slices.Contains(approval.DetailsTypes(), kind) {
		if err := e.checkSchema(ctx, x.Site, kind, raw); err != nil {
			return err
		}
	}
	if _, err := approval.Describe(raw); err != nil {
		return askRefused(err)
	}
	return nil
}

func typeOfDetail(raw json.RawMessage) (string, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return "", err
	}
	var kind string
	if err := json.Unmarshal(members["type"], &kind); err != nil {
		return "", err
	}
	if kind == "" {
		return "", errors.New("type is empty")
	}
	return kind, nil
}

// narrowDetails answers what a token request asks for of what was granted (RFC
// 9396, Section 6.1): all of it, or some of its objects as they are.
func narrowDetails(granted, asked []json.RawMessage) ([]json.RawMessage, error) {
	if len(asked) == 0 {
		return granted, nil
	}
	var out []json.RawMessage
	for _, a := range asked {
		i := slices.IndexFunc(granted, func(g json.RawMessage) bool { return sameJSON(a, g) })
		if i < 0 {
			return nil, badDetails("authorization_details hold what was not granted", nil)
		}
		if !slices.ContainsFunc(out, func(o json.RawMessage) bool { return bytes.Equal(o, granted[i]) }) {
			out = append(out, granted[i])
		}
	}
	return out, nil
}

// sameJSON reports whether two texts mean the same (RFC 8785).
func sameJSON(a, b json.RawMessage) bool {
	one, err1 := evidence.Canonical(a)
	two, err2 := evidence.Canonical(b)
	return err1 == nil && err2 == nil && bytes.Equal(one, two)
}
