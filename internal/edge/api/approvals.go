package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"

	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/approval"
	"github.com/assent-id/assent/sdk/evidence"
)

// A summary is one row of a person's list.
type summary struct {
	ID         model.ApprovalID    `json:"id"`
	State      model.ApprovalState `json:"state"`
	Kind       string              `json:"kind"`
	ClientID   model.ClientID      `json:"client_id"`
	ClientName string              `json:"client_name"`
	Agent      *evidence.Agent     `json:"agent,omitempty"`
	Title      string              `json:"title"`
	CreatedAt  string              `json:"created_at"`
	ExpiresAt  string              `json:"expires_at"`
	EndedAt    string              `json:"ended_at,omitempty"`
	Comparison string              `json:"comparison"`
	FirstTime  bool                `json:"first_time"`
}

func summarise(a model.Approval) (summary, error) {
	var st evidence.Statement
	if err := json.Unmarshal(a.Statement, &st); err != nil {
		return summary{}, err
	}
	s := summary{ID: a.ID, State: a.State, Kind: a.Kind, ClientID: a.ApplicationID, ClientName: st.ClientName, Agent: st.Agent,
		Title: st.Shown.Title, CreatedAt: rfc3339(a.CreatedAt), ExpiresAt: rfc3339(a.ExpiresAt),
		Comparison: evidence.Comparison(string(a.StatementHash)), FirstTime: a.FirstTime}
	if a.EndedAt != 0 {
		s.EndedAt = rfc3339(a.EndedAt)
	}
	return s, nil
}

// Paging of lists.
const (
	defaultPage = 50
	maxPage     = 200
)

// list answers a person's pending or ended approvals, newest first.
func (a *API) list(w http.ResponseWriter, r *http.Request) error {
	who, err := a.person(r)
	if err != nil {
		return err
	}
	q, err := listQuery(r)
	if err != nil {
		return err
	}
	q.RealmID, q.IdentityID = httpx.Site(r).Realm.ID, who.ID
	page, err := a.cfg.Approvals.List(r.Context(), q)
	if err != nil {
		return err
	}
	out := struct {
		Approvals []summary        `json:"approvals"`
		Next      model.ApprovalID `json:"next_page_token"`
	}{make([]summary, len(page.Approvals)), page.Next}
	for i, ap := range page.Approvals {
		if out.Approvals[i], err = summarise(ap); err != nil {
			return err
		}
	}
	return httpx.WriteJSON(w, http.StatusOK, out)
}

func listQuery(r *http.Request) (approval.Query, error) {
	v := r.URL.Query()
	q := approval.Query{Pending: true, Limit: defaultPage, Before: model.ApprovalID(v.Get("page_token"))}
	bad := func(detail string) (approval.Query, error) {
		return q, &httpx.Problem{Status: http.StatusBadRequest, Code: "invalid_parameter", Detail: detail}
	}
	switch v.Get("state") {
	case "", "pending":
	case "ended":
		q.Pending = false
	default:
		return bad("state is pending or ended.")
	}
	if q.Before != "" && !ids.Valid("apr", string(q.Before)) {
		return bad("page_token is the next_page_token of an earlier answer.")
	}
	if raw := v.Get("page_size"); raw != "" {
		n, err := strconv.Atoi(raw)
		if err != nil || n < 1 || n > maxPage {
			return bad("page_size is 1 to 200.")
		}
		q.Limit = n
	}
	return q, nil
}

// approvalID is the approval in the path. What is no id is not found, without
// a question to the database, which may not even take it as text.
func approvalID(r *http.Request) (model.ApprovalID, error) {
	id := r.PathValue("id")
	if !ids.Valid("apr", id) {
		return "", notFound(errors.New("not an approval id"))
	}
	return model.ApprovalID(id), nil
}

// get answers one approval with the exact statement: what the approver
// renders, and hashes.
func (a *API) get(w http.ResponseWriter, r *http.Request) error {
	who, err := a.person(r)
	if err != nil {
		return err
	}
	id, err := approvalID(r)
	if err != nil {
		return err
	}
	site := httpx.Site(r)
	ap, err := a.cfg.Approvals.ForPerson(r.Context(), site, who.ID, id)
	if err != nil {
		return missing(err)
	}
	options, err := a.cfg.Approvals.Options(r.Context(), site, who.ID)
	if err != nil {
		return err
	}
	out := map[string]any{
		"id": ap.ID, "state": ap.State, "statement": json.RawMessage(ap.Statement), "statement_hash": ap.StatementHash,
		"comparison": evidence.Comparison(string(ap.StatementHash)), "first_time": ap.FirstTime, "passkey_options": options,
		"created_at": rfc3339(ap.CreatedAt), "expires_at": rfc3339(ap.ExpiresAt),
	}
	if ap.EndedAt != 0 {
		out["ended_at"] = rfc3339(ap.EndedAt)
	}
	return httpx.WriteJSON(w, http.StatusOK, out)
}

// maxDecision bounds a decision with its assertion, in bytes.
const maxDecision = 128 << 10

