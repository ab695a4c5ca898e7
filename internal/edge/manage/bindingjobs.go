package manage

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/directory"
)

// Invitations are binding jobs, and what stands in for lost passkeys.
type Invitations interface {
	CreateBindingJob(context.Context, *model.Site, directory.NewBinding) (directory.Binding, error)
	CreateBindingJobs(context.Context, *model.Site, []directory.NewBinding) []directory.BindingResult
	BindingJobs(context.Context, *model.Site, directory.JobQuery) ([]model.BindingJob, error)
	BindingJob(context.Context, *model.Site, model.BindingJobID) (model.BindingJob, error)
	RevokeBindingJob(ctx context.Context, site *model.Site, id model.BindingJobID, actor string) error
	RecoveryCodes(context.Context, *model.Site, model.IdentityID) (directory.RecoveryState, error)
	RemoveRecoveryCodes(ctx context.Context, site *model.Site, id model.IdentityID, actor string) error
}

// CredentialBindingJobInput is what a binding job is to be.
type CredentialBindingJobInput struct {
	DeliveryMethod string `json:"delivery_method" enum:"RETURN,EMAIL" doc:"RETURN: the answer has the link. EMAIL: it goes to the person's primary e-mail address, and nobody else sees it." example:"RETURN"`
	ConfigID       string `json:"authenticator_config_id,omitempty" maxLength:"64" doc:"Id of the authenticator config by which the link opens; left out: a page of the realm." example:"acf_01kagxw5yzf0bvvq3jr0d0gckm"`
	RedirectURI    string `json:"post_binding_redirect_uri,omitempty" maxLength:"2048" doc:"Where the person goes afterwards: a path of the realm, or a URL at a trusted origin of the authenticator config." example:"https://shop.example/welcome"`
	ExpireTime     string `json:"expire_time,omitempty" format:"date-time" doc:"When the link ends (RFC 3339): in 1 minute to 30 days; left out: in 7 days." example:"2026-11-27T12:00:00.000Z"`
	Lifetime       int    `json:"lifetime,omitempty" minimum:"60" maximum:"2592000" doc:"The same in seconds from now; one of the two." example:"604800"`
	Recovery       bool   `json:"recovery,omitempty" doc:"For a person who lost their passkeys: whoever has the link binds a passkey without proving an earlier one, and the person is told. Left out, the link binds the first passkey that the person ever has; whoever had one proves one of theirs. Needs the scope recovery:create as well." example:"false"`
}

// CredentialBindingJob invites a person to bind a passkey.
type CredentialBindingJob struct {
	ID             string `json:"id" doc:"Its id." example:"bnd_01kagxw5z19evhvr0bg9rrfkjq"`
	RealmID        string `json:"realm_id" doc:"Id of the realm." example:"rlm_01kagxw5yzf0bvvq3jr0d0gckm"`
	TenantID       string `json:"tenant_id" doc:"Id of the tenant." example:"ten_01kagxw5yye2w8s1zk1d5fx0p3"`
	IdentityID     string `json:"identity_id" doc:"Id of the identity." example:"idn_01kagxw5z0e9y8mpp6wknfsb2r"`
	DeliveryMethod string `json:"delivery_method" enum:"RETURN,EMAIL,SELF" doc:"How the link reaches the person; SELF: they made it themselves." example:"RETURN"`
	State          string `json:"state" enum:"LINK_SENT,LINK_OPENED,COMPLETE,EXPIRED,FAILED_TO_SEND,REVOKED" doc:"LINK_SENT: nobody has opened it yet. COMPLETE: a passkey was bound with it. The last four are final." example:"LINK_SENT"`
	RedirectURI    string `json:"post_binding_redirect_uri" doc:"Where the person goes afterwards; empty: the approver, or where the application wants." example:""`
	ConfigID       string `json:"authenticator_config_id" doc:"Id of the authenticator config by which the link opens; empty: a page of the realm." example:""`
	Recovery       bool   `json:"recovery,omitempty" doc:"Whoever has the link needs no earlier passkey." example:"false"`
	CreatedBy      string `json:"created_by,omitempty" doc:"Who asked for it: an application, an identity, or operator." example:"management"`
	Failure        string `json:"failure,omitempty" doc:"Why the link could not be sent." example:""`
	ExpireTime     string `json:"expire_time" doc:"When the link ends (RFC 3339)." example:"2026-11-27T12:00:00.000Z"`
	CreateTime     string `json:"create_time" doc:"When it was made (RFC 3339)." example:"2026-11-20T12:00:00.000Z"`
	UpdateTime     string `json:"update_time" doc:"When its state last changed (RFC 3339)." example:"2026-11-20T12:00:00.000Z"`
}

