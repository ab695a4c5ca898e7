package realm_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/realm"
)

func TestAPatchReplacesMembersAsAWholeAndLeavesTheOldPolicyAlone(t *testing.T) {
	old := model.RealmPolicy{AskAnyone: true, DPoPAlgs: []string{"ES256", "EdDSA"},
		Resources: []model.ResourcePolicy{{Resource: "https://a.example/", Scopes: []string{"read"}}}}
	got, err := realm.Patch(old, []byte(`{"resources":[{"resource":"https://b.example/"}],"dpop_algs":["PS256"],"ask_anyone":null}`))
	if err != nil {
		t.Fatal(err)
	}
	want := model.RealmPolicy{DPoPAlgs: []string{"PS256"}, Resources: []model.ResourcePolicy{{Resource: "https://b.example/"}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("patched (-want +got):\n%s", diff)
	}
	if old.Resources[0].Resource != "https://a.example/" || old.DPoPAlgs[0] != "ES256" || !old.AskAnyone {
		t.Errorf("the old policy, which others read, was written over: %+v", old)
	}
}

func TestOriginsOfSitesAndOfAppsMayBeRelated(t *testing.T) {
	for _, good := range []string{"https://shop.example", "https://shop.example:8443", "http://localhost:3000", "android:apk-key-hash:MNwMZ0qLCbmRsHXJWKaAxxWqhXAvdUOqPTKSnPLZ1Nc"} {
		if _, err := realm.Patch(model.RealmPolicy{}, []byte(`{"related_origins":["`+good+`"]}`)); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
}

// Requirement: consent-scope-texts
func TestAServiceSaysWhatItsScopesMean(t *testing.T) {
	text := strings.Repeat("ä", 120)
	got, err := realm.Patch(model.RealmPolicy{}, []byte(`{"resources":[{"resource":"https://a.example","scopes":["a"],"scope_texts":{"a":"`+text+`"}}]}`))
	if err != nil || got.Resources[0].ScopeTexts["a"] != text {
		t.Errorf("got %+v, %v", got.Resources, err)
	}
}

func TestAPatchThatMeansNothingIsRefused(t *testing.T) {
	for _, bad := range []string{``, `null`, `[]`, `7`, `{`, `{"pasword":true}`, `{"passwords":"yes"}`, `{"registration":{"mode":"maybe"}}`,
		`{"resources":[{"resource":"relative"}]}`, `{"resources":[{"resource":"https://a.example/#f"}]}`, `{"trusted_issuers":[{}]}`,
		`{"trusted_issuers":[{"issuer":"https://i.example","jwks_uri":"https://i.example/jwks","jwks":{"keys":[]}}]}`,
		`{"resources":[{"resource":"https://a.example","scopes":["a"],"scope_texts":{"b":"See your orders"}}]}`,
		`{"resources":[{"resource":"https://a.example","scopes":["a"],"scope_texts":{"a":""}}]}`,
		`{"resources":[{"resource":"https://a.example","scopes":["a"],"scope_texts":{"a":" See your orders"}}]}`,
		`{"resources":[{"resource":"https://a.example","scopes":["a"],"scope_texts":{"a":"See\nyour orders"}}]}`,
		`{"resources":[{"resource":"https://a.example","scopes":["a"],"scope_texts":{"a":"See \u202eyour orders"}}]}`,
		`{"resources":[{"resource":"https://a.example","scopes":["a"],"scope_texts":{"a":"` + strings.Repeat("ä", 121) + `"}}]}`,
		`{"related_origins":["https://shop.example/"]}`, `{"related_origins":["shop.example"]}`, `{"related_origins":["HTTPS://shop.example"]}`,
		`{"attestation":{"mode":"indirect"}}`, `{"attestation":{"require":true}}`, `{"attestation":{"authenticators":["2fc0579f-8113-47ea-b116-bb5a8db9202a"]}}`,
		`{"attestation":{"mode":"direct","require":true}}`, `{"attestation":{"mode":"direct","roots":["certificate"]}}`,
		`{"attestation":{"mode":"direct","authenticators":["2FC0579F-8113-47EA-B116-BB5A8DB9202A"]}}`,
		`{"attestation":{"mode":"direct","authenticators":["2fc0579f811347eab116bb5a8db9202a0000"]}}`,
		`{"authorization_details_types":{"":{}}}`, `{"authorization_details_types":{"a":true}}`} {
		if _, err := realm.Patch(model.RealmPolicy{}, []byte(bad)); !errors.Is(err, realm.ErrPolicy) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// Requirement: frame-shared-host
func TestARelyingPartyIDIsTheIssuersHostOrADomainThatItIsIn(t *testing.T) {
	for name, tt := range map[string]struct {
		base, host string
		good, bad  []string
	}{
		"the server's host": {"https://login.id.example", "", []string{"", "login.id.example", "id.example"},
			[]string{"example", "evil.example", "n.id.example", "x.login.id.example", "ID.example", "id.example.", ".id.example", "https://id.example"}},
		"a host of its own": {"https://id.example", "login.acme.example", []string{"login.acme.example", "acme.example"}, []string{"id.example", "example"}},
		"a machine alone":   {"http://localhost:8420", "", []string{"localhost"}, []string{"id.example"}},
		"an address":        {"http://127.0.0.1:8420", "", []string{"127.0.0.1"}, []string{"0.0.1", "localhost"}},
	} {
		t.Run(name, func(t *testing.T) {
			n := open(t, sqlite(t), tt.base, nil)
			site, err := n.Create(t.Context(), realm.NewRealm{Name: "acme", Policy: model.RealmPolicy{Host: tt.host}})
			check(t, err)
			set := func(id string) error {
				_, err := n.PatchPolicy(t.Context(), site.Realm.ID, realm.PolicyChange{Members: []byte(`{"rp_id":"` + id + `"}`)})
				return err
			}
			for _, id := range tt.good {
				check(t, set(id))
			}
			for _, id := range tt.bad {
				if err := set(id); !errors.Is(err, realm.ErrPolicy) {
					t.Errorf("%q: %v", id, err)
				}
				if _, err := n.Create(t.Context(), realm.NewRealm{Name: "bad", Policy: model.RealmPolicy{RPID: id}}); tt.host == "" && !errors.Is(err, realm.ErrPolicy) {
					t.Errorf("create with %q: %v", id, err)
				}
			}
		})
	}
}
