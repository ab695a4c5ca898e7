package manage

import (
	"context"
	"net/http"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/standin"
)

// ApprovalAnswer is how to answer.
type ApprovalAnswer struct {
	Decision string `json:"decision" enum:"approve,deny"`
}

// ApprovalAnswered is an approval that has ended.
type ApprovalAnswered struct {
	ID          string `json:"id"`
	State       string `json:"state"`
	EvidenceURL string `json:"evidence_url"`
}

type (
	answerIn struct {
		Target
		Approval string `path:"approval_id" doc:"Id of the approval." example:"apr_01kagxw5z2fqksqpwmbxgb0r9n"`
		Body     ApprovalAnswer
	}
	answerOut struct{ Body ApprovalAnswered }
)

func (a *API) approvals() {
	const id = "apr_01kagxw5z2fqksqpwmbxgb0r9n"
	add(a, operation{id: "answerApproval", method: http.MethodPost, path: "/approvals/{approval_id}/answer", tag: "Approvals", scope: ApprovalsUpdate,
		summary: "Answer an approval with a software passkey (development realms)",
		about: "Signs exactly the statement that the person would be shown, as it was asked, with the software passkey that the server keeps of the person, and " +
			"decides with it under all checks that an answer from a browser goes through. In a realm that is not for development this does not exist.",
		refusals: []int{http.StatusConflict, http.StatusGone},
		takes:    ApprovalAnswer{Decision: "approve"},
		gives:    ApprovalAnswered{ID: id, State: "approved", EvidenceURL: "https://id.example.com/v1/approvals/" + id + "/evidence"}},
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
	return &answerOut{Body: ApprovalAnswered{ID: in.Approval, State: string(done.State),
		EvidenceURL: c.site.Issuer + "/v1/approvals/" + in.Approval + "/evidence"}}, nil
}