// decide takes a person's answer.
func (a *API) decide(w http.ResponseWriter, r *http.Request) error {
	session, who, err := a.session(r)
	if err != nil {
		return err
	}
	id, err := approvalID(r)
	if err != nil {
		return err
	}
	var body struct {
		Decision  json.RawMessage `json:"decision"`
		Assertion json.RawMessage `json:"assertion"`
	}
	if err := httpx.ReadJSON(w, r, maxDecision, &body); err != nil {
		return err
	}
	if string(body.Assertion) == "null" {
		body.Assertion = nil
	}
	if session.PasskeyID == "" && body.Assertion == nil {
		// A password decides nothing, not even a no: whoever guessed it would answer
		// in the person's place.
		return &httpx.Problem{Status: http.StatusForbidden, Code: "passkey_required", Title: "Passkey required",
			Detail: "You signed in with a password. Only your passkey can answer this."}
	}
	site := httpx.Site(r)
	ap, err := a.cfg.Approvals.Decide(r.Context(), site, who, id,
		approval.Answer{Decision: body.Decision, Assertion: body.Assertion})
	if err != nil {
		return refusal(err)
	}
	return httpx.WriteJSON(w, http.StatusOK, map[string]any{"id": ap.ID, "state": ap.State, "evidence_url": evidenceURL(site, ap.ID)})
}

func evidenceURL(site *model.Site, id model.ApprovalID) string {
	return site.Issuer + "/v1/approvals/" + string(id) + "/evidence"
}

func refusal(err error) error {
	if e, ok := errors.AsType[*approval.EndedError](err); ok {
		return &httpx.Problem{Status: http.StatusConflict, Code: "already_ended", Title: "Already ended",
			Detail: "This was decided or withdrawn before.", Members: map[string]any{"state": e.State}, Cause: err}
	}
	if errors.Is(err, approval.ErrExpired) {
		return &httpx.Problem{Status: http.StatusGone, Code: "expired", Title: "Expired",
			Detail: "The time to decide is over.", Members: map[string]any{"state": model.ApprovalExpired}, Cause: err}
	}
	if e, ok := errors.AsType[*approval.DecisionError](err); ok {
		return &httpx.Problem{Status: http.StatusUnprocessableEntity, Code: e.Part + "_invalid", Title: "Not a valid answer",
			Detail: e.Reason, Cause: err}
	}
	return missing(err)
}

// evidence answers the evidence of an ended approval, to the person who
// decided and to the program that asked.
func (a *API) evidence(w http.ResponseWriter, r *http.Request) error {
	ap, err := a.concerned(w, r)
	if err != nil {
		return err
	}
	doc, err := approval.Evidence(ap)
	if errors.Is(err, approval.ErrNotEnded) {
		// Like an approval that does not exist, so that a client cannot tell a
		// request to nobody from one that waits.
		return notFound(err)
	}
	if err != nil {
		return err
	}
	w.Header().Set("Content-Disposition", `attachment; filename="`+string(ap.ID)+`.evidence.json"`)
	return httpx.WriteRaw(w, http.StatusOK, "application/json", doc)
}

// concerned reads the approval in the path for the program or the person that
// it concerns.
func (a *API) concerned(w http.ResponseWriter, r *http.Request) (model.Approval, error) {
	t, err := a.token(w, r)
	if err != nil {
		return model.Approval{}, err
	}
	var who model.Identity
	if t == nil {
		if who, err = a.person(r); err != nil {
			return model.Approval{}, err
		}
	}
	id, err := approvalID(r)
	if err != nil {
		return model.Approval{}, err
	}
	var ap model.Approval
	if t != nil {
		// RFC 9068, Section 4: a token for another resource server is not for us;
		// the approval's own token is, whomever else it is for.
		if t.Approval != id && !slices.Contains(t.Audience, httpx.Site(r).Issuer) {
			return model.Approval{}, notFound(errors.New("token for another audience"))
		}
		ap, err = a.cfg.Approvals.ForClient(r.Context(), httpx.Site(r), t.ClientID, id)
	} else {
		ap, err = a.cfg.Approvals.ForPerson(r.Context(), httpx.Site(r), who.ID, id)
	}
	return ap, missing(err)
}

// redeem makes the one use of an approval: 200 for the first, 409 for all
// others. Whoever holds the approval's own token may make it.
func (a *API) redeem(w http.ResponseWriter, r *http.Request) error {
	t, err := a.token(w, r)
	if err != nil {
		return err
	}
	if t == nil {
		w.Header().Set("WWW-Authenticate", "Bearer")
		return &httpx.Problem{Status: http.StatusUnauthorized, Code: "token_required", Detail: "Send the approval's access token."}
	}
	id := model.ApprovalID(r.PathValue("id"))
	if t.Approval != id {
		return notFound(errors.New("token of another approval"))
	}
	at, err := a.cfg.Approvals.Redeem(r.Context(), httpx.Site(r), id, t.ClientID)
	if errors.Is(err, approval.ErrRedeemed) {
		return &httpx.Problem{Status: http.StatusConflict, Code: "already_redeemed", Title: "Already used",
			Detail: "This approval was used before.", Cause: err}
	}
	if err != nil {
		return missing(err)
	}
	return httpx.WriteJSON(w, http.StatusOK, map[string]any{"id": id, "redeemed_at": rfc3339(at)})
}
