package storetest

import (
	"bytes"
	"slices"
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
		ConfigID: "acf_a", Proof: model.ProofRecovery, CreatedBy: "app_a", Failure: "none",
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
		same(w, got(w.BindingJob(w.ctx, j.RealmID, j.ID)), j)
		_, err := w.BindingJob(w.ctx, w.away.realm.ID, j.ID)
		w.refused(err, model.ErrNotFound)
		_, err = w.BindingJobByToken(w.ctx, j.RealmID, secret())
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
	{"ManyJobsAreWrittenOrNone", func(w *world) {
		a, b := newJob(w.home.person), newJob(w.home.person)
		w.ok(w.CreateBindingJobs(w.ctx, []model.BindingJob{a, b}, model.Effects{}))
		same(w, w.bindingJob(b), b)
		c, lost := newJob(w.home.person), newJob(model.Identity{RealmID: w.home.realm.ID, ID: "idn_nobody"})
		w.refused(w.CreateBindingJobs(w.ctx, []model.BindingJob{c, lost}, model.Effects{}), model.ErrNotFound)
		_, err := w.BindingJob(w.ctx, c.RealmID, c.ID)
		w.refused(err, model.ErrNotFound)
	}},
	{"PeopleAreFoundByManyIdsAtOnceInTheirRealm", func(w *world) {
		bob := newPerson(w.home.realm.ID, "bob")
		w.ok(w.CreateIdentity(w.ctx, bob, model.Effects{}))
		found := got(w.IdentitiesByID(w.ctx, w.home.realm.ID, []model.IdentityID{bob.ID, "idn_nobody", w.away.person.ID, w.home.person.ID}))
		same(w, found, []model.Identity{bob, w.home.person})
		same(w, len(got(w.IdentitiesByID(w.ctx, w.home.realm.ID, nil))), 0)
	}},
	{"JobsAreListedByWhatTheyAreNowNewestFirst", checkJobs},
	{"ALinkFailsToBeSentUntilItIsOpened", func(w *world) {
		j, open := w.job(w.home.person), w.job(w.home.person)
		f := directory.FailedLink{Job: j.ID, Failure: "550 no", At: start + 3}
		w.ok(w.FailBindingJob(w.ctx, j.RealmID, f, model.Effects{}))
		w.refused(w.FailBindingJob(w.ctx, j.RealmID, f, model.Effects{}), model.ErrConflict)
		j.State, j.Failure, j.UpdatedAt = model.BindingSendFailed, "550 no", start+3
		same(w, w.bindingJob(j), j)
		w.refused(w.CompleteBinding(w.ctx, completion(j, newPasskey(w.home.person)), model.Effects{}), model.ErrConflict)
		w.ok(w.OpenBindingJob(w.ctx, open.RealmID, open.ID, start+1))
		f.Job = open.ID
		w.refused(w.FailBindingJob(w.ctx, open.RealmID, f, model.Effects{}), model.ErrConflict)
	}},
	{"OnlyAnOpenUnexpiredJobIsRevoked", func(w *world) {
		j := w.job(w.home.person)
		w.refused(w.RevokeBindingJob(w.ctx, j.RealmID, j.ID, j.ExpiresAt, model.Effects{}), model.ErrConflict)
		w.ok(w.RevokeBindingJob(w.ctx, j.RealmID, j.ID, start, model.Effects{}))
		w.refused(w.RevokeBindingJob(w.ctx, j.RealmID, j.ID, start, model.Effects{}), model.ErrConflict)
		w.refused(w.RevokeBindingJob(w.ctx, w.away.realm.ID, j.ID, start, model.Effects{}), model.ErrNotFound)
	}},
	{"ACompletionWithoutASessionBeginsNone", func(w *world) {
		j, p := w.job(w.home.person), newPasskey(w.home.person)
		w.ok(w.CompleteBinding(w.ctx, directory.Completion{Job: j.ID, At: start, Passkey: p}, model.Effects{}))
		same(w, got(w.PasskeyByCredential(w.ctx, p.RealmID, p.CredentialID)), p)
	}},
	{"RecoveryCodesAreReplacedUsedOnceAndRemoved", checkRecoveryCodes},
	{"AJobNeedsItsPerson", func(w *world) {
		w.refused(w.CreateBindingJob(w.ctx, newJob(model.Identity{RealmID: w.home.realm.ID, ID: "idn_nobody"}), model.Effects{}), model.ErrNotFound)
	}},
}

