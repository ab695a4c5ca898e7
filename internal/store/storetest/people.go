package storetest

import (
	"fmt"
	"time"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/directory"
	"github.com/assent-id/assent/internal/service/oauth"
)

var peoplePromises = []promise{
	{"PeopleAreListedInTheOrderOfTheirIdsPageByPage", checkPeoplePages},
	{"EachWayToLookForPeopleFindsThemAndHoldsTheOthersAgainstThem", checkPeople},
	{"TheLastAdminWithAPasskeyIsNotStopped", checkLastAdmin},
	{"OfTwoAdminsWhoStopEachOtherOneStays", checkStopEachOther},
	{"DeletingAPersonTakesWhatIsOnlyThereBecauseOfThem", checkDelete},
	{"OnlyASuspendedPersonOfThatVersionIsDeleted", func(w *world) {
		bob := w.person("bob")
		w.refused(w.DeleteIdentity(w.ctx, removal(bob), model.Effects{}), model.ErrConflict)
		bob = w.suspend(bob)
		old := bob
		old.Version--
		w.refused(w.DeleteIdentity(w.ctx, removal(old), model.Effects{}), model.ErrConflict)
		w.ok(w.DeleteIdentity(w.ctx, removal(bob), model.Effects{}))
		_, err := w.Identity(w.ctx, bob.RealmID, bob.ID)
		w.refused(err, model.ErrNotFound)
		w.ok(w.CreateIdentity(w.ctx, newPerson(bob.RealmID, "bob"), model.Effects{}))
	}},
	{"NothingIsGivenToAPersonWhoIsNotThereAnyMore", checkGoneGetNothing},
	{"AllOpenLinksOfAPersonAreTakenBack", func(w *world) {
		bob := w.person("bob")
		used, one, two, others := w.job(bob), w.job(bob), w.job(bob), w.job(w.home.person)
		w.ok(w.CompleteBinding(w.ctx, completion(used, newPasskey(bob)), model.Effects{}))
		w.ok(w.OpenBindingJob(w.ctx, two.RealmID, two.ID, start))
		w.ok(w.RevokeBindingJobs(w.ctx, bob.RealmID, bob.ID, start+1, model.Effects{Events: []model.Event{newEvent(bob.RealmID, "x")}}))
		same(w, []model.BindingState{w.bindingJob(used).State, w.bindingJob(one).State, w.bindingJob(two).State, w.bindingJob(others).State},
			[]model.BindingState{model.BindingComplete, model.BindingRevoked, model.BindingRevoked, model.BindingLinkSent})
		w.ok(w.RevokeBindingJobs(w.ctx, bob.RealmID, bob.ID, start+2, model.Effects{}))
	}},
}

// person adds somebody at home.
func (w *world) person(username string) model.Identity {
	w.Helper()
	i := newPerson(w.home.realm.ID, username)
	w.ok(w.CreateIdentity(w.ctx, i, model.Effects{}))
	return i
}

func (w *world) suspend(i model.Identity) model.Identity {
	w.Helper()
	i.Status, i.TokensInvalidBefore = model.IdentitySuspended, start+50
	w.ok(w.UpdateIdentity(w.ctx, i, model.Effects{}))
	i.Version++
	return i
}

func removal(i model.Identity) directory.Removal {
	return directory.Removal{RealmID: i.RealmID, ID: i.ID, Version: i.Version, At: start + 100}
}

func peopleOf(list []model.Identity) []model.IdentityID {
	out := make([]model.IdentityID, len(list))
	for i := range list {
		out[i] = list[i].ID
	}
	return out
}

func checkPeoplePages(w *world) {
	want := []model.IdentityID{w.home.person.ID}
	for i := range 6 {
		want = append(want, w.person(fmt.Sprint("p", i)).ID)
	}
	var found []model.IdentityID
	q := directory.PeopleQuery{Limit: 3}
	for range 3 {
		list := got(w.People(w.ctx, w.home.realm.ID, q))
		found = append(found, peopleOf(list)...)
		if len(list) > 0 {
			q.After = list[len(list)-1].ID
		}
	}
	same(w, found, want)
}

