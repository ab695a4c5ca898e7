package store

import (
	"context"
	"errors"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/directory"
)

const (
	insertRoleSQL = `
INSERT INTO resource_role (realm_id, id, resource, name, description, created_at, updated_at, version)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`

	roleColumns = `
SELECT realm_id, id, resource, name, description, created_at, updated_at, version FROM resource_role`
	roleSQL            = roleColumns + ` WHERE realm_id = $1 AND id = $2`
	rolesSQL           = roleColumns + ` WHERE realm_id = $1 AND id > $2 ORDER BY id LIMIT $3`
	rolesOfResourceSQL = roleColumns + ` WHERE realm_id || '' = $1 AND resource = $3 AND id > $2 ORDER BY id LIMIT $4`

	// rolesOf is what somebody was given, by themselves or through a group.
	rolesOf = `(
  SELECT role_id FROM role_member WHERE realm_id || '' = $1 AND member_id = $2
  UNION
  SELECT r.role_id FROM group_member g JOIN role_member r ON r.realm_id || '' = g.realm_id AND r.member_id = g.group_id
  WHERE g.realm_id || '' = $1 AND g.identity_id = $2)`
	rolesOfMemberSQL = roleColumns + ` WHERE realm_id = $1 AND id IN ` + rolesOf + ` AND id > $3
  AND ($4 = '' OR resource = $4) ORDER BY id LIMIT $5`
	roleNamesSQL = `
SELECT name FROM resource_role WHERE realm_id = $1 AND id IN ` + rolesOf + ` AND resource = $3 ORDER BY name LIMIT $4`

	resourcesWithRolesSQL = `SELECT DISTINCT resource FROM resource_role WHERE realm_id = $1`

	updateRoleSQL = `
UPDATE resource_role SET name = $4, description = $5, updated_at = $6, version = version + 1
WHERE realm_id = $1 AND id = $2 AND version = $3`

	takeRoleSQL = `
UPDATE resource_role SET version = version + 1 WHERE realm_id = $1 AND id = $2 AND ($3 = 0 OR version = $3)`
)

func scanRole(r row) model.Role {
	return model.Role{RealmID: model.RealmID(r.text()), ID: model.RoleID(r.text()), Resource: r.text(), Name: r.text(),
		Description: r.text(), CreatedAt: millis(r), UpdatedAt: millis(r), Version: r.int()}
}

// CreateRole implements the directory service's store.
func (s *Store) CreateRole(ctx context.Context, r model.Role, fx model.Effects) error {
	var u unit
	u.do(insertRoleSQL, r.RealmID, r.ID, r.Resource, r.Name, r.Description, r.CreatedAt, r.UpdatedAt, r.Version)
	return wrap(s.write(ctx, &u, fx), "create role", r.ID)
}

// Role implements the directory service's store.
func (s *Store) Role(ctx context.Context, realm model.RealmID, id model.RoleID) (model.Role, error) {
	r, err := readOne(ctx, s, scanRole, roleSQL, realm, string(id))
	return r, wrap(err, "read role", id)
}

// Roles implements the directory service's store.
func (s *Store) Roles(ctx context.Context, realm model.RealmID, q directory.RoleQuery) ([]model.Role, error) {
	sql, args := rolesSQL, []any{realm, string(q.After), q.Limit}
	switch {
	case q.Member != "":
		sql, args = rolesOfMemberSQL, []any{realm, q.Member, string(q.After), q.Resource, q.Limit}
	case q.Resource != "":
		sql, args = rolesOfResourceSQL, []any{realm, string(q.After), q.Resource, q.Limit}
	}
	list, err := readAll(ctx, s, scanRole, sql, args...)
	return list, wrap(err, "list roles of realm", realm)
}

// RoleNames implements the directory service's store.
func (s *Store) RoleNames(ctx context.Context, of directory.RolesOf, limit int) ([]string, error) {
	names, err := readAll(ctx, s, row.text, roleNamesSQL, of.RealmID, of.Identity, of.Resource, limit)
	return names, wrap(err, "list the roles of identity", of.Identity)
}

