package directory_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/directory"
	"github.com/assent-id/assent/internal/service/signin"
	"github.com/assent-id/assent/internal/service/signin/signintest"
)

func TestIdentitiesHoldOnlyWhatCanBeSeen(t *testing.T) {
	w := signintest.New(t)
	tests := []struct {
		name string
		new  directory.NewIdentity
		want string // field of the refusal; empty: accepted
	}{
		{"plain", identity("alice", ""), ""},
		{"of another script", identity("Ελένη Παπαδοπούλου", ""), ""},
		{"128 characters", identity(strings.Repeat("ä", 128), ""), ""},
		{"129 characters", identity(strings.Repeat("ä", 129), ""), "username"},
		{"nothing", identity("", ""), "username"},
		{"a space before", identity(" bob", ""), "username"},
		{"a control", identity("bob\x00", ""), "username"},
		{"a line end", identity("bob\nalice", ""), "username"},
		{"a right-to-left override", identity("bob\u202egro.live", ""), "username"},
		{"a zero-width space", identity("b\u200bob", ""), "username"},
		{"not UTF-8", identity("bob\xff", ""), "username"},
		{"like an id", identity("idn_01jd3v0000e7v8000000000000", ""), "username"},
		{"an address", identity("carol", "carol@example.com"), ""},
		{"an address with a name", identity("dave", "Dave <dave@example.com>"), "primary_email_address"},
		{"no address", identity("erin", "erin"), "primary_email_address"},
		{"an address with a line end", identity("frank", "frank@example.com\r\nBcc: x@example.com"), "primary_email_address"},
		{"an address of 255 characters", identity("grace", strings.Repeat("a", 243)+"@example.com"), "primary_email_address"},
		{"an odd display name", directory.NewIdentity{DisplayName: "Bo\u2066b", Traits: model.Traits{Username: "heidi"}}, "display_name"},
		{"odd traits", directory.NewIdentity{Traits: model.Traits{Username: "ivan", GivenName: "I\tvan"}}, "given_name"},
		{"an odd nickname", directory.NewIdentity{Traits: model.Traits{Username: "ivan", Nickname: "I\u202evan"}}, "nickname"},
		{"a picture that is a program", directory.NewIdentity{Traits: model.Traits{Username: "ivan", Picture: "javascript:alert(1)"}}, "picture"},
		{"a profile without a host", directory.NewIdentity{Traits: model.Traits{Username: "ivan", Profile: "https:/ivan"}}, "profile"},
		{"a website of 513 characters", directory.NewIdentity{Traits: model.Traits{Username: "ivan", Website: "https://x.example/" + strings.Repeat("a", 495)}}, "website"},
		{"traits of another shape", directory.NewIdentity{Traits: model.Traits{Type: "traits_v9", Username: "judy"}}, "traits.type"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := w.Directory.CreateIdentity(t.Context(), w.Site, tt.new)
			field := ""
			if invalid, ok := errors.AsType[*directory.InvalidError](err); ok {
				field = invalid.Field
			} else if err != nil {
				t.Fatal(err)
			}
			if field != tt.want {
				t.Errorf("got refusal of %q (%v), want of %q", field, err, tt.want)
			}
			if err == nil && (got.DisplayName == "" || got.Status != model.IdentityActive) {
				t.Errorf("created %+v", got)
			}
		})
	}
}

func identity(username, email string) directory.NewIdentity {
	return directory.NewIdentity{Traits: model.Traits{Username: username, PrimaryEmailAddress: email}}
}

func TestUsernamesAreUniqueInARealmIgnoringCase(t *testing.T) {
	signintest.Engines(t, usernamesAreUniqueInARealmIgnoringCase)
}

func usernamesAreUniqueInARealmIgnoringCase(t *testing.T, w *signintest.World) {
	t.Helper()
	w.Person(t, w.Site, "alice")
	_, err := w.Directory.CreateIdentity(t.Context(), w.Site, identity("ALICE", ""))
	if !errors.Is(err, directory.ErrUsernameTaken) {
		t.Errorf("got %v, want ErrUsernameTaken", err)
	}
	if _, err := w.Directory.CreateIdentity(t.Context(), w.Other, identity("Alice", "")); err != nil {
		t.Errorf("in another realm: %v", err)
	}
}

func TestPeopleAreFoundByIDUsernameOrAddress(t *testing.T) {
	w := signintest.New(t)
	create := func(n directory.NewIdentity) model.Identity {
		t.Helper()
		got, err := w.Directory.CreateIdentity(t.Context(), w.Site, n)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	alice := create(identity("alice", "alice@example.com"))
	create(identity("bob", "shared@example.com"))
	create(identity("carol", "shared@example.com"))
	dave := w.Person(t, w.Other, "dave")
	tests := []struct {
		name, login string
		want        model.IdentityID // empty: not found
	}{
		{"id", string(alice.ID), alice.ID},
		{"username", "alice", alice.ID},
		{"username in capitals", "ALICE", alice.ID},
		{"address", "Alice@Example.com", alice.ID},
		{"address of two people", "shared@example.com", ""},
		{"id of another realm", string(dave.ID), ""},
		{"username of another realm", "dave", ""},
		{"nothing", "  ", ""},
		{"too much", strings.Repeat("a", 5000), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := w.Directory.Find(t.Context(), w.Site, tt.login)
			if tt.want == "" && !errors.Is(err, model.ErrNotFound) {
				t.Errorf("got %s, %v, want ErrNotFound", got.ID, err)
			}
			if tt.want != "" && (err != nil || got.ID != tt.want) {
				t.Errorf("got %s, %v, want %s", got.ID, err, tt.want)
			}
		})
	}
}

