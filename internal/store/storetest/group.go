package storetest

import (
	"fmt"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/directory"
)

func newGroup(realm model.RealmID, name string) model.Group {
	return model.Group{RealmID: realm, ID: model.GroupID(ids.New("grp")), Name: name, Description: "those of " + name,
		CreatedAt: start, UpdatedAt: start, Version: 1}
}

const resource = "https://api.example.org"

func newRole(realm model.RealmID, name string) model.Role {
	return model.Role{RealmID: realm, ID: model.RoleID(ids.New("rol")), Resource: resource, Name: name,
		CreatedAt: start, UpdatedAt: start, Version: 1}
}

func member(realm model.RealmID, of, who string) directory.Membership {
	return directory.Membership{RealmID: realm, Of: of, Member: who, At: start + 3}
}

var groupPromises = []promise{
	{"AGroupComesBackAsWritten", func(w *world) {
		g := newGroup(w.home.realm.ID, "Staff")
		w.ok(w.CreateGroup(w.ctx, g, model.Effects{}))
		same(w, got(w.Group(w.ctx, g.RealmID, g.ID)), g)
		_, err := w.Group(w.ctx, w.away.realm.ID, g.ID)
		w.refused(err, model.ErrNotFound)
	}},
	{"ANameIsOneGroupsIgnoringCaseInItsRealmAlone", func(w *world) {
		g, other := newGroup(w.home.realm.ID, "Staff"), newGroup(w.home.realm.ID, "Guests")
		w.ok(w.CreateGroup(w.ctx, g, model.Effects{}))
		w.ok(w.CreateGroup(w.ctx, other, model.Effects{}))
		w.refused(w.CreateGroup(w.ctx, newGroup(w.home.realm.ID, "STAFF"), model.Effects{}), model.ErrConflict)
		w.ok(w.CreateGroup(w.ctx, newGroup(w.away.realm.ID, "staff"), model.Effects{}))
		other.Name = "staff"
		w.refused(w.UpdateGroup(w.ctx, other, model.Effects{}), model.ErrConflict)
		same(w, got(w.Groups(w.ctx, g.RealmID, directory.GroupQuery{Name: "staff", Limit: 9})), []model.Group{g})
	}},
	{"AnUpdateOfAGroupNeedsItsVersion", func(w *world) {
		g := newGroup(w.home.realm.ID, "Staff")
		w.ok(w.CreateGroup(w.ctx, g, model.Effects{}))
		g.Name, g.Description, g.UpdatedAt = "Crew", "", start+4
		w.ok(w.UpdateGroup(w.ctx, g, model.Effects{}))
		w.refused(w.UpdateGroup(w.ctx, g, model.Effects{}), model.ErrConflict)
		g.Version = 2
		same(w, got(w.Group(w.ctx, g.RealmID, g.ID)), g)
	}},
	{"MembersComeOnceInTheOrderOfTheirIds", checkMembers},
	{"ADeletedGroupIsInNothing", func(w *world) {
		g, r := newGroup(w.home.realm.ID, "staff"), newRole(w.home.realm.ID, "clerk")
		w.ok(w.CreateGroup(w.ctx, g, model.Effects{}))
		w.ok(w.CreateRole(w.ctx, r, model.Effects{}))
		w.ok(w.AddGroupMember(w.ctx, member(g.RealmID, string(g.ID), string(w.home.person.ID)), model.Effects{}))
		w.ok(w.AddRoleMember(w.ctx, member(g.RealmID, string(r.ID), string(g.ID)), model.Effects{}))
		stale := g
		stale.Version = 9
		w.refused(w.DeleteGroup(w.ctx, stale, model.Effects{}), model.ErrConflict)
		w.ok(w.DeleteGroup(w.ctx, g, model.Effects{}))
		w.refused(w.DeleteGroup(w.ctx, g, model.Effects{}), model.ErrNotFound)
		of := directory.RolesOf{RealmID: g.RealmID, Identity: w.home.person.ID, Resource: resource}
		same(w, len(got(w.RoleNames(w.ctx, of, 9))), 0)
		same(w, len(got(w.RoleMembers(w.ctx, directory.MemberQuery{RealmID: g.RealmID, Of: string(r.ID), Limit: 9}))), 0)
	}},
}

