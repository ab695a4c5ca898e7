package storetest

import (
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/directory"
)

var directoryPromises = []promise{
	{"AnIdentityComesBackAsWritten", func(w *world) {
		i := newPerson(w.home.realm.ID, "Bob")
		i.Status, i.TokensInvalidBefore = model.IdentitySuspended, 3
		i.Traits.PrimaryEmailAddress, i.Traits.Locale = "Bob@Example.org", "is"
		w.ok(w.CreateIdentity(w.ctx, i, model.Effects{}))
		same(w, got(w.Identity(w.ctx, i.RealmID, i.ID)), i)
	}},
	{"AUsernameIsTakenIgnoringCaseInItsRealmAlone", func(w *world) {
		w.refused(w.CreateIdentity(w.ctx, newPerson(w.home.realm.ID, " ALICE "), model.Effects{}), model.ErrConflict)
		w.ok(w.CreateIdentity(w.ctx, newPerson(w.home.realm.ID, "alice2"), model.Effects{}))
	}},
	{"PeopleWithoutAUsernameDoNotShareIt", func(w *world) {
		w.ok(w.CreateIdentity(w.ctx, newPerson(w.home.realm.ID, ""), model.Effects{}))
		w.ok(w.CreateIdentity(w.ctx, newPerson(w.home.realm.ID, ""), model.Effects{}))
		_, err := w.IdentityByLogin(w.ctx, w.home.realm.ID, "")
		w.refused(err, model.ErrNotFound)
	}},
	{"LoginFindsByNameThenByAnAddressThatIsNotShared", checkLogin},
	{"AnUpdateOfAnIdentityNeedsItsVersion", func(w *world) {
		i := w.home.person
		i.DisplayName, i.Traits.Username, i.TokensInvalidBefore, i.UpdatedAt = "Al", "AL", 4, start+9
		w.ok(w.UpdateIdentity(w.ctx, i, model.Effects{}))
		w.refused(w.UpdateIdentity(w.ctx, i, model.Effects{}), model.ErrConflict)
		i.Version = 2
		same(w, got(w.Identity(w.ctx, i.RealmID, i.ID)), i)
		same(w, got(w.IdentityByLogin(w.ctx, i.RealmID, "al")).ID, i.ID)
		_, err := w.IdentityByLogin(w.ctx, i.RealmID, "alice")
		w.refused(err, model.ErrNotFound)
	}},
	{"AnUpdateOfAnIdentityCannotTakeAUsername", func(w *world) {
		i := newPerson(w.home.realm.ID, "bob")
		w.ok(w.CreateIdentity(w.ctx, i, model.Effects{}))
		i.Traits.Username = "Alice"
		w.refused(w.UpdateIdentity(w.ctx, i, model.Effects{}), model.ErrConflict)
	}},
	{"PasskeysComeBackOldestFirstRevokedOnesToo", func(w *world) {
		older, newer := newPasskey(w.home.person), newPasskey(w.home.person)
		older.CreatedAt, older.RevokedAt, older.BackupState = start-2, start-1, true
		newer.CreatedAt, newer.Transports, newer.BackupEligible = start+1, nil, false
		w.ok(w.bind(newer))
		w.ok(w.bind(older))
		same(w, got(w.Passkeys(w.ctx, w.home.realm.ID, w.home.person.ID)), []model.Passkey{older, w.home.passkey, newer})
		same(w, len(got(w.Passkeys(w.ctx, w.home.realm.ID, "idn_nobody"))), 0)
	}},
}

func checkLogin(w *world) {
	realm := w.home.realm.ID
	person := func(username, email string) model.Identity {
		i := newPerson(realm, username)
		i.Traits.PrimaryEmailAddress = email
		w.ok(w.CreateIdentity(w.ctx, i, model.Effects{}))
		return i
	}
	bob := person("Bob", "Bob@Example.org")
	person("carol", "shared@example.org")
	person("dave", "shared@example.org")
	person("bob2@example.org", "")
	person("erin", "bob2@example.org")
	frank := person("frank@example.org", "Frank@example.org")
	for _, tt := range []struct {
		login string
		want  model.IdentityID // empty: not found
	}{
		{"bob", bob.ID},
		{"bob@example.org", bob.ID},
		{"bob2@example.org", ""},
		{"frank@example.org", frank.ID},
		{"shared@example.org", ""},
		{"nobody", ""},
	} {
		i, err := w.IdentityByLogin(w.ctx, realm, tt.login)
		if tt.want == "" {
			w.refused(err, model.ErrNotFound)
			continue
		}
		w.ok(err)
		same(w, i.ID, tt.want)
	}
}

func newJob(of model.Identity) model.BindingJob {
	return model.BindingJob{RealmID: of.RealmID, ID: model.BindingJobID(ids.New("bnd")), IdentityID: of.ID,
		TokenDigest: secret(), DeliveryMethod: "RETURN", State: model.BindingLinkSent, RedirectURI: "https://example.org/",
		CreatedAt: start, UpdatedAt: start, ExpiresAt: start.Add(time.Hour)}
}

func (w *world) job(of model.Identity) model.BindingJob {
	w.Helper()
	j := newJob(of)
	w.ok(w.CreateBindingJob(w.ctx, j, model.Effects{}))
	return j
}

func (w *world) bindingJob(j model.BindingJob) model.BindingJob {
	w.Helper()
	return got(w.BindingJobByToken(w.ctx, j.RealmID, j.TokenDigest))
}

