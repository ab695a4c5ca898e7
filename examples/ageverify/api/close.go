package api

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/assent-id/assent/examples/ageverify/store"
	"github.com/assent-id/assent/sdk/assent"
	"github.com/assent-id/assent/sdk/resource"
)

// ScopeClose needs the yes of a person each time: a location that was closed stays
// closed.
const ScopeClose = "locations:close"

// closing is what a person is asked before a location is closed. It is made from
// the request and the location as it is now: if somebody renames it in between,
// the yes is to something else and does not count. The client chooses whom it asks,
// and asks of itself, so the API says whose yes counts.
func (a *api) closing() *resource.Approval {
	return &resource.Approval{Scope: ScopeClose, May: a.mayClose, Action: func(r *http.Request) (assent.Action, error) {
		e, err := a.Store.Get(r.Context(), store.Location, r.PathValue("id"))
		if errors.Is(err, store.ErrNotFound) {
			return assent.Action{}, errors.New("there is no such location")
		}
		if err != nil { // the client is told what this returns
			a.Log.ErrorContext(r.Context(), "request failed", "route", r.Pattern, "error", err)
			return assent.Action{}, errors.New("the location cannot be read")
		}
		return assent.Action{
			Message: "Close the location " + e.Name + " for good",
			Details: map[string]string{"location": e.ID, "name": e.Name},
			Scope:   ScopeClose,
		}, nil
	}}
}

var errNoApprover = errors.New("this person may not approve that a location is closed")

func (a *api) mayClose(_ context.Context, subject string, _ *resource.Token) error {
	if !slices.Contains(a.Approvers, subject) {
		return errNoApprover
	}
	return nil
}

// closeLocation closes the location by the name that was approved: it may have got
// another while the approval was used up.
func (a *api) closeLocation(w http.ResponseWriter, r *http.Request) error {
	if err := noBody(r); err != nil {
		return err
	}
	approved := resource.FromContext(r.Context()).Approval.Redeemed.Action.Details
	e, err := a.Store.CloseLocation(r.Context(), r.PathValue("id"), approved["name"], a.Now())
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, locations.show(e))
	return nil
}