func checkMembers(w *world) {
	g := newGroup(w.home.realm.ID, "staff")
	w.ok(w.CreateGroup(w.ctx, g, model.Effects{}))
	bob := w.person("bob")
	events := model.Effects{Events: []model.Event{newEvent(g.RealmID, "group.member_added")}}
	for _, i := range []model.Identity{bob, w.home.person} {
		w.ok(w.AddGroupMember(w.ctx, member(g.RealmID, string(g.ID), string(i.ID)), model.Effects{}))
	}
	// Again: nothing happens, and nothing is noted.
	w.ok(w.AddGroupMember(w.ctx, member(g.RealmID, string(g.ID), string(bob.ID)), events))
	same(w, len(got(w.Events(w.ctx, g.RealmID, "", 100))), 0)
	q := directory.MemberQuery{RealmID: g.RealmID, Of: string(g.ID), Limit: 1}
	same(w, got(w.GroupMembers(w.ctx, q)), []directory.Member{{ID: string(w.home.person.ID), Name: "alice", At: start + 3}})
	q.After = string(w.home.person.ID)
	same(w, got(w.GroupMembers(w.ctx, q)), []directory.Member{{ID: string(bob.ID), Name: "bob", At: start + 3}})
	same(w, got(w.Groups(w.ctx, g.RealmID, directory.GroupQuery{Member: bob.ID, Limit: 9})), []model.Group{g})

	w.refused(w.AddGroupMember(w.ctx, member(g.RealmID, string(g.ID), string(w.away.person.ID)), model.Effects{}), model.ErrNotFound)
	w.refused(w.AddGroupMember(w.ctx, member(w.away.realm.ID, string(g.ID), string(w.away.person.ID)), model.Effects{}), model.ErrNotFound)
	w.refused(w.RemoveGroupMember(w.ctx, member(w.away.realm.ID, string(g.ID), string(bob.ID)), model.Effects{}), model.ErrNotFound)
	w.ok(w.RemoveGroupMember(w.ctx, member(g.RealmID, string(g.ID), string(bob.ID)), model.Effects{}))
	w.refused(w.RemoveGroupMember(w.ctx, member(g.RealmID, string(g.ID), string(bob.ID)), model.Effects{}), model.ErrNotFound)
}

var rolePromises = []promise{
	{"ARoleComesBackAsWrittenAndItsNameIsOneAtItsResource", func(w *world) {
		r := newRole(w.home.realm.ID, "clerk")
		w.ok(w.CreateRole(w.ctx, r, model.Effects{}))
		same(w, got(w.Role(w.ctx, r.RealmID, r.ID)), r)
		w.refused(w.CreateRole(w.ctx, newRole(r.RealmID, "clerk"), model.Effects{}), model.ErrConflict)
		elsewhere := newRole(r.RealmID, "clerk")
		elsewhere.Resource = "https://other.example.org"
		w.ok(w.CreateRole(w.ctx, elsewhere, model.Effects{}))
		w.ok(w.CreateRole(w.ctx, newRole(w.away.realm.ID, "clerk"), model.Effects{}))
		same(w, got(w.Roles(w.ctx, r.RealmID, directory.RoleQuery{Resource: resource, Limit: 9})), []model.Role{r})
		same(w, got(w.Roles(w.ctx, r.RealmID, directory.RoleQuery{Limit: 9})), []model.Role{r, elsewhere})
		same(w, len(got(w.ResourcesWithRoles(w.ctx, r.RealmID))), 2)
	}},
	{"AnUpdateOfARoleNeedsItsVersion", func(w *world) {
		r := newRole(w.home.realm.ID, "clerk")
		w.ok(w.CreateRole(w.ctx, r, model.Effects{}))
		r.Name, r.Description, r.UpdatedAt = "boss", "signs", start+4
		w.ok(w.UpdateRole(w.ctx, r, model.Effects{}))
		w.refused(w.UpdateRole(w.ctx, r, model.Effects{}), model.ErrConflict)
		r.Version = 2
		same(w, got(w.Role(w.ctx, r.RealmID, r.ID)), r)
		w.ok(w.DeleteRole(w.ctx, r, model.Effects{}))
		w.refused(w.DeleteRole(w.ctx, r, model.Effects{}), model.ErrNotFound)
	}},
	{"RolesAreGivenByThemselvesAndThroughGroups", checkRoles},
	{"ARoleIsGivenToSomebodyWhoIsThere", func(w *world) {
		r := newRole(w.home.realm.ID, "clerk")
		w.ok(w.CreateRole(w.ctx, r, model.Effects{}))
		for _, who := range []string{"idn_nobody", string(w.away.person.ID)} {
			w.refused(w.AddRoleMember(w.ctx, member(r.RealmID, string(r.ID), who), model.Effects{}), model.ErrNotFound)
		}
		w.refused(w.AddRoleMember(w.ctx, member(r.RealmID, "rol_none", string(w.home.person.ID)), model.Effects{}), model.ErrNotFound)
		w.refused(w.AddRoleMember(w.ctx, member(w.away.realm.ID, string(r.ID), string(w.away.person.ID)), model.Effects{}), model.ErrNotFound)
	}},
}