func TestSuspensionEndsSessionsForGood(t *testing.T) {
	signintest.Engines(t, suspensionEndsSessionsForGood)
}

func suspensionEndsSessionsForGood(t *testing.T, w *signintest.World) {
	t.Helper()
	ctx := t.Context()
	alice := w.Person(t, w.Site, "alice")
	device := signintest.Software(t, w.Site)
	bound := w.Bind(t, w.Site, alice.ID, device)
	w.Clock.Advance(1e6)

	suspended, err := w.Directory.Suspend(ctx, w.Site, alice.ID, "")
	if err != nil {
		t.Fatal(err)
	}
	if want := model.MillisOf(w.Clock.Now()); suspended.TokensInvalidBefore != want {
		t.Errorf("tokens are invalid before %d, want %d", suspended.TokensInvalidBefore, want)
	}
	if _, _, err := w.SignIn.Session(ctx, w.Site, bound.SessionCookie); !errors.Is(err, signin.ErrNoSession) {
		t.Errorf("suspended: got %v, want ErrNoSession", err)
	}
	again, err := w.Directory.Suspend(ctx, w.Site, alice.ID, "")
	if err != nil || again.Version != suspended.Version {
		t.Errorf("suspended twice: version %d, %v, want %d", again.Version, err, suspended.Version)
	}
	w.Clock.Advance(1e6)
	if _, err := w.Directory.Activate(ctx, w.Site, alice.ID, ""); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.SignIn.Session(ctx, w.Site, bound.SessionCookie); !errors.Is(err, signin.ErrNoSession) {
		t.Errorf("activated again: got %v, want the old session to stay dead", err)
	}
	if _, err := w.TrySignIn(t, w.Site, device); err != nil {
		t.Errorf("sign in after activation: %v", err)
	}
}

func TestPasskeysAreRenamedAndRevokedByTheirOwnerOnly(t *testing.T) {
	signintest.Engines(t, passkeysAreRenamedAndRevokedByTheirOwnerOnly)
}

func passkeysAreRenamedAndRevokedByTheirOwnerOnly(t *testing.T, w *signintest.World) {
	t.Helper()
	ctx := t.Context()
	alice, mallory := w.Person(t, w.Site, "alice"), w.Person(t, w.Site, "mallory")
	device := signintest.Software(t, w.Site)
	bound := w.Bind(t, w.Site, alice.ID, device)
	w.Bind(t, w.Site, mallory.ID, signintest.Software(t, w.Site))
	own := directory.PasskeyRef{IdentityID: alice.ID, PasskeyID: bound.Passkey.ID}
	stolen := directory.PasskeyRef{IdentityID: mallory.ID, PasskeyID: bound.Passkey.ID}

	if err := w.Directory.RenamePasskey(ctx, w.Site, stolen, "mine"); !errors.Is(err, model.ErrNotFound) {
		t.Errorf("rename somebody else's: got %v, want ErrNotFound", err)
	}
	if err := w.Directory.RevokePasskey(ctx, w.Site, stolen); !errors.Is(err, model.ErrNotFound) {
		t.Errorf("revoke somebody else's: got %v, want ErrNotFound", err)
	}
	if err := w.Directory.RenamePasskey(ctx, w.Site, own, "Key\u202e"); err == nil {
		t.Error("an invisible character in a name was accepted")
	}
	if err := w.Directory.RenamePasskey(ctx, w.Site, own, "Work laptop"); err != nil {
		t.Fatal(err)
	}
	keys, err := w.Directory.Passkeys(ctx, w.Site, alice.ID)
	if err != nil || len(keys) != 1 || keys[0].Name != "Work laptop" {
		t.Errorf("got %+v, %v", keys, err)
	}
	if err := w.Directory.RevokePasskey(ctx, w.Site, own); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.SignIn.Session(ctx, w.Site, bound.SessionCookie); !errors.Is(err, signin.ErrNoSession) {
		t.Errorf("session of a revoked passkey: got %v, want ErrNoSession", err)
	}
	if err := w.Directory.RevokePasskey(ctx, w.Site, own); !errors.Is(err, model.ErrNotFound) {
		t.Errorf("revoke twice: got %v, want ErrNotFound", err)
	}
	if keys, err := w.Directory.Passkeys(ctx, w.Site, alice.ID); err != nil || len(keys) != 0 {
		t.Errorf("after revoking: %d passkeys, %v", len(keys), err)
	}
}
