package assent

import (
	"context"
	"errors"
	"io"
	"net/http"
)

// A Transport puts an access token of a Client on each request to one of the APIs of
// Resource. It is an [http.RoundTripper], for the Transport of an [http.Client].
//
// A token is for who it names, and goes nowhere else (RFC 9700, Section 4.9.1). A
// request gets one if its URL has the scheme, host and port of a resource, and is at
// or below its path where it has one: https://api.example/v1 is the API of
// https://api.example/v1/orders, and not of https://api.example/v10. Under more than
// one the longest path counts. The token is for that resource alone. Where a resource
// is no URL, or its API is elsewhere, At says where. Plain http is for loopback: for
// any other host each request fails before anything is sent, as it does where a
// resource is nowhere or two are at one URL.
//
// All other requests go as they are, without a token, and so do those that have an
// Authorization header already, or a Host header of somebody else. Each redirect is a
// request of its own under these rules, and gets a token only if the same API sent it
// there: whoever else does might want something done in the program's name.
//
// If the API answers that the token is not valid, the request is repeated once
// with another token. If it answers that a person has to approve the request each
// time it is made, and Person or PersonFor says who, then the Transport asks them
// and repeats the request with the token of their approval, which the API checks
// and redeems ([Client.VerifyApproval]). The caller waits meanwhile, up to
// minutes, so the http.Client must have no Timeout; when the request's context
// ends, the question is withdrawn. Without a yes the error is the one that
// [Client.Approve] would return. Nobody is asked twice for one request. An API is
// believed about approvals for itself alone: the resource of its question must be
// the one that the request's URL belongs to.
//
// Requests with a body are repeated only if they have GetBody, as those that
// [http.NewRequest] makes have; the answer to others is returned as it came.
type Transport struct {
	Client *Client
	Base   http.RoundTripper // carries the requests; nil: http.DefaultTransport
	// Scope is that of each token; see [TokenRequest]. For APIs with scopes of their
	// own, let one Transport be the Base of another.
	Scope string
	// Resource are the APIs that tokens are for (RFC 8707); at least one.
	Resource []string
	// At is the base URL of the API of each resource that is no URL, such as
	// "urn:example:orders", or whose API is not there.
	At map[string]string
	// Person is who is asked where the API wants an approval: identity id, username
	// or e-mail address. Empty: nobody is.
	Person string
	// PersonFor says so for each request, in place of Person. It must not read the
	// body.
	PersonFor func(*http.Request) string
	// OnAsked is called when somebody has been asked; nil: that of [Config].
	OnAsked func(Request)
}

// RoundTrip sends a request, with a token if it is to an API of the Transport.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if t.Client == nil {
		closeBody(r)
		return nil, errors.New("Transport.Client is missing")
	}
	at, err := t.placeOf(r)
	if err != nil {
		closeBody(r)
		return nil, err
	}
	if at == nil || r.Header.Get("Authorization") != "" {
		return t.base().RoundTrip(r)
	}
	return t.roundTrip(r, at.resource)
}

// roundTrip sends a request to the API of a resource.
func (t *Transport) roundTrip(r *http.Request, resource string) (*http.Response, error) {
	token, err := t.token(r.Context(), resource)
	if err != nil {
		closeBody(r)
		return nil, err
	}
	resp, err := t.send(r, token, r.Body)
	if err != nil {
		return nil, err
	}
	if resp, err = t.again(r, resp, token, resource); err != nil {
		return nil, err
	}
	return t.approved(r, resp, resource)
}

func (t *Transport) base() http.RoundTripper {
	if t.Base == nil {
		return http.DefaultTransport
	}
	return t.Base
}

// closeBody is owed by whoever does not send a request (http.RoundTripper).
func closeBody(r *http.Request) {
	if r.Body != nil {
		_ = r.Body.Close()
	}
}

func (t *Transport) token(ctx context.Context, resource string) (*AccessToken, error) {
	return t.Client.Token(ctx, TokenRequest{Scope: t.Scope, Resource: []string{resource}})
}

// send sends the request with a token, and once more where the API wants a nonce
// of its own in the proof of a bound token (RFC 9449, Section 9).
func (t *Transport) send(r *http.Request, token *AccessToken, body io.ReadCloser) (*http.Response, error) {
	resp, err := t.sendOnce(r, token, body)
	if err != nil || token.Type != "DPoP" || resp.StatusCode != http.StatusUnauthorized ||
		resp.Header.Get(nonceHeader) == "" || challengeError(resp) != useNonce {
		return resp, err
	}
	again, ok := replay(r)
	if !ok {
		return resp, nil
	}
	drain(resp)
	return t.sendOnce(r, token, again)
}

