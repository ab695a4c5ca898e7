package api

import (
	"context"
	"errors"
	"fmt"
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

// Readers knows whose token lets it read, and whether one that was let through may
// go on.
type Readers interface {
	Reader(ctx context.Context, p oauth.Presented) (oauth.Reader, error)
	StillReads(ctx context.Context, site *model.Site, r oauth.Reader) (oauth.Reader, error)
}

// A feedReader reads the feed with a token.
type feedReader struct {
	oauth.Reader
	// resources are the resource servers for which its client acts.
	resources []string
}

// query asks for what the reader may hear.
func (f *feedReader) query(site *model.Site, since string) revocation.Query {
	return revocation.Query{Site: site, Since: since, Resources: f.resources, RealmAlone: f.Disabled}
}

// Realms knows realms as they are now; model.ErrNotFound.
type Realms interface {
	ByID(ctx context.Context, id model.RealmID) (*model.Site, error)
}

// revocations answers a poll of the feed: docs/revocation.md.
func (a *API) revocations(w http.ResponseWriter, r *http.Request) error {
	f, err := a.feedReader(w, r)
	if err != nil {
		return err
	}
	if httpx.Accepts(r, "text/event-stream") {
		return a.streamRevocations(w, r, f)
	}
	q := f.query(httpx.Site(r), r.URL.Query().Get("after"))
	if tag := entityTag(r); q.Since == "" && tag != "" {
		q.Since, q.Whole = tag, true
	}
	page, err := a.readFeed(w, r, q, f)
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
func (a *API) readFeed(w http.ResponseWriter, r *http.Request, q revocation.Query, f *feedReader) (revocation.Page, error) {
	wait := min(httpx.PreferredWait(r), maxFeedWait)
	if q.Since == "" || wait == 0 {
		page, err := a.cfg.Feed.Read(r.Context(), q)
		return page, unsure(err)
	}
	give, err := a.takePlace(q.Site, f)
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
	if page, err = a.afterWait(r, q, f, page); err != nil && !page.News() {
		return page, refuseToken(w, r, err)
	}
	w.Header().Set("Preference-Applied", "wait="+strconv.Itoa(int(wait.Seconds())))
	return page, nil
}

// feedReader is a client that acts for a resource server of the realm.
func (a *API) feedReader(w http.ResponseWriter, r *http.Request) (*feedReader, error) {
	use := &readerTokens{readers: a.cfg.Readers}
	t, err := Token(use, w, r)
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
	f := &feedReader{Reader: use.found}
	f.resources, err = actsFor(site, t)
	return f, err
}

// readerTokens are tokens as the feed takes them.
type readerTokens struct {
	readers Readers
	found   oauth.Reader
}

func (u *readerTokens) Use(ctx context.Context, p oauth.Presented) (t oauth.AccessToken, err error) {
	u.found, err = u.readers.Reader(ctx, p)
	return u.found.AccessToken, err
}

// actsFor are the resource servers that name the client whose own token this is: at
// least one.
func actsFor(site *model.Site, t *oauth.AccessToken) (resources []string, err error) {
	for _, p := range site.Realm.Policy.Resources {
		if slices.Contains(p.Clients, t.ClientID) {
			resources = append(resources, p.Resource)
		}
	}
	if t.Subject == string(t.ClientID) && len(resources) > 0 {
		return resources, nil
	}
	return nil, &httpx.Problem{Status: http.StatusForbidden, Code: "not_a_resource_server",
		Detail: "This is for the clients that act for a resource server of the realm."}
}

// askWithin bounds the questions about a reader that has waited.
const askWithin = 5 * time.Second

// afterWait asks again what was asked before the reader waited: what it hears must
// not outlive its right. But whoever is stopped hears with the error what stopped it:
// a page that it was let wait for, which nobody may give it any more. Who acts for no
// resource server by now is not concerned by anything in it.
func (a *API) afterWait(r *http.Request, q revocation.Query, f *feedReader, page revocation.Page) (revocation.Page, error) {
	ctx, cancel := context.WithTimeout(r.Context(), askWithin)
	defer cancel()
	site, err := a.cfg.Realms.ByID(ctx, httpx.Site(r).Realm.ID)
	if err != nil {
		return revocation.Page{}, slow(ctx, missing(err))
	}
	if f.resources, err = actsFor(site, &f.AccessToken); err != nil {
		return revocation.Page{}, err
	}
	f.Reader, err = a.cfg.Readers.StillReads(ctx, site, f.Reader)
	if err == nil {
		return page, nil
	}
	if oauth.AsRefusedToken(err).Status() != http.StatusUnauthorized {
		return revocation.Page{}, slow(ctx, err)
	}
	if !page.News() { // it may have come since
		if last, readErr := a.cfg.Feed.Read(ctx, q); readErr == nil {
			page = last
		}
	}
	return page, err
}

// slow calls an answer that did not come by its name.
func slow(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("%w: %w", model.ErrUnavailable, err)
	}
	return err
}

func (a *API) takePlace(site *model.Site, f *feedReader) (give func(), err error) {
	give, ok := a.cfg.Feed.Take(site, f.ClientID)
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