type (
	bindingJobBody struct {
		Job CredentialBindingJobInput `json:"job"`
	}
	// CredentialBindingJobCreated is a new job, with its link where that is returned.
	CredentialBindingJobCreated struct {
		Job  CredentialBindingJob `json:"credential_binding_job"`
		Link string               `json:"credential_binding_link,omitempty" doc:"The link, this once: whoever has it binds the passkey. Only for RETURN." example:"https://id.example.com/bind?token=Hc0u1mIXnXeBOZxEhlJ1bG4TnUWgFVQGnk0yqTXgM3s"`
	}
	// CredentialBindingJobAnswer is one job.
	CredentialBindingJobAnswer struct {
		Job CredentialBindingJob `json:"credential_binding_job"`
	}
	// CredentialBindingJobList is one page, the newest first.
	CredentialBindingJobList struct {
		Jobs []CredentialBindingJob `json:"credential_binding_jobs"`
		Next string                 `json:"next_page_token"`
	}

	bindingJobCreateIn struct {
		Person
		Body bindingJobBody
	}
	bindingJobCreateOut struct {
		Location string `header:"Location" doc:"Where the job is."`
		Body     CredentialBindingJobCreated
	}
	bindingJobMeant struct {
		Person
		Job string `path:"job_id" maxLength:"64" doc:"Id of the binding job." example:"bnd_01kagxw5z19evhvr0bg9rrfkjq"`
	}
	// JobFilter says which jobs to list.
	JobFilter struct {
		State  string `query:"state" enum:"LINK_SENT,LINK_OPENED,COMPLETE,EXPIRED,FAILED_TO_SEND,REVOKED" doc:"Only those in this state now." example:"LINK_SENT"`
		Method string `query:"delivery_method" enum:"RETURN,EMAIL,SELF" doc:"Only those delivered like this." example:"EMAIL"`
	}
	bindingJobsOfPersonIn struct {
		Person
		Page
		JobFilter
	}
	bindingJobsIn struct {
		Target
		Page
		JobFilter
		Identity string `query:"identity_id" maxLength:"64" doc:"Only those of this identity." example:"idn_01kagxw5z0e9y8mpp6wknfsb2r"`
	}
	bindingJobOut  struct{ Body CredentialBindingJobAnswer }
	bindingJobsOut struct{ Body CredentialBindingJobList }
)

var (
	exampleJob = CredentialBindingJob{ID: "bnd_01kagxw5z19evhvr0bg9rrfkjq", RealmID: exampleRealm, TenantID: exampleTenant, IdentityID: exampleIdentity,
		DeliveryMethod: model.DeliverReturn, State: string(model.BindingLinkSent), CreatedBy: "management",
		ExpireTime: "2026-11-27T12:00:00.000Z", CreateTime: exampleTime, UpdateTime: exampleTime}
	exampleLink     = "https://id.example.com/bind?token=Hc0u1mIXnXeBOZxEhlJ1bG4TnUWgFVQGnk0yqTXgM3s"
	bindingJobWords = map[string]string{
		"CredentialBindingJob":        "A one-time, expiring invitation to bind a passkey to an identity.",
		"CredentialBindingJobInput":   "What a binding job is to be.",
		"BindingJobBody":              "A binding job to be made.",
		"CredentialBindingJobCreated": "A new binding job, and its link where that is returned.",
		"CredentialBindingJobAnswer":  "A binding job.",
		"CredentialBindingJobList":    "A page of binding jobs, the newest first.",
		"job":                         "The binding job.",
		"credential_binding_job":      "The binding job.",
		"credential_binding_jobs":     "The binding jobs of this page, the newest first.",
	}
)

const (
	jobsOfPersonPath = "/identities/{identity_id}/credential-binding-jobs"
	jobsPath         = "/credential-binding-jobs"
	jobsTag          = "Credential binding jobs"
)