// ResourcesWithRoles implements the directory service's store.
func (s *Store) ResourcesWithRoles(ctx context.Context, realm model.RealmID) ([]string, error) {
	list, err := readAll(ctx, s, row.text, resourcesWithRolesSQL, realm)
	return list, wrap(err, "list resource servers with roles of realm", realm)
}

// UpdateRole implements the directory service's store.
func (s *Store) UpdateRole(ctx context.Context, r model.Role, fx model.Effects) error {
	var u unit
	u.expect(model.ErrConflict, updateRoleSQL, r.RealmID, r.ID, r.Version, r.Name, r.Description, r.UpdatedAt)
	u.locks(lockRow, string(r.ID))
	return wrap(s.write(ctx, &u, fx), "update role", r.ID)
}

// DeleteRole implements the directory service's store.
func (s *Store) DeleteRole(ctx context.Context, r model.Role, fx model.Effects) error {
	err := s.remove(ctx, removal{realm: r.RealmID, id: string(r.ID), version: r.Version, take: takeRoleSQL, all: []string{
		`DELETE FROM role_member WHERE realm_id = $1 AND role_id = $2`,
		`DELETE FROM resource_role WHERE realm_id = $1 AND id = $2`,
	}, lives: `SELECT id FROM resource_role WHERE realm_id = $1 AND id = $2`}, fx)
	return wrap(err, "delete role", r.ID)
}

const (
	addRoleMemberSQL = `
INSERT INTO role_member (realm_id, role_id, member_id, at)
SELECT $1, $2, $3, $4 WHERE EXISTS (SELECT 1 FROM identity WHERE realm_id = $1 AND id = $3)
  OR EXISTS (SELECT 1 FROM people_group WHERE realm_id = $1 AND id = $3)
ON CONFLICT (realm_id, role_id, member_id) DO NOTHING`
	roleMemberSQL       = `SELECT member_id FROM role_member WHERE realm_id = $1 AND role_id = $2 AND member_id = $3`
	removeRoleMemberSQL = `DELETE FROM role_member WHERE realm_id = $1 AND role_id = $2 AND member_id = $3`

	// Who went at the very moment that a role was given to them is not listed.
	roleMembersSQL = `
SELECT m.member_id, coalesce(i.display_name, g.name), m.at
FROM role_member m
LEFT JOIN identity i ON i.realm_id = m.realm_id AND i.id = m.member_id
LEFT JOIN people_group g ON g.realm_id = m.realm_id AND g.id = m.member_id
WHERE m.realm_id = $1 AND m.role_id = $2 AND m.member_id > $3 AND (i.id IS NOT NULL OR g.id IS NOT NULL)
ORDER BY m.member_id LIMIT $4`
)

// AddRoleMember implements the directory service's store.
func (s *Store) AddRoleMember(ctx context.Context, m directory.Membership, fx model.Effects) error {
	var u unit
	u.expect(errMemberAlready, addRoleMemberSQL, m.RealmID, m.Of, m.Member, m.At)
	err := s.write(ctx, &u, fx)
	if errors.Is(err, errMemberAlready) { // or nobody to be one
		_, err = readOne(ctx, s, row.text, roleMemberSQL, m.RealmID, m.Of, m.Member)
	}
	return wrap(err, "give role", m.Of)
}

// RemoveRoleMember implements the directory service's store.
func (s *Store) RemoveRoleMember(ctx context.Context, m directory.Membership, fx model.Effects) error {
	var u unit
	u.expect(model.ErrNotFound, removeRoleMemberSQL, m.RealmID, m.Of, m.Member)
	u.locks(lockRow, m.Of+" "+m.Member)
	return wrap(s.write(ctx, &u, fx), "take role", m.Of)
}

// RoleMembers implements the directory service's store.
func (s *Store) RoleMembers(ctx context.Context, q directory.MemberQuery) ([]directory.Member, error) {
	list, err := readAll(ctx, s, scanMember, roleMembersSQL, q.RealmID, q.Of, q.After, q.Limit)
	return list, wrap(err, "list who has role", q.Of)
}
