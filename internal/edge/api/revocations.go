package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/internal/service/revocation"
)

// maxFeedWait is how long a poll is held at most: proxies commonly cut idle
// requests after 60 s.
const maxFeedWait = 30 * time.Second

// Feed tells which tokens are dead.
type Feed interface {
	Read(ctx context.Context, q revocation.Query) (revocation.Page, error)
	Await(ctx context.Context, q revocation.Query, wait time.Duration) (revocation.Page, error)
	// Take takes a waiting place; false: there is none.
	Take(site *model.Site, client model.ClientID) (give func(), ok bool)
}

// Readers knows whether a token that was let through may still be used.
type Readers interface {
	Still(ctx context.Context, site *model.Site, t oauth.AccessToken) error
}

// Realms knows realms as they are now; model.ErrNotFound.
type Realms interface {
	ByID(ctx context.Context, id model.RealmID) (*model.Site, error)
}

// revocations answers a poll of the feed: docs/revocation.md.
func (a *API) revocations(w http.ResponseWriter, r *http.Request) error {
	t, err := a.feedReader(w, r)
	if err != nil {
		return err
	}
	if httpx.Accepts(r, "text/event-stream") {
		return a.streamRevocations(w, r, t)
	}
	q := revocation.Query{Site: httpx.Site(r), Since: r.URL.Query().Get("after")}
	if tag := entityTag(r); q.Since == "" && tag != "" {
		q.Since, q.Whole = tag, true
	}
	page, err := a.readFeed(w, r, q, t)
	if err != nil {
		return err
	}
	w.Header().Set("ETag", `"`+page.Cursor+`"`)
	if q.Whole && !page.News() { // RFC 9110, Section 15.4.5
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	return httpx.WriteJSON(w, http.StatusOK, page)
}

// readFeed reads at once, or waits for news if the reader knows something already
// and prefers to (RFC 7240, Section 4.3).
func (a *API) readFeed(w http.ResponseWriter, r *http.Request, q revocation.Query, t *oauth.AccessToken) (revocation.Page, error) {
	wait := min(httpx.PreferredWait(r), maxFeedWait)
	if q.Since == "" || wait == 0 {
		page, err := a.cfg.Feed.Read(r.Context(), q)
		return page, unsure(err)
	}
	give, err := a.takePlace(q.Site, t)
	if err != nil {
		return revocation.Page{}, err
	}
	defer give()
	ctx, cancel := a.untilStop(r.Context())
	defer cancel()
	page, err := a.cfg.Feed.Await(ctx, q, wait)
	if err != nil {
		return page, unsure(err)
	}
	if err := a.mayStillRead(w, r, t); err != nil {
		return page, err
	}
	w.Header().Set("Preference-Applied", "wait="+strconv.Itoa(int(wait.Seconds())))
	return page, nil
}

// feedReader is the token of a client that acts for a resource server of the
// realm.
func (a *API) feedReader(w http.ResponseWriter, r *http.Request) (*oauth.AccessToken, error) {
	t, err := a.token(w, r)
	if err != nil {
		return nil, err
	}
	site := httpx.Site(r)
	if t == nil {
		for _, challenge := range oauth.Challenges(site, "", nil) {
			w.Header().Add("WWW-Authenticate", challenge)
		}
		return nil, &httpx.Problem{Status: http.StatusUnauthorized, Code: "token_required",
			Detail: "Send an access token of a client that acts for a resource server."}
	}
	if !slices.Contains(t.Audience, site.Issuer) { // RFC 9068, Section 4: it is for somebody else
		return nil, refuseToken(w, r, &oauth.Error{Code: oauth.InvalidGrant, Description: "the token is not for this server"})
	}
	return t, actsForResource(site, t)
}

// actsForResource lets a client's own token pass, of a client that one of the
// realm's resource servers names.
func actsForResource(site *model.Site, t *oauth.AccessToken) error {
	named := func(p model.ResourcePolicy) bool { return slices.Contains(p.Clients, t.ClientID) }
	if t.Subject == string(t.ClientID) && slices.ContainsFunc(site.Realm.Policy.Resources, named) {
		return nil
	}
	return &httpx.Problem{Status: http.StatusForbidden, Code: "not_a_resource_server",
		Detail: "This is for the clients that act for a resource server of the realm."}
}

// mayStillRead asks again what was asked before the reader waited: what it hears
// must not outlive its token, nor its right.
func (a *API) mayStillRead(w http.ResponseWriter, r *http.Request, t *oauth.AccessToken) error {
	site, err := a.cfg.Realms.ByID(r.Context(), httpx.Site(r).Realm.ID)
	if err != nil {
		return missing(err)
	}
	if err := a.cfg.Readers.Still(r.Context(), site, *t); err != nil {
		return refuseToken(w, r, err)
	}
	return actsForResource(site, t)
}

func (a *API) takePlace(site *model.Site, t *oauth.AccessToken) (give func(), err error) {
	give, ok := a.cfg.Feed.Take(site, t.ClientID)
	if !ok {
		return nil, &httpx.Problem{Status: http.StatusServiceUnavailable, Code: "too_many_waiting",
			Detail: "As many wait here already as may. Ask without waiting, or ask another node."}
	}
	return give, nil
}

// unsure answers for a node that may have missed something. It must not say that
// there is nothing new, since a resource server would believe it.
func unsure(err error) error {
	if errors.Is(err, revocation.ErrUnsure) {
		return &httpx.Problem{Status: http.StatusServiceUnavailable, Code: "not_current",
			Detail: "This node may have missed something. Try again in a moment.", Cause: err}
	}
	return err
}

// untilStop lets those who wait be answered when the server stops.
func (a *API) untilStop(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	if a.cfg.Stopping == nil {
		return ctx, cancel
	}
	undo := context.AfterFunc(a.cfg.Stopping, cancel)
	return ctx, func() { undo(); cancel() }
}

// entityTag is the first one in If-None-Match (RFC 9110, Section 13.1.2), without
// its quotes; a proxy may have made it weak. "" if there is none.
func entityTag(r *http.Request) string {
	_, quoted, _ := strings.Cut(r.Header.Get("If-None-Match"), `"`)
	tag, _, _ := strings.Cut(quoted, `"`)
	return tag
}