func checkRoles(w *world) {
	realm, g := w.home.realm.ID, newGroup(w.home.realm.ID, "staff")
	w.ok(w.CreateGroup(w.ctx, g, model.Effects{}))
	bob := w.person("bob")
	w.ok(w.AddGroupMember(w.ctx, member(realm, string(g.ID), string(bob.ID)), model.Effects{}))
	var roles []model.Role
	for _, name := range []string{"reader", "clerk", "boss"} {
		r := newRole(realm, name)
		w.ok(w.CreateRole(w.ctx, r, model.Effects{}))
		roles = append(roles, r)
	}
	for i, who := range []string{string(bob.ID), string(g.ID), string(bob.ID), string(g.ID)} {
		w.ok(w.AddRoleMember(w.ctx, member(realm, string(roles[[]int{0, 1, 1, 1}[i]].ID), who), model.Effects{}))
	}
	of := directory.RolesOf{RealmID: realm, Identity: bob.ID, Resource: resource}
	same(w, got(w.RoleNames(w.ctx, of, 9)), []string{"clerk", "reader"})
	same(w, got(w.RoleNames(w.ctx, of, 1)), []string{"clerk"})
	same(w, got(w.Roles(w.ctx, realm, directory.RoleQuery{Member: bob.ID, Limit: 9})), roles[:2])
	same(w, got(w.Roles(w.ctx, realm, directory.RoleQuery{Member: bob.ID, After: roles[0].ID, Limit: 9})), roles[1:2])
	q := directory.MemberQuery{RealmID: realm, Of: string(roles[1].ID), Limit: 9}
	same(w, got(w.RoleMembers(w.ctx, q)), []directory.Member{{ID: string(g.ID), Name: "staff", At: start + 3}, {ID: string(bob.ID), Name: "bob", At: start + 3}})
	for _, other := range []directory.RolesOf{{RealmID: realm, Identity: w.home.person.ID, Resource: resource},
		{RealmID: realm, Identity: bob.ID, Resource: "https://other.example.org"}, {RealmID: w.away.realm.ID, Identity: bob.ID, Resource: resource}} {
		w.Log(fmt.Sprint(other))
		same(w, len(got(w.RoleNames(w.ctx, other, 9))), 0)
	}
	w.ok(w.RemoveRoleMember(w.ctx, member(realm, string(roles[0].ID), string(bob.ID)), model.Effects{}))
	w.refused(w.RemoveRoleMember(w.ctx, member(realm, string(roles[0].ID), string(bob.ID)), model.Effects{}), model.ErrNotFound)
	w.ok(w.RemoveGroupMember(w.ctx, member(realm, string(g.ID), string(bob.ID)), model.Effects{}))
	same(w, got(w.RoleNames(w.ctx, of, 9)), []string{"clerk"})
}
