package resource

import (
	"slices"
	"sync"
	"sync/atomic"
)

// approvals are the scopes that need an approval each time, as the issuer's
// metadata name them.
type approvals struct {
	scopes atomic.Pointer[[]string]
	told   sync.Map // of scopes that the log knows of
}

// set takes the scopes over, without those that are ordinary at this API.
func (a *approvals) set(scopes, ordinary []string) {
	scopes = slices.DeleteFunc(slices.Clone(scopes), func(s string) bool { return slices.Contains(ordinary, s) })
	slices.Sort(scopes)
	a.scopes.Store(&scopes)
}

// needed is the first of the scopes that needs one; empty: none does.
func (a *approvals) needed(scopes []string) string {
	known := a.scopes.Load()
	if known == nil || len(*known) == 0 {
		return ""
	}
	for _, s := range scopes {
		if _, found := slices.BinarySearch(*known, s); found {
			return s
		}
	}
	return ""
}

// single keeps the token of an approval from being good for more than what was
// approved, which need.Approval checks. A need without that lets nobody pass if it
// lists a scope that needs an approval, and takes the token of one only where it
// says so.
func (s *Server) single(t *Token, need Need) *Refusal {
	if need.Approval != nil {
		return nil
	}
	if scope := s.approvals.needed(need.Scopes); scope != "" {
		if _, told := s.approvals.told.LoadOrStore(scope, true); !told {
			s.cfg.Logger.Error("requests are refused: their scope needs an approval each time, and the Need has no Approval", "resource", s.cfg.Resource, "scope", scope)
		}
		return &Refusal{Challenge: Challenge{Error: InsufficientDetails, Scope: []string{scope},
			Description: "the scope needs an approval of each request, and the API cannot say of what"}}
	}
	if t.Approval != nil && !need.ApprovalTokens {
		return &Refusal{Challenge: Challenge{Error: InsufficientScope, Scope: need.Scopes,
			Description: "the token is that of an approval, which is for another request"}}
	}
	return nil
}