// bind stores a passkey the only way there is: through a job.
func (w *world) bind(p model.Passkey) error {
	j := newJob(model.Identity{RealmID: p.RealmID, ID: p.IdentityID})
	if err := w.CreateBindingJob(w.ctx, j, model.Effects{}); err != nil {
		return err
	}
	return w.CompleteBinding(w.ctx, completion(j, p), model.Effects{})
}

func completion(j model.BindingJob, p model.Passkey) directory.Completion {
	return directory.Completion{Job: j.ID, At: start, Passkey: p, Session: newSession(p)}
}

var bindingPromises = []promise{
	{"ABindingJobComesBackByItsToken", func(w *world) {
		j := w.job(w.home.person)
		same(w, w.bindingJob(j), j)
		_, err := w.BindingJobByToken(w.ctx, j.RealmID, secret())
		w.refused(err, model.ErrNotFound)
		_, err = w.BindingJobByToken(w.ctx, j.RealmID, nil)
		w.refused(err, model.ErrNotFound)
	}},
	{"ATokenBelongsToOneJob", func(w *world) {
		j := w.job(w.home.person)
		j.ID = model.BindingJobID(ids.New("bnd"))
		w.refused(w.CreateBindingJob(w.ctx, j, model.Effects{}), model.ErrConflict)
	}},
	{"OpeningTwiceIsNoError", func(w *world) {
		j := w.job(w.home.person)
		w.ok(w.OpenBindingJob(w.ctx, j.RealmID, j.ID, start+1))
		w.ok(w.OpenBindingJob(w.ctx, j.RealmID, j.ID, start+2))
		j.State, j.UpdatedAt = model.BindingLinkOpened, start+1
		same(w, w.bindingJob(j), j)
	}},
	{"WhatIsExpiredUsedOrUnknownCannotBeOpened", func(w *world) {
		j := w.job(w.home.person)
		w.refused(w.OpenBindingJob(w.ctx, j.RealmID, j.ID, j.ExpiresAt), model.ErrConflict)
		w.ok(w.CompleteBinding(w.ctx, completion(j, newPasskey(w.home.person)), model.Effects{}))
		w.refused(w.OpenBindingJob(w.ctx, j.RealmID, j.ID, start), model.ErrConflict)
		w.refused(w.OpenBindingJob(w.ctx, j.RealmID, "bnd_nobody", start), model.ErrNotFound)
		same(w, w.bindingJob(j).State, model.BindingComplete)
	}},
	{"CompletionStoresPasskeyAndSession", func(w *world) {
		j, p := w.job(w.home.person), newPasskey(w.home.person)
		c := completion(j, p)
		c.At = start + 5
		w.ok(w.CompleteBinding(w.ctx, c, model.Effects{}))
		same(w, got(w.PasskeyByCredential(w.ctx, p.RealmID, p.CredentialID)), p)
		same(w, got(w.SessionByDigest(w.ctx, p.RealmID, c.Session.Digest)), c.Session)
		j.State, j.UpdatedAt = model.BindingComplete, start+5
		same(w, w.bindingJob(j), j)
	}},
	{"AJobIsCompletedOnceAndNotWhenExpiredOrRevoked", func(w *world) {
		used, expired, revoked := w.job(w.home.person), w.job(w.home.person), newJob(w.home.person)
		revoked.State = model.BindingRevoked
		w.ok(w.CreateBindingJob(w.ctx, revoked, model.Effects{}))
		w.ok(w.CompleteBinding(w.ctx, completion(used, newPasskey(w.home.person)), model.Effects{}))
		for _, j := range []model.BindingJob{used, expired, revoked} {
			p := newPasskey(w.home.person)
			c := completion(j, p)
			if j.ID == expired.ID {
				c.At = j.ExpiresAt
			}
			w.refused(w.CompleteBinding(w.ctx, c, model.Effects{}), model.ErrConflict)
			_, err := w.PasskeyByCredential(w.ctx, p.RealmID, p.CredentialID)
			w.refused(err, model.ErrNotFound)
		}
	}},
	{"AJobBindsItsOwnPersonAlone", func(w *world) {
		bob := newPerson(w.home.realm.ID, "bob")
		w.ok(w.CreateIdentity(w.ctx, bob, model.Effects{}))
		w.refused(w.CompleteBinding(w.ctx, completion(w.job(w.home.person), newPasskey(bob)), model.Effects{}), model.ErrConflict)
	}},
	{"ACredentialThatIsBoundInTheRealmLeavesTheJobOpen", func(w *world) {
		j, p := w.job(w.home.person), newPasskey(w.home.person)
		p.CredentialID = w.home.passkey.CredentialID
		c := completion(j, p)
		w.refused(w.CompleteBinding(w.ctx, c, model.Effects{}), model.ErrConflict)
		same(w, w.bindingJob(j), j)
		_, err := w.SessionByDigest(w.ctx, p.RealmID, c.Session.Digest)
		w.refused(err, model.ErrNotFound)
		// In another realm it is another credential.
		p = newPasskey(w.away.person)
		p.CredentialID = w.home.passkey.CredentialID
		w.ok(w.bind(p))
	}},
	{"AJobNeedsItsPerson", func(w *world) {
		w.refused(w.CreateBindingJob(w.ctx, newJob(model.Identity{RealmID: w.home.realm.ID, ID: "idn_nobody"}), model.Effects{}), model.ErrNotFound)
	}},
}