func (a *API) bindingJobs() {
	a.describe(bindingJobWords)
	add(a, operation{id: "createCredentialBindingJob", method: http.MethodPost, path: jobsOfPersonPath, tag: jobsTag, scope: BindingJobsCreate,
		status: http.StatusCreated, summary: "Invite a person to bind a passkey",
		about: "Makes a link that binds one passkey to this person, once. It opens on a page of the realm, or by the authenticator config in an application. " +
			"A person who has a passkey already proves one of them when they open it, unless it is for recovery. `no_mail`: this server sends no e-mail; " +
			"`no_address`: the person has no e-mail address; `too_many_mails`: this person, or the realm, got so many links by e-mail that more have to wait." + adminsToo,
		refusals: []string{"no_mail", "no_address", "not_allowed", "too_many_mails"},
		takes:    bindingJobBody{CredentialBindingJobInput{DeliveryMethod: model.DeliverReturn}},
		gives:    CredentialBindingJobCreated{exampleJob, exampleLink}}, a.createBindingJob)
	add(a, operation{id: "listCredentialBindingJobsOfIdentity", method: http.MethodGet, path: jobsOfPersonPath, tag: jobsTag, scope: BindingJobsRead,
		summary: "List the binding jobs of a person", about: "Newest first, in pages.",
		gives: CredentialBindingJobList{Jobs: []CredentialBindingJob{exampleJob}}}, a.bindingJobsOfPerson)
	add(a, operation{id: "getCredentialBindingJob", method: http.MethodGet, path: jobsOfPersonPath + "/{job_id}", tag: jobsTag, scope: BindingJobsRead,
		summary: "Read a binding job", about: "One binding job, without its link, which is kept nowhere.", gives: CredentialBindingJobAnswer{exampleJob}}, a.readBindingJob)
	add(a, operation{id: "revokeCredentialBindingJob", method: http.MethodDelete, path: jobsOfPersonPath + "/{job_id}", tag: jobsTag, scope: BindingJobsDelete,
		status: http.StatusNoContent, summary: "Take a binding link back",
		about:    "The link stops working and the job is REVOKED. `already_ended`: it was used, revoked or expired before.",
		refusals: []string{"already_ended/job"}}, a.revokeBindingJob)
	add(a, operation{id: "listCredentialBindingJobs", method: http.MethodGet, path: jobsPath, tag: jobsTag, scope: BindingJobsRead,
		summary: "List binding jobs", about: "Those of the realm, newest first, in pages.",
		gives: CredentialBindingJobList{Jobs: []CredentialBindingJob{exampleJob}}},
		func(ctx context.Context, c call, in *bindingJobsIn) (*bindingJobsOut, error) {
			return a.listBindingJobs(ctx, c, in.Page, in.query(model.IdentityID(in.Identity)))
		})
	a.bindingJobBatch()
	a.recoveryCodes()
}

// wish is the input as the service takes it.
func (in *CredentialBindingJobInput) wish(c call, id model.IdentityID) (directory.NewBinding, error) {
	n := directory.NewBinding{IdentityID: id, Method: in.DeliveryMethod, ConfigID: model.AuthenticatorConfigID(in.ConfigID), RedirectURI: in.RedirectURI,
		Lifetime: time.Duration(in.Lifetime) * time.Second, Recovery: in.Recovery, Actor: c.actor, SparesAdmins: c.sparesAdmins()}
	if in.Recovery {
		if err := c.needs(RecoveryCreate); err != nil {
			return n, err
		}
	}
	if in.ExpireTime == "" {
		return n, nil
	}
	at, err := time.Parse(time.RFC3339, in.ExpireTime)
	if err != nil {
		return n, &directory.InvalidError{Field: "expire_time", Reason: "must be a time as RFC 3339 writes it"}
	}
	n.ExpiresAt = model.MillisOf(at)
	return n, nil
}

func (a *API) createBindingJob(ctx context.Context, c call, in *bindingJobCreateIn) (*bindingJobCreateOut, error) {
	if !ids.Valid("idn", in.Identity) {
		return nil, model.ErrNotFound
	}
	n, err := in.Body.Job.wish(c, model.IdentityID(in.Identity))
	if err != nil {
		return nil, jobRefusal(c, err)
	}
	b, err := a.cfg.Invitations.CreateBindingJob(ctx, c.site, n)
	if err != nil {
		return nil, jobRefusal(c, err)
	}
	out := &bindingJobCreateOut{Body: CredentialBindingJobCreated{shownJob(c, b.Job), b.Link}}
	out.Location = location(c, "identities", in.Identity, "credential-binding-jobs", string(b.Job.ID))
	return out, nil
}

