package store

import (
	"context"
	"errors"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/directory"
)

const (
	insertGroupSQL = `
INSERT INTO people_group (realm_id, id, name, folded, description, created_at, updated_at, version)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`

	groupColumns = `
SELECT realm_id, id, name, description, created_at, updated_at, version FROM people_group`
	groupSQL       = groupColumns + ` WHERE realm_id = $1 AND id = $2`
	groupsSQL      = groupColumns + ` WHERE realm_id = $1 AND id > $2 ORDER BY id LIMIT $3`
	groupByNameSQL = groupColumns + ` WHERE realm_id || '' = $1 AND id > $2 AND folded = $3 ORDER BY id LIMIT $4`
	groupsOfSQL    = `
SELECT g.realm_id, g.id, g.name, g.description, g.created_at, g.updated_at, g.version
FROM group_member m JOIN people_group g ON g.realm_id = m.realm_id AND g.id = m.group_id
WHERE m.realm_id || '' = $1 AND m.identity_id = $3 AND m.group_id > $2 AND ($4 = '' OR g.folded = $4)
ORDER BY m.group_id LIMIT $5`

	updateGroupSQL = `
UPDATE people_group SET name = $4, folded = $5, description = $6, updated_at = $7, version = version + 1
WHERE realm_id = $1 AND id = $2 AND version = $3`

	takeGroupSQL = `
UPDATE people_group SET version = version + 1 WHERE realm_id = $1 AND id = $2 AND ($3 = 0 OR version = $3)`
)

func scanGroup(r row) model.Group {
	return model.Group{RealmID: model.RealmID(r.text()), ID: model.GroupID(r.text()), Name: r.text(), Description: r.text(),
		CreatedAt: millis(r), UpdatedAt: millis(r), Version: r.int()}
}

// CreateGroup implements the directory service's store.
func (s *Store) CreateGroup(ctx context.Context, g model.Group, fx model.Effects) error {
	var u unit
	u.do(insertGroupSQL, g.RealmID, g.ID, g.Name, model.FoldName(g.Name), g.Description, g.CreatedAt, g.UpdatedAt, g.Version)
	return wrap(s.write(ctx, &u, fx), "create group", g.ID)
}

// Group implements the directory service's store.
func (s *Store) Group(ctx context.Context, realm model.RealmID, id model.GroupID) (model.Group, error) {
	g, err := readOne(ctx, s, scanGroup, groupSQL, realm, string(id))
	return g, wrap(err, "read group", id)
}

// Groups implements the directory service's store.
func (s *Store) Groups(ctx context.Context, realm model.RealmID, q directory.GroupQuery) ([]model.Group, error) {
	sql, args := groupsSQL, []any{realm, string(q.After), q.Limit}
	switch {
	case q.Member != "":
		sql, args = groupsOfSQL, []any{realm, string(q.After), q.Member, q.Name, q.Limit}
	case q.Name != "":
		sql, args = groupByNameSQL, []any{realm, string(q.After), q.Name, q.Limit}
	}
	list, err := readAll(ctx, s, scanGroup, sql, args...)
	return list, wrap(err, "list groups of realm", realm)
}

// UpdateGroup implements the directory service's store.
func (s *Store) UpdateGroup(ctx context.Context, g model.Group, fx model.Effects) error {
	var u unit
	u.expect(model.ErrConflict, updateGroupSQL, g.RealmID, g.ID, g.Version, g.Name, model.FoldName(g.Name), g.Description, g.UpdatedAt)
	u.locks(lockRow, string(g.ID))
	return wrap(s.write(ctx, &u, fx), "update group", g.ID)
}

// DeleteGroup implements the directory service's store.
func (s *Store) DeleteGroup(ctx context.Context, g model.Group, fx model.Effects) error {
	err := s.remove(ctx, removal{realm: g.RealmID, id: string(g.ID), version: g.Version, take: takeGroupSQL, all: []string{
		`DELETE FROM group_member WHERE realm_id = $1 AND group_id = $2`,
		`DELETE FROM role_member WHERE realm_id = $1 AND member_id = $2`,
		`DELETE FROM people_group WHERE realm_id = $1 AND id = $2`,
	}, lives: `SELECT id FROM people_group WHERE realm_id = $1 AND id = $2`}, fx)
	return wrap(err, "delete group", g.ID)
}

// A removal takes a version of something away, with what hangs on it.
type removal struct {
	realm   model.RealmID
	id      string
	version int64
	take    string   // locks the row in that version
	all     []string // take away what hangs on it, and itself
	lives   string   // reads whether it is there
}

// remove returns model.ErrConflict for another version, and model.ErrNotFound.
func (s *Store) remove(ctx context.Context, m removal, fx model.Effects) error {
	u := unit{alone: true}
	u.expect(model.ErrConflict, m.take, m.realm, m.id, m.version)
	u.locks(lockRow, m.id)
	for _, sql := range m.all {
		u.do(sql, m.realm, m.id)
	}
	return s.lostOrMissing(ctx, s.write(ctx, &u, fx), m.lives, m.realm, m.id)
}

const (
	addGroupMemberSQL = `
INSERT INTO group_member (realm_id, group_id, identity_id, at) VALUES ($1, $2, $3, $4)
ON CONFLICT (realm_id, group_id, identity_id) DO NOTHING`
	removeGroupMemberSQL = `DELETE FROM group_member WHERE realm_id = $1 AND group_id = $2 AND identity_id = $3`

	groupMembersSQL = `
SELECT m.identity_id, i.display_name, m.at
FROM group_member m JOIN identity i ON i.realm_id = m.realm_id AND i.id = m.identity_id
WHERE m.realm_id = $1 AND m.group_id = $2 AND m.identity_id > $3 ORDER BY m.identity_id LIMIT $4`
)

var errMemberAlready = errors.New("a member already")

// AddGroupMember implements the directory service's store.
func (s *Store) AddGroupMember(ctx context.Context, m directory.Membership, fx model.Effects) error {
	var u unit
	u.expect(errMemberAlready, addGroupMemberSQL, m.RealmID, m.Of, m.Member, m.At)
	err := s.write(ctx, &u, fx)
	if errors.Is(err, errMemberAlready) {
		return nil
	}
	return wrap(err, "add a member to group", m.Of)
}

// RemoveGroupMember implements the directory service's store.
func (s *Store) RemoveGroupMember(ctx context.Context, m directory.Membership, fx model.Effects) error {
	var u unit
	u.expect(model.ErrNotFound, removeGroupMemberSQL, m.RealmID, m.Of, m.Member)
	u.locks(lockRow, m.Of+" "+m.Member)
	return wrap(s.write(ctx, &u, fx), "remove a member of group", m.Of)
}

func scanMember(r row) directory.Member {
	return directory.Member{ID: r.text(), Name: r.text(), At: millis(r)}
}

// GroupMembers implements the directory service's store.
func (s *Store) GroupMembers(ctx context.Context, q directory.MemberQuery) ([]directory.Member, error) {
	list, err := readAll(ctx, s, scanMember, groupMembersSQL, q.RealmID, q.Of, q.After, q.Limit)
	return list, wrap(err, "list the members of group", q.Of)
}