// sendOnce sends a copy: a RoundTripper leaves the request as it is.
func (t *Transport) sendOnce(r *http.Request, token *AccessToken, body io.ReadCloser) (*http.Response, error) {
	own := r.Clone(r.Context())
	own.Body = body
	own.Header.Set("Authorization", token.Type+" "+token.Token)
	if token.Type == "DPoP" {
		if err := t.Client.prover.prove(own, token.Token); err != nil {
			closeBody(own)
			return nil, err
		}
	}
	resp, err := t.base().RoundTrip(own)
	if err != nil {
		return nil, err
	}
	t.Client.prover.note(own.URL, resp.Header)
	resp.Request = own // where a redirect is traced back to
	return resp, nil
}

// replay is the body once more; ok is false if that cannot be had.
func replay(r *http.Request) (body io.ReadCloser, ok bool) {
	if r.Body == nil || r.Body == http.NoBody {
		return r.Body, true
	}
	if r.GetBody == nil {
		return nil, false
	}
	body, err := r.GetBody()
	return body, err == nil
}

// again repeats a request once whose token is not valid any more (RFC 6750,
// Section 3.1): it may have been revoked.
func (t *Transport) again(r *http.Request, resp *http.Response, token *AccessToken, resource string) (*http.Response, error) {
	if resp.StatusCode != http.StatusUnauthorized || challengeError(resp) != "invalid_token" {
		return resp, nil
	}
	body, ok := replay(r)
	if !ok {
		t.Client.Forget(token.Token)
		return resp, nil
	}
	drain(resp)
	t.Client.Forget(token.Token)
	fresh, err := t.token(r.Context(), resource)
	if err != nil {
		if body != nil {
			_ = body.Close()
		}
		return nil, err
	}
	return t.send(r, fresh, body)
}

// drained is how much of an answer that nobody reads is read, in bytes, so that
// its connection can be used again.
const drained = 64 << 10

func drain(resp *http.Response) {
	_, _ = io.CopyN(io.Discard, resp.Body, drained)
	_ = resp.Body.Close()
}

// approved asks a person where the API of a resource wants their approval, and
// repeats the request with it.
func (t *Transport) approved(r *http.Request, resp *http.Response, resource string) (*http.Response, error) {
	person := t.person(r)
	if person == "" || resp.StatusCode != http.StatusForbidden || challengeError(resp) != approvalNeeded || askedBefore(r) {
		return resp, nil
	}
	action, ok := wanted(resp, resource, person)
	if !ok {
		return resp, nil
	}
	body, ok := replay(r)
	if !ok {
		return resp, nil
	}
	drain(resp)
	approval, err := t.ask(r.Context(), action)
	if err != nil {
		if body != nil {
			_ = body.Close()
		}
		return nil, err
	}
	answered := r.WithContext(context.WithValue(r.Context(), askedFor{}, true))
	return t.send(answered, &AccessToken{Token: approval.Token, Type: "Bearer"}, body)
}

func (t *Transport) person(r *http.Request) string {
	if t.PersonFor != nil {
		return t.PersonFor(r)
	}
	return t.Person
}

// ask is [Client.Approve] without redeeming, which is for the API.
func (t *Transport) ask(ctx context.Context, action Action) (*Approval, error) {
	c := t.Client
	req, err := c.Start(ctx, action)
	if err != nil {
		return nil, err
	}
	onAsked := t.OnAsked
	if onAsked == nil {
		onAsked = c.onAsked
	}
	if onAsked != nil {
		onAsked(*req)
	}
	approval, err := c.Wait(ctx, req)
	if err != nil && ctx.Err() != nil {
		c.withdrawLate(ctx, req)
	}
	return approval, err
}

// askedFor is in the context of requests that somebody approved.
type askedFor struct{}

// askedBefore reports whether a redirect of a request that somebody approved led
// here: they were asked for that, once.
func askedBefore(r *http.Request) bool {
	for at := r; at.Response != nil && at.Response.Request != nil; {
		at = at.Response.Request
		if at.Context().Value(askedFor{}) != nil {
			return true
		}
	}
	return false
}

var _ http.RoundTripper = (*Transport)(nil)