func checkPeople(w *world) {
	realm, group := w.home.realm.ID, newGroup(w.home.realm.ID, "staff")
	w.ok(w.CreateGroup(w.ctx, group, model.Effects{}))
	bob := newPerson(realm, "Bob")
	bob.DisplayName, bob.Traits.PrimaryEmailAddress, bob.Traits.ExternalID = "Ångström, B", "shared@example.org", "hr-1"
	w.ok(w.CreateIdentity(w.ctx, bob, model.Effects{}))
	carol := newPerson(realm, "carol")
	carol.DisplayName, carol.Traits.PrimaryEmailAddress, carol.Traits.ExternalID = "Åse", "shared@example.org", "HR-1"
	carol.Status, carol.AdminSince = model.IdentitySuspended, 7
	w.ok(w.CreateIdentity(w.ctx, carol, model.Effects{}))
	w.ok(w.AddGroupMember(w.ctx, directory.Membership{RealmID: realm, Of: string(group.ID), Member: string(carol.ID), At: start}, model.Effects{}))
	both, none := []model.IdentityID{bob.ID, carol.ID}, []model.IdentityID{}
	for _, tt := range []struct {
		name string
		q    directory.PeopleQuery
		want []model.IdentityID
	}{
		{"username", directory.PeopleQuery{Username: "bob"}, both[:1]},
		{"username of another", directory.PeopleQuery{Username: "bob", Email: "other@example.org"}, none},
		{"e-mail", directory.PeopleQuery{Email: "shared@example.org"}, both},
		{"e-mail and status", directory.PeopleQuery{Email: "shared@example.org", Status: model.IdentitySuspended}, both[1:]},
		{"external id, exactly", directory.PeopleQuery{ExternalID: "HR-1"}, both[1:]},
		{"how the name begins", directory.PeopleQuery{NamePrefix: "å"}, both},
		{"how the name begins, more of it", directory.PeopleQuery{NamePrefix: "ångström,"}, both[:1]},
		{"name and group", directory.PeopleQuery{NamePrefix: "å", GroupID: group.ID}, both[1:]},
		{"group", directory.PeopleQuery{GroupID: group.ID}, both[1:]},
		{"group and username", directory.PeopleQuery{GroupID: group.ID, Username: "bob"}, none},
		{"group and status", directory.PeopleQuery{GroupID: group.ID, Status: model.IdentityActive}, none},
		{"another group", directory.PeopleQuery{GroupID: "grp_other"}, none},
		{"suspended", directory.PeopleQuery{Status: model.IdentitySuspended}, both[1:]},
		{"active", directory.PeopleQuery{Status: model.IdentityActive}, []model.IdentityID{w.home.person.ID, bob.ID}},
		{"admins", directory.PeopleQuery{Admins: true}, both[1:]},
		{"active admins", directory.PeopleQuery{Admins: true, Status: model.IdentityActive}, none},
		{"after", directory.PeopleQuery{Email: "shared@example.org", After: bob.ID}, both[1:]},
	} {
		tt.q.Limit = 10
		w.Log(tt.name)
		same(w, peopleOf(got(w.People(w.ctx, realm, tt.q))), tt.want)
		// The same people are not in another realm.
		for _, i := range got(w.People(w.ctx, w.away.realm.ID, tt.q)) {
			same(w, i.RealmID, w.away.realm.ID)
		}
	}
	same(w, got(w.Identity(w.ctx, realm, carol.ID)), carol)
}

// admin adds somebody at home who manages it, with a passkey.
func (w *world) admin(username string) model.Identity {
	w.Helper()
	i := newPerson(w.home.realm.ID, username)
	i.AdminSince = start
	w.ok(w.CreateIdentity(w.ctx, i, model.Effects{}))
	w.ok(w.bind(newPasskey(i)))
	return i
}

func checkLastAdmin(w *world) {
	one := w.admin("one")
	none := newPerson(w.home.realm.ID, "none") // an admin who cannot sign in is nobody's comfort
	none.AdminSince = start
	w.ok(w.CreateIdentity(w.ctx, none, model.Effects{}))
	stopped := func(i model.Identity) model.Identity { i.AdminSince = 0; return i }
	w.refused(w.StopAdmin(w.ctx, stopped(one), model.Effects{}), model.ErrConflict)
	same(w, got(w.LastAdmin(w.ctx, one.RealmID, one.ID)), true)
	same(w, got(w.LastAdmin(w.ctx, one.RealmID, none.ID)), false)
	two := w.admin("two")
	same(w, got(w.LastAdmin(w.ctx, one.RealmID, one.ID)), false)
	suspended := w.suspend(two)
	w.refused(w.StopAdmin(w.ctx, stopped(one), model.Effects{}), model.ErrConflict)
	suspended.Status = model.IdentityActive
	w.ok(w.UpdateIdentity(w.ctx, suspended, model.Effects{}))
	w.ok(w.StopAdmin(w.ctx, stopped(one), model.Effects{}))
	w.ok(w.StopAdmin(w.ctx, stopped(none), model.Effects{}))
	same(w, got(w.Identity(w.ctx, one.RealmID, one.ID)).AdminSince, 0)
}

