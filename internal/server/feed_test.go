package server_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/internal/service/revocation"
)

// feedReader registers a client that acts for a resource server, and answers it
// with headers that hold its token.
func feedReader(t *testing.T, w *servertest.World) (servertest.App, []string) {
	t.Helper()
	app := w.App(t, application.NewApplication{})
	servertest.Check(t, w.Server.Realms.ChangePolicy(t.Context(), w.Site.Realm.ID, func(p *model.RealmPolicy) {
		p.Resources = []model.ResourcePolicy{{Resource: "https://api.example", Name: "API", Clients: []model.ClientID{model.ClientID(app.ID)}}}
	}, "operator"))
	got := w.Post(t, "/oauth/token", app.Form("grant_type", oauth.GrantClientCredentials))
	if got.Status != 200 {
		t.Fatalf("token: %d %s", got.Status, got.Body)
	}
	return app, []string{"Authorization", "Bearer " + got.Text("access_token")}
}

// readFeed reads the feed once this server has heard of its reader.
func readFeed(t *testing.T, url, query string, headers []string) revocation.Page {
	t.Helper()
	var page revocation.Page
	eventually(t, 30*time.Second, func() bool {
		got := servertest.Do(t, "GET", url+"/v1/revocations"+query, nil, headers...)
		return got.Status == 200 && json.Unmarshal(got.Body, &page) == nil
	})
	return page
}

// feedStream opens the feed as a stream and answers its events' data.
func feedStream(t *testing.T, url string, headers []string) (events <-chan string, ended <-chan error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/v1/revocations", nil)
	servertest.Check(t, err)
	r.Header.Set(headers[0], headers[1])
	r.Header.Set("Accept", "text/event-stream")
	resp, err := http.DefaultClient.Do(r)
	servertest.Check(t, err)
	if resp.StatusCode != 200 {
		t.Fatalf("stream: %d", resp.StatusCode)
	}
	heard, end := make(chan string, 1000), make(chan error, 1)
	go func() {
		defer func() { _ = resp.Body.Close() }()
		lines := bufio.NewReader(resp.Body)
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				close(heard)
				end <- err
				return
			}
			if data, found := strings.CutPrefix(line, "data: "); found {
				heard <- data
			}
		}
	}()
	return heard, end
}

// Requirement: feed-nodes
func TestARevocationOnOneNodeReachesReadersOfTheOthers(t *testing.T) {
	c := startCluster(t)
	w := c.world(0)
	app, headers := feedReader(t, w)
	pages := make([]revocation.Page, len(c.nodes))
	for i, url := range c.nodes {
		pages[i] = readFeed(t, url, "", headers)
	}
	events, _ := feedStream(t, c.nodes[2], headers)
	first := <-events
	if !strings.Contains(first, `"complete":true`) {
		t.Errorf("the stream began with %s", first)
	}
	for range 3 {
		answer := make(chan servertest.Answer, 1)
		go func() {
			answer <- servertest.Do(t, "GET", c.nodes[1]+"/v1/revocations?after="+pages[1].Cursor, nil, append(headers, "Prefer", "wait=30")...)
		}()
		token := w.Post(t, "/oauth/token", app.Form("grant_type", oauth.GrantClientCredentials)).Text("access_token")
		w.Post(t, "/oauth/revoke", app.Form("token", token))
		got := <-answer
		servertest.Check(t, json.Unmarshal(got.Body, &pages[1]))
		if got.Status != 200 || len(pages[1].Entries) != 1 {
			t.Fatalf("the poll: %d %s", got.Status, got.Body)
		}
		id := pages[1].Entries[0].ID
		select {
		case event := <-events:
			if !strings.Contains(event, `"id":"`+id+`"`) {
				t.Errorf("the stream was told %s, the poll %s", event, id)
			}
		case <-time.After(30 * time.Second):
			t.Fatal("the stream was told nothing within 30 s")
		}
		// A reader that goes on at another node with this cursor is told at least that.
		next := readFeed(t, c.nodes[0], "?after="+pages[0].Cursor, headers)
		if !slices.ContainsFunc(next.Entries, func(e revocation.Entry) bool { return e.ID == id }) {
			t.Errorf("the node that revoked it tells %+v", next.Entries)
		}
		if all := readFeed(t, c.nodes[0], "?after="+pages[1].Cursor, headers); !all.Complete {
			t.Errorf("a node that was never asked with this cursor tells %+v", all)
		}
	}
}

// pollFeed waits for news. It answers status and body, or what went wrong.
func pollFeed(t *testing.T, url string, headers []string) string {
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		return err.Error()
	}
	r.Header.Set(headers[0], headers[1])
	r.Header.Set("Prefer", "wait=30")
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err.Error()
	}
	return strconv.Itoa(resp.StatusCode) + " " + string(body)
}

// Requirement: feed-stop
func TestStoppingAnswersReadersOfTheFeed(t *testing.T) {
	r := start(t)
	_, headers := feedReader(t, r.World)
	cursor := readFeed(t, r.URL, "", headers).Cursor
	polls := make(chan string, 8)
	for range cap(polls) {
		go func() { polls <- pollFeed(t, r.URL+"/v1/revocations?after="+cursor, headers) }()
	}
	events, end := feedStream(t, r.URL, headers)
	<-events
	eventually(t, 30*time.Second, func() bool { return r.Server.ReadersWaiting() == cap(polls)+1 }) // and the stream
	r.stop()
	for range cap(polls) {
		if got := <-polls; !strings.HasPrefix(got, `200 {"revocations":[]`) {
			t.Errorf("a waiting poll: %s", got)
		}
	}
	if err := <-end; err != io.EOF { //nolint:errorlint // a stream that was cut ends otherwise
		t.Errorf("the stream ended with %v", err)
	}
	if err := r.stopped(t); err != nil {
		t.Errorf("the server ended with %v", err)
	}
}
