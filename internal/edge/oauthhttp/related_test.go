package oauthhttp_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/realm"
)

// A browser asks the host that the relying party id names, which is the default
// realm's, whichever realm it is about.
//
// Requirement: passkeys-related-origins
func TestOneListOfOriginsAnswersForAllRealmsOfAHost(t *testing.T) {
	w := servertest.Start(t, nil)
	create := func(name string, p model.RealmPolicy) *model.Site {
		t.Helper()
		site, err := w.Server.Realms.Create(t.Context(), realm.NewRealm{Name: name, Policy: p})
		servertest.Check(t, err)
		return site
	}
	create("blue", model.RealmPolicy{RelatedOrigins: []string{"https://blue.example", "https://both.example"}})
	create("azure", model.RealmPolicy{RelatedOrigins: []string{"https://both.example"}})
	create("own", model.RealmPolicy{Host: "other.example", RelatedOrigins: []string{"https://other.example"}})
	stopped := create("stopped", model.RealmPolicy{RelatedOrigins: []string{"https://stopped.example"}})
	servertest.Check(t, w.Server.Realms.SetStatus(t.Context(), stopped.Realm.ID, model.RealmDisabled, "test"))
	got := w.Get(t, "/.well-known/webauthn")
	want := []any{w.URL, "https://both.example", "https://blue.example"}
	if diff := cmp.Diff(want, got.JSON["origins"]); got.Status != 200 || diff != "" {
		t.Errorf("%d (-want +got):\n%s", got.Status, diff)
	}
}