func checkStopEachOther(w *world) {
	two := []model.Identity{w.admin("one"), w.admin("two")}
	done := make(chan error, len(two))
	for _, i := range two {
		go func() {
			i.AdminSince = 0
			done <- w.StopAdmin(w.ctx, i, model.Effects{})
		}()
	}
	manyWin(w, []error{<-done, <-done}, 1, model.ErrConflict)
}

func checkDelete(w *world) {
	bob := w.person("bob")
	key := newPasskey(bob)
	job := w.job(bob)
	c := completion(job, key)
	w.ok(w.CompleteBinding(w.ctx, c, model.Effects{}))
	group, role := newGroup(bob.RealmID, "staff"), newRole(bob.RealmID, "clerk")
	w.ok(w.CreateGroup(w.ctx, group, model.Effects{}))
	w.ok(w.CreateRole(w.ctx, role, model.Effects{}))
	w.ok(w.AddGroupMember(w.ctx, member(bob.RealmID, string(group.ID), string(bob.ID)), model.Effects{}))
	w.ok(w.AddRoleMember(w.ctx, member(bob.RealmID, string(role.ID), string(bob.ID)), model.Effects{}))
	w.ok(w.SetPassword(w.ctx, model.Password{RealmID: bob.RealmID, IdentityID: bob.ID, Hash: "h", SetAt: start}, model.Effects{}))
	w.ok(w.AddConsents(w.ctx, []model.Consent{{RealmID: bob.RealmID, IdentityID: bob.ID, ApplicationID: w.home.app.ID, Item: "scope a", At: start}}, model.Effects{}))
	bob = w.suspend(bob)
	w.ok(w.DeleteIdentity(w.ctx, removal(bob), model.Effects{Events: []model.Event{newEvent(bob.RealmID, "identity.deleted")}}))

	same(w, len(got(w.Passkeys(w.ctx, bob.RealmID, bob.ID))), 0)
	same(w, len(got(w.GroupMembers(w.ctx, directory.MemberQuery{RealmID: bob.RealmID, Of: string(group.ID), Limit: 9}))), 0)
	same(w, len(got(w.RoleMembers(w.ctx, directory.MemberQuery{RealmID: bob.RealmID, Of: string(role.ID), Limit: 9}))), 0)
	same(w, len(got(w.Consents(w.ctx, bob.RealmID, bob.ID, w.home.app.ID))), 0)
	_, err := w.Password(w.ctx, bob.RealmID, bob.ID)
	w.refused(err, model.ErrNotFound)
	_, err = w.BindingJobByToken(w.ctx, job.RealmID, job.TokenDigest)
	w.refused(err, model.ErrNotFound)
	_, _, err = w.SessionWithIdentity(w.ctx, bob.RealmID, c.Session.Digest)
	w.refused(err, model.ErrNotFound)
	// Until its time is over it says that it ended, and nothing of the browser.
	ended := got(w.SessionByDigest(w.ctx, bob.RealmID, c.Session.Digest))
	same(w, []any{ended.EndedAt, ended.UserAgent}, []any{start + 100, ""})
	// Nobody else lost anything.
	same(w, len(got(w.Passkeys(w.ctx, bob.RealmID, w.home.person.ID))), 1)
}

func checkGoneGetNothing(w *world) {
	bob := w.person("bob")
	place := w.home
	place.person = bob
	decided := w.ask(place)
	w.ok(w.EndApproval(w.ctx, ending(decided, model.ApprovalApproved), model.Effects{}))
	refreshed := w.opened(place.grant())
	bob = w.suspend(bob)
	w.ok(w.DeleteIdentity(w.ctx, removal(bob), model.Effects{}))

	w.refused(w.OpenGrant(w.ctx, oauth.Opening{Grant: place.grant(), Decided: start + 500}, model.Effects{}), model.ErrConflict)
	w.refused(w.FulfilApproval(w.ctx, grantOf(decided), start.Add(2*time.Minute), model.Effects{}), model.ErrConflict)
	gone := got(w.RevokeGrants(w.ctx, oauth.GrantQuery{RealmID: bob.RealmID, IdentityID: bob.ID, At: start + 600, Until: start + 900}, model.Effects{}))
	same(w, []model.GrantID{gone[0].ID}, []model.GrantID{refreshed.ID})
	w.refused(w.RefreshGrant(w.ctx, refreshing(refreshed, 1), model.Effects{}), model.ErrConflict)
}