// jobFault is what is wrong with a job, as far as the caller can mend it.
func jobFault(err error) (p *httpx.Problem, fields []FieldError) {
	if e, ok := errors.AsType[*directory.InvalidError](err); ok {
		p = &httpx.Problem{Status: http.StatusUnprocessableEntity, Code: codes[http.StatusUnprocessableEntity], Detail: "A part of the job is not what it must be.", Cause: err}
		return p, []FieldError{{Location: "body.job." + e.Field, Message: e.Reason}}
	}
	if _, ok := errors.AsType[*directory.MailsError](err); ok {
		return refused("too_many_mails", err), nil
	}
	for _, k := range []struct {
		err  error
		code string
	}{{directory.ErrNoMail, "no_mail"}, {directory.ErrNoAddress, "no_address"}, {directory.ErrDuplicate, "duplicate"}, {model.ErrConflict, "already_ended/job"}} {
		if errors.Is(err, k.err) {
			return refused(k.code, err), nil
		}
	}
	return refusal(err), nil
}

func jobRefusal(c call, err error) error {
	p, fields := jobFault(err)
	doc := written(c.r, p)
	doc.Errors = fields
	if e, ok := errors.AsType[*directory.MailsError](err); ok {
		doc.headers.Set("Retry-After", strconv.FormatInt(int64((e.Wait+time.Second-1)/time.Second), 10)) // RFC 9110, Section 10.2.3
	}
	return doc
}

func shownJob(c call, j model.BindingJob) CredentialBindingJob {
	return CredentialBindingJob{ID: string(j.ID), RealmID: string(j.RealmID), TenantID: string(c.site.Realm.TenantID), IdentityID: string(j.IdentityID),
		DeliveryMethod: j.DeliveryMethod, State: string(j.State), RedirectURI: j.RedirectURI, ConfigID: string(j.ConfigID),
		Recovery: j.Proof == model.ProofRecovery, CreatedBy: j.CreatedBy, Failure: j.Failure,
		ExpireTime: instant(j.ExpiresAt), CreateTime: instant(j.CreatedAt), UpdateTime: instant(j.UpdatedAt)}
}

func (f JobFilter) query(id model.IdentityID) directory.JobQuery {
	return directory.JobQuery{IdentityID: id, State: model.BindingState(f.State), Method: f.Method}
}

func (a *API) bindingJobsOfPerson(ctx context.Context, c call, in *bindingJobsOfPersonIn) (*bindingJobsOut, error) {
	who, err := a.whose(ctx, c, in.Person)
	if err != nil {
		return nil, err
	}
	return a.listBindingJobs(ctx, c, in.Page, in.query(who))
}

func (a *API) listBindingJobs(ctx context.Context, c call, p Page, q directory.JobQuery) (*bindingJobsOut, error) {
	after, err := p.after()
	if err != nil {
		return nil, err
	}
	if q.IdentityID != "" && !ids.Valid("idn", string(q.IdentityID)) {
		return &bindingJobsOut{CredentialBindingJobList{Jobs: []CredentialBindingJob{}}}, nil // nobody's
	}
	q.After, q.Limit = model.BindingJobID(after), p.Size+1
	list, err := a.cfg.Invitations.BindingJobs(ctx, c.site, q)
	if err != nil {
		return nil, err
	}
	list, next := cut(p, list, func(j model.BindingJob) string { return string(j.ID) })
	out := &bindingJobsOut{CredentialBindingJobList{Jobs: make([]CredentialBindingJob, len(list)), Next: next}}
	for i, j := range list {
		out.Body.Jobs[i] = shownJob(c, j)
	}
	return out, nil
}

// job is what a path names: of this very person.
func (in *bindingJobMeant) job(ctx context.Context, a *API, c call) (model.BindingJob, error) {
	if !ids.Valid("idn", in.Identity) || !ids.Valid("bnd", in.Job) {
		return model.BindingJob{}, model.ErrNotFound
	}
	j, err := a.cfg.Invitations.BindingJob(ctx, c.site, model.BindingJobID(in.Job))
	if err == nil && string(j.IdentityID) != in.Identity {
		err = model.ErrNotFound
	}
	return j, err
}

func (a *API) readBindingJob(ctx context.Context, c call, in *bindingJobMeant) (*bindingJobOut, error) {
	j, err := in.job(ctx, a, c)
	if err != nil {
		return nil, err
	}
	return &bindingJobOut{CredentialBindingJobAnswer{shownJob(c, j)}}, nil
}

func (a *API) revokeBindingJob(ctx context.Context, c call, in *bindingJobMeant) (*nothing, error) {
	j, err := in.job(ctx, a, c)
	if err != nil {
		return nil, err
	}
	if err := a.cfg.Invitations.RevokeBindingJob(ctx, c.site, j.ID, c.actor); err != nil {
		return nil, jobRefusal(c, err)
	}
	return &nothing{}, nil
}
