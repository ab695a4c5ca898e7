package manage

import "slices"

// A Scope lets a caller do one kind of thing to one kind of resource.
type Scope string

// The scopes: {resource}:{create|read|update|delete}.
const (
	TenantsCreate              Scope = "tenants:create"
	TenantsRead                Scope = "tenants:read"
	TenantsUpdate              Scope = "tenants:update"
	TenantsDelete              Scope = "tenants:delete"
	RealmsCreate               Scope = "realms:create"
	RealmsRead                 Scope = "realms:read"
	RealmsUpdate               Scope = "realms:update"
	RealmsDelete               Scope = "realms:delete"
	SigningKeysRead            Scope = "signing-keys:read"
	SigningKeysUpdate          Scope = "signing-keys:update"
	ApplicationsCreate         Scope = "applications:create"
	ApplicationsRead           Scope = "applications:read"
	ApplicationsUpdate         Scope = "applications:update"
	ApplicationsDelete         Scope = "applications:delete"
	ServiceClientsCreate       Scope = "service-clients:create"
	ServiceClientsRead         Scope = "service-clients:read"
	ServiceClientsUpdate       Scope = "service-clients:update"
	ServiceClientsDelete       Scope = "service-clients:delete"
	AuthenticatorConfigsCreate Scope = "authenticator-configs:create"
	AuthenticatorConfigsRead   Scope = "authenticator-configs:read"
	AuthenticatorConfigsUpdate Scope = "authenticator-configs:update"
	AuthenticatorConfigsDelete Scope = "authenticator-configs:delete"
	IdentitiesCreate           Scope = "identities:create"
	IdentitiesRead             Scope = "identities:read"
	IdentitiesUpdate           Scope = "identities:update"
	IdentitiesDelete           Scope = "identities:delete"
	AdminsCreate               Scope = "admins:create"
	AdminsRead                 Scope = "admins:read"
	AdminsDelete               Scope = "admins:delete"
	GroupsCreate               Scope = "groups:create"
	GroupsRead                 Scope = "groups:read"
	GroupsUpdate               Scope = "groups:update"
	GroupsDelete               Scope = "groups:delete"
	RolesCreate                Scope = "roles:create"
	RolesRead                  Scope = "roles:read"
	RolesUpdate                Scope = "roles:update"
	RolesDelete                Scope = "roles:delete"
	ResourceServersCreate      Scope = "resource-servers:create"
	ResourceServersRead        Scope = "resource-servers:read"
	ResourceServersUpdate      Scope = "resource-servers:update"
	ResourceServersDelete      Scope = "resource-servers:delete"
	PasskeysCreate             Scope = "passkeys:create"
	PasskeysRead               Scope = "passkeys:read"
	PasskeysUpdate             Scope = "passkeys:update"
	PasskeysDelete             Scope = "passkeys:delete"
	BindingJobsCreate          Scope = "credential-binding-jobs:create"
	BindingJobsRead            Scope = "credential-binding-jobs:read"
	BindingJobsDelete          Scope = "credential-binding-jobs:delete"
	RecoveryCreate             Scope = "recovery:create"
	RecoveryRead               Scope = "recovery:read"
	RecoveryDelete             Scope = "recovery:delete"
	PasswordsUpdate            Scope = "passwords:update"
	PasswordsDelete            Scope = "passwords:delete"
	SessionsRead               Scope = "sessions:read"
	SessionsDelete             Scope = "sessions:delete"
	GrantsRead                 Scope = "grants:read"
	GrantsDelete               Scope = "grants:delete"
	TokensDelete               Scope = "tokens:delete"
	EventsRead                 Scope = "events:read"
	ApprovalsUpdate            Scope = "approvals:update"
)

// Scopes says what each scope allows.
var Scopes = map[Scope]string{
	TenantsCreate:              "Create tenants.",
	TenantsRead:                "Read tenants.",
	TenantsUpdate:              "Rename tenants.",
	TenantsDelete:              "Delete tenants that have no realms.",
	RealmsCreate:               "Create realms.",
	RealmsRead:                 "Read realms, their policies and themes.",
	RealmsUpdate:               "Change realms, their policies and themes.",
	RealmsDelete:               "Delete realms with everything in them.",
	SigningKeysRead:            "Read the public signing keys of realms.",
	SigningKeysUpdate:          "Rotate the signing keys of realms.",
	ApplicationsCreate:         "Create applications.",
	ApplicationsRead:           "Read applications.",
	ApplicationsUpdate:         "Change applications.",
	ApplicationsDelete:         "Delete applications.",
	ServiceClientsCreate:       "Create service clients.",
	ServiceClientsRead:         "Read service clients and when their keys were used.",
	ServiceClientsUpdate:       "Change service clients, rotate and retire their keys.",
	ServiceClientsDelete:       "Delete service clients.",
	AuthenticatorConfigsCreate: "Create authenticator configs.",
	AuthenticatorConfigsRead:   "Read authenticator configs.",
	AuthenticatorConfigsUpdate: "Change authenticator configs.",
	AuthenticatorConfigsDelete: "Delete authenticator configs.",
	IdentitiesCreate:           "Create people.",
	IdentitiesRead:             "Read people.",
	IdentitiesUpdate:           "Change, suspend and activate people.",
	IdentitiesDelete:           "Delete people.",
	AdminsCreate:               "Make people admins of a realm.",
	AdminsRead:                 "Read who is an admin.",
	AdminsDelete:               "Take the admin's rights from people.",
	GroupsCreate:               "Create groups.",
	GroupsRead:                 "Read groups and their members.",
	GroupsUpdate:               "Change groups and their members.",
	GroupsDelete:               "Delete groups.",
	RolesCreate:                "Create roles.",
	RolesRead:                  "Read roles and who has them.",
	RolesUpdate:                "Change roles, give and take them.",
	RolesDelete:                "Delete roles.",
	ResourceServersCreate:      "Register resource servers.",
	ResourceServersRead:        "Read resource servers.",
	ResourceServersUpdate:      "Change resource servers.",
	ResourceServersDelete:      "Delete resource servers that have no roles.",
	PasskeysCreate:             "Give people of development realms software passkeys.",
	PasskeysRead:               "Read people's passkeys.",
	PasskeysUpdate:             "Rename people's passkeys.",
	PasskeysDelete:             "Revoke people's passkeys.",
	BindingJobsCreate:          "Invite people to bind a passkey.",
	BindingJobsRead:            "Read binding jobs.",
	BindingJobsDelete:          "Take binding links back.",
	RecoveryCreate:             "Invite people who lost their passkeys: whoever has the link needs no earlier passkey.",
	RecoveryRead:               "Read how many recovery codes people have.",
	RecoveryDelete:             "Take people's recovery codes away.",
	PasswordsUpdate:            "Set people's passwords.",
	PasswordsDelete:            "Take people's passwords away.",
	SessionsRead:               "Read people's sessions.",
	SessionsDelete:             "End people's sessions.",
	GrantsRead:                 "Read what people and applications were given.",
	GrantsDelete:               "Revoke grants.",
	TokensDelete:               "Revoke access tokens: single ones, and all of a realm, an application, a person or a grant.",
	EventsRead:                 "Read the audit trail.",
	ApprovalsUpdate:            "Answer approvals of development realms with software passkeys that the server keeps.",
}

// ScopeNames are all scopes, sorted.
func ScopeNames() []string {
	names := make([]string, 0, len(Scopes))
	for s := range Scopes {
		names = append(names, string(s))
	}
	slices.Sort(names)
	return names
}
