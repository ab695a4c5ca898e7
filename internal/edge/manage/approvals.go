package manage

import (
	"context"
	"net/http"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/standin"
)

// StandIn answers for people of development realms.
type StandIn interface {
	Bind(ctx context.Context, site *model.Site, id model.IdentityID, actor string) (model.Passkey, error)
	Answer(context.Context, *model.Site, standin.Answer) (model.Approval, error)
}

// ApprovalDecision is how to answer.
type ApprovalDecision struct {
	Decision string `json:"decision" enum:"approve,deny"`
}

// Approval is one that has ended.
type Approval struct {
	ID          string `json:"id"`
	TenantID    string `json:"tenant_id"`
	RealmID     string `json:"realm_id"`
	State       string `json:"state"`
	EvidenceURL string `json:"evidence_url"`
}

// ApprovalAnswer is an approval that was answered.
type ApprovalAnswer struct {
	Approval Approval `json:"approval"`
}

type (
	answerIn struct {
		Target
		Approval string `path:"approval_id" doc:"Id of the approval." example:"apr_01kagxw5z2fqksqpwmbxgb0r9n"`
		Body     ApprovalDecision
	}
	answerOut struct{ Body ApprovalAnswer }
)

func (a *API) approvals() {
	a.describe(map[string]string{
		"ApprovalDecision": "How to answer.", "decision": "Yes or no, to exactly what was asked.", "Approval": "An approval that has ended.",
		"Approval.state": "approved or denied.", "evidence_url": "Where the evidence is, for the program that asked and the person.",
		"ApprovalAnswer": "An approval that was answered.", "approval": "The approval.",
	})
	const id = "apr_01kagxw5z2fqksqpwmbxgb0r9n"
	add(a, operation{id: "answerApproval", method: http.MethodPost, path: "/approvals/{approval_id}/answer", tag: "Approvals", scope: ApprovalsUpdate,
		summary: "Answer an approval with a software passkey (development realms)",
		about: "Signs exactly the statement that the person would be shown, as it was asked, with the software passkey that the server keeps of the person, and " +
			"decides with it under all checks that an answer from a browser goes through. In a realm that is not for development this does not exist.",
		refusals: []string{"already_ended", "decision_invalid", "passkey_invalid", "no_software_passkey", "not_allowed", "expired"},
		takes:    ApprovalDecision{Decision: "approve"},
		gives: ApprovalAnswer{Approval{ID: id, TenantID: exampleTenant, RealmID: exampleRealm, State: "approved",
			EvidenceURL: "https://id.example.com/v1/approvals/" + id + "/evidence"}}},
		a.answer)
}

func (a *API) answer(ctx context.Context, c call, in *answerIn) (*answerOut, error) {
	if !ids.Valid("apr", in.Approval) {
		return nil, model.ErrNotFound
	}
	done, err := a.cfg.StandIn.Answer(ctx, c.site, standin.Answer{Approval: model.ApprovalID(in.Approval), Decision: in.Body.Decision, Actor: c.actor})
	if err != nil {
		return nil, err
	}
	return &answerOut{Body: ApprovalAnswer{Approval{ID: in.Approval, TenantID: string(c.site.Realm.TenantID), RealmID: string(c.site.Realm.ID), State: string(done.State),
		EvidenceURL: c.site.Issuer + "/v1/approvals/" + in.Approval + "/evidence"}}}, nil
}
