package manage

import (
	"context"
	"errors"
	"math"
	"net/http"
	"time"

	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/directory"
)

// maxBatchBody bounds the body of a batch, in bytes: a thousand jobs, each with a
// long URL.
const maxBatchBody = 4 << 20

// BatchJob is one job of a batch. What is wrong with it is said of it alone, so its
// members are looked at one by one.
type BatchJob struct {
	IdentityID     string  `json:"identity_id" doc:"Whom to invite." example:"idn_01kagxw5z0e9y8mpp6wknfsb2r"`
	DeliveryMethod string  `json:"delivery_method" doc:"RETURN or EMAIL, as for one job." example:"EMAIL"`
	ConfigID       string  `json:"authenticator_config_id,omitempty" doc:"As for one job." example:"acf_01kagxw5yzf0bvvq3jr0d0gckm"`
	RedirectURI    string  `json:"post_binding_redirect_uri,omitempty" doc:"As for one job." example:"https://shop.example/welcome"`
	ExpireTime     string  `json:"expire_time,omitempty" doc:"As for one job." example:"2026-11-27T12:00:00.000Z"`
	Lifetime       float64 `json:"lifetime,omitempty" doc:"As for one job." example:"604800"`
	Recovery       bool    `json:"recovery,omitempty" doc:"As for one job." example:"false"`
}

// BatchFault says why one job of a batch was not made.
type BatchFault struct {
	Code   string       `json:"code" enum:"duplicate,insufficient_scope,invalid_request,no_address,no_mail,not_allowed,not_found,server_error,too_many_mails,unavailable" doc:"What programs branch on, as of one job." example:"no_address"`
	Detail string       `json:"detail" doc:"One plain sentence." example:"This person has no e-mail address."`
	Errors []FieldError `json:"errors,omitempty" doc:"Which members are not what they must be."`
}

// BatchResult is what became of one job of a batch: credential_binding_job or error.
type BatchResult struct {
	IdentityID string                `json:"identity_id" doc:"As it was asked for." example:"idn_01kagxw5z0e9y8mpp6wknfsb2r"`
	Job        *CredentialBindingJob `json:"credential_binding_job,omitempty" doc:"The job, where it was made."`
	Link       string                `json:"credential_binding_link,omitempty" doc:"Its link, for RETURN." example:""`
	Error      *BatchFault           `json:"error,omitempty" doc:"Why it was not made."`
}

type (
	// BatchBody are jobs to be made.
	BatchBody struct {
		Jobs []BatchJob `json:"jobs" minItems:"1" maxItems:"1000" doc:"The jobs, at most 1,000, each for another person."`
	}
	// BatchAnswer is what became of them.
	BatchAnswer struct {
		Results []BatchResult `json:"results" doc:"What became of each, in the order of the request."`
		Created int           `json:"created" doc:"How many were made." example:"1"`
		Failed  int           `json:"failed" doc:"How many were not." example:"1"`
	}
	batchIn struct {
		Target
		Body BatchBody
	}
	batchOut struct{ Body BatchAnswer }
)

var batchWords = map[string]string{
	"BatchJob":    "One binding job of a batch.",
	"BatchFault":  "Why one job of a batch was not made.",
	"BatchResult": "What became of one job of a batch: the job, or an error.",
	"BatchBody":   "Binding jobs to be made.",
	"BatchAnswer": "What became of a batch of binding jobs.",
}

func (a *API) bindingJobBatch() {
	a.describe(batchWords)
	shown := exampleJob
	shown.DeliveryMethod = model.DeliverEmail
	add(a, operation{id: "createCredentialBindingJobs", method: http.MethodPost, path: jobsPath + "/batch", tag: jobsTag, scope: BindingJobsCreate,
		bytes: maxBatchBody, summary: "Invite many people",
		about: "Makes up to 1,000 binding jobs, each for another person. Each succeeds or fails by itself, so the answer is 200 even where none was made. " +
			"With an Idempotency-Key the whole batch is made once. Codes beside those of one job: `not_found`: no such person in this realm; `duplicate`: " +
			"the person gets a link by this batch already." + adminsToo,
		takes: BatchBody{[]BatchJob{{IdentityID: exampleIdentity, DeliveryMethod: model.DeliverEmail}, {IdentityID: "idn_01kagxw5z0e9y8mpp6wknfsb2s", DeliveryMethod: model.DeliverEmail}}},
		gives: BatchAnswer{Results: []BatchResult{{IdentityID: exampleIdentity, Job: &shown}, {IdentityID: "idn_01kagxw5z0e9y8mpp6wknfsb2s",
			Error: &BatchFault{Code: "no_address", Detail: "This person has no e-mail address."}}}, Created: 1, Failed: 1}}, a.createBindingJobs)
}

// wish is one job of a batch as the service takes it.
func (in *BatchJob) wish(c call) (directory.NewBinding, error) {
	one := CredentialBindingJobInput{DeliveryMethod: in.DeliveryMethod, ConfigID: in.ConfigID, RedirectURI: in.RedirectURI, ExpireTime: in.ExpireTime, Recovery: in.Recovery}
	n, err := one.wish(c, model.IdentityID(in.IdentityID))
	switch {
	case err != nil:
		return n, err
	case !ids.Valid("idn", in.IdentityID):
		return n, model.ErrNotFound
	case in.DeliveryMethod != model.DeliverReturn && in.DeliveryMethod != model.DeliverEmail:
		return n, &directory.InvalidError{Field: "delivery_method", Reason: "must be RETURN or EMAIL"}
	case in.Lifetime != math.Trunc(in.Lifetime) || in.Lifetime < 0 || in.Lifetime > math.MaxInt32:
		return n, &directory.InvalidError{Field: "lifetime", Reason: "must be seconds, between 60 and 2592000"}
	}
	n.Lifetime = time.Duration(in.Lifetime) * time.Second
	return n, nil
}

func (a *API) createBindingJobs(ctx context.Context, c call, in *batchIn) (*batchOut, error) {
	jobs := in.Body.Jobs
	out := &batchOut{BatchAnswer{Results: make([]BatchResult, len(jobs))}}
	var wishes []directory.NewBinding
	var places []int // of the wishes among the jobs
	for i := range jobs {
		out.Body.Results[i].IdentityID = shownID(jobs[i].IdentityID)
		n, err := jobs[i].wish(c)
		if err != nil {
			out.Body.Results[i].Error = batchFault(err)
			continue
		}
		wishes, places = append(wishes, n), append(places, i)
	}
	for i, made := range a.cfg.Invitations.CreateBindingJobs(ctx, c.site, wishes) {
		result := &out.Body.Results[places[i]]
		if made.Err != nil {
			result.Error = batchFault(made.Err)
			if result.Error.Code == "server_error" {
				httpx.Note(c.r, "server_error", made.Err)
			}
			continue
		}
		job := shownJob(c, made.Job)
		result.Job, result.Link = &job, made.Link
		out.Body.Created++
	}
	out.Body.Failed = len(jobs) - out.Body.Created
	return out, nil
}

// shownID repeats an id, and nothing else that stands in its place.
func shownID(id string) string {
	if ids.Valid("idn", id) {
		return id
	}
	return ""
}

func batchFault(err error) *BatchFault {
	p, fields := jobFault(err)
	if errors.Is(err, model.ErrNotFound) {
		return &BatchFault{Code: "not_found", Detail: "There is no such person."}
	}
	for i := range fields {
		fields[i].Location = fields[i].Location[len("body.job."):]
	}
	return &BatchFault{Code: p.Code, Detail: p.Detail, Errors: fields}
}