// recoveryCode is an unused one, as whoever uses it names it.
func (w *world) recoveryCode() model.RecoveryCode {
	w.Helper()
	c := model.RecoveryCode{RealmID: w.home.realm.ID, IdentityID: w.home.person.ID, Digest: secret(), CreatedAt: start}
	w.ok(w.ReplaceRecoveryCodes(w.ctx, c.RealmID, c.IdentityID, []model.RecoveryCode{c}, model.Effects{}))
	c.UsedAt = start + 1
	return c
}

func checkJobs(w *world) {
	bob, carol := newPerson(w.home.realm.ID, "bob"), newPerson(w.home.realm.ID, "carol")
	w.ok(w.CreateIdentity(w.ctx, bob, model.Effects{}))
	w.ok(w.CreateIdentity(w.ctx, carol, model.Effects{}))
	older, newer, mail := newJob(bob), newJob(bob), newJob(carol)
	mail.DeliveryMethod, newer.ExpiresAt = model.DeliverEmail, start+10
	for _, j := range []model.BindingJob{older, newer, mail} {
		w.ok(w.CreateBindingJob(w.ctx, j, model.Effects{}))
	}
	for _, tt := range []struct {
		q    directory.JobQuery
		want []model.BindingJob
	}{
		{directory.JobQuery{Limit: 3}, []model.BindingJob{mail, newer, older}},
		{directory.JobQuery{Limit: 2, After: mail.ID}, []model.BindingJob{newer, older}},
		{directory.JobQuery{Limit: 9, IdentityID: bob.ID}, []model.BindingJob{newer, older}},
		{directory.JobQuery{Limit: 9, IdentityID: bob.ID, After: newer.ID}, []model.BindingJob{older}},
		{directory.JobQuery{Limit: 9, Method: model.DeliverEmail}, []model.BindingJob{mail}},
		{directory.JobQuery{Limit: 9, State: model.BindingExpired}, []model.BindingJob{newer}},
		{directory.JobQuery{Limit: 9, State: model.BindingLinkSent}, []model.BindingJob{mail, older}},
		{directory.JobQuery{Limit: 9, IdentityID: bob.ID, State: model.BindingComplete}, nil},
	} {
		tt.q.At = start + 10
		same(w, got(w.BindingJobs(w.ctx, w.home.realm.ID, tt.q)), tt.want)
	}
	same(w, len(got(w.BindingJobs(w.ctx, w.away.realm.ID, directory.JobQuery{Limit: 9, IdentityID: bob.ID}))), 0)
	same(w, len(got(w.BindingJobs(w.ctx, w.away.realm.ID, directory.JobQuery{Limit: 9, Method: model.DeliverEmail}))), 0)
}

func checkRecoveryCodes(w *world) {
	realm, who := w.home.realm.ID, w.home.person.ID
	codes := func() (list []model.RecoveryCode) {
		for range 3 {
			list = append(list, model.RecoveryCode{RealmID: realm, IdentityID: who, Digest: secret(), CreatedAt: start})
		}
		slices.SortFunc(list, func(a, b model.RecoveryCode) int { return bytes.Compare(a.Digest, b.Digest) })
		return list
	}
	old, list := codes(), codes()
	w.ok(w.ReplaceRecoveryCodes(w.ctx, realm, who, old, model.Effects{}))
	w.ok(w.ReplaceRecoveryCodes(w.ctx, realm, who, list, model.Effects{}))
	same(w, got(w.RecoveryCodes(w.ctx, realm, who)), list)
	same(w, len(got(w.RecoveryCodes(w.ctx, w.away.realm.ID, who))), 0)
	use := list[1]
	use.UsedAt = start + 1
	j := newJob(w.home.person)
	w.ok(w.UseRecoveryCode(w.ctx, use, j, model.Effects{}))
	same(w, w.bindingJob(j), j)
	for _, c := range []model.RecoveryCode{use, old[0], {RealmID: w.away.realm.ID, IdentityID: who, Digest: list[0].Digest, UsedAt: start}} {
		lost := newJob(w.home.person)
		w.refused(w.UseRecoveryCode(w.ctx, c, lost, model.Effects{}), model.ErrNotFound)
		_, err := w.BindingJob(w.ctx, realm, lost.ID)
		w.refused(err, model.ErrNotFound)
	}
	list[1] = use
	same(w, got(w.RecoveryCodes(w.ctx, realm, who)), list)
	w.ok(w.RemoveRecoveryCodes(w.ctx, realm, who, model.Effects{}))
	w.refused(w.RemoveRecoveryCodes(w.ctx, realm, who, model.Effects{}), model.ErrNotFound)
}
