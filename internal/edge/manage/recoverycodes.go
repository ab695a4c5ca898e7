package manage

import (
	"context"
	"net/http"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
)

// RecoveryCodes says what recovery codes a person has. The codes themselves are
// for their eyes alone, once.
type RecoveryCodes struct {
	IdentityID string `json:"identity_id" doc:"Id of the identity." example:"idn_01kagxw5z0e9y8mpp6wknfsb2r"`
	Left       int    `json:"left" doc:"How many are unused." example:"9"`
	Total      int    `json:"total" doc:"How many were made; 0: the person has none." example:"10"`
	CreateTime string `json:"create_time,omitempty" doc:"When they were made (RFC 3339)." example:"2026-11-20T12:00:00.000Z"`
}

type (
	// RecoveryCodesAnswer is that of one person.
	RecoveryCodesAnswer struct {
		Codes RecoveryCodes `json:"recovery_codes" doc:"The person's recovery codes."`
	}
	recoveryCodesOut struct{ Body RecoveryCodesAnswer }
)

const recoveryCodesPath = "/identities/{identity_id}/recovery-codes"

func (a *API) recoveryCodes() {
	a.describe(map[string]string{
		"RecoveryCodes":       "What recovery codes a person has.",
		"RecoveryCodesAnswer": "What recovery codes a person has.",
	})
	add(a, operation{id: "getRecoveryCodes", method: http.MethodGet, path: recoveryCodesPath, tag: "Recovery codes", scope: RecoveryRead,
		summary: "Read how many recovery codes a person has", about: "Never the codes: people make them on their account page and see them once.",
		gives: RecoveryCodesAnswer{RecoveryCodes{exampleIdentity, 9, 10, exampleTime}}},
		func(ctx context.Context, c call, in *personIn) (*recoveryCodesOut, error) {
			who, err := a.whose(ctx, c, in.Person)
			if err != nil {
				return nil, err
			}
			s, err := a.cfg.Invitations.RecoveryCodes(ctx, c.site, who)
			return &recoveryCodesOut{RecoveryCodesAnswer{RecoveryCodes{in.Identity, s.Left, s.Total, instant(s.CreatedAt)}}}, err
		})
	addWayIn(a, operation{id: "removeRecoveryCodes", method: http.MethodDelete, path: recoveryCodesPath, tag: "Recovery codes", scope: RecoveryDelete,
		status: http.StatusNoContent, summary: "Take a person's recovery codes away", about: "None of them works any more."},
		func(ctx context.Context, c call, in *personIn) (*nothing, error) {
			if !ids.Valid("idn", in.Identity) {
				return nil, model.ErrNotFound
			}
			return &nothing{}, a.cfg.Invitations.RemoveRecoveryCodes(ctx, c.site, model.IdentityID(in.Identity), c.actor)
		})
}
