package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/sdk/assent"
)

func TestTheDemoPersonIsToldByMailThatSomethingWaitsAndNotWhat(t *testing.T) {
	w := servertest.Start(t, func(c *server.Config) { c.MailAfter = time.Millisecond })
	owner, err := ensureDemoPerson(t.Context(), w.Server, w.Site)
	servertest.Check(t, err)
	agent, err := createDemoAgent(t.Context(), w.Server, w.Site, owner)
	servertest.Check(t, err)
	config := agent.client()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var page string
	config.OnAsked = func(assent.Request) {
		go func() {
			defer cancel() // nobody answers
			page = awaitMail(ctx, w.URL+"/dev/mailbox")
		}()
	}
	client, err := assent.NewClient(ctx, config)
	servertest.Check(t, err)
	if _, err := client.Approve(ctx, demoAction); !errors.Is(err, context.Canceled) {
		t.Fatalf("Approve: %v, want it to be cancelled", err)
	}
	<-ctx.Done()
	if !strings.Contains(page, "demo@example.com") || !strings.Contains(page, w.URL+"/approver/") {
		t.Errorf("the mailbox does not say to whom and where:\n%s", page)
	}
	if strings.Contains(page, "shop") {
		t.Errorf("the message says what waits:\n%s", page)
	}
}

// awaitMail reads the mailbox until a message is there, or ctx ends.
func awaitMail(ctx context.Context, url string) (page string) {
	for ctx.Err() == nil {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err.Error()
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			return err.Error()
		}
		text, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if page = string(text); err != nil || strings.Contains(page, "Something waits") {
			return page
		}
		time.Sleep(20 * time.Millisecond)
	}
	return page
}
