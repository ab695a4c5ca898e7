package httpx

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"

	"github.com/assent-id/assent/internal/model"
)

// A Problem is a refusal that the client may see, as RFC 9457 writes it. Cause
// is for the log alone.
type Problem struct {
	Status  int
	Code    string // stable, snake_case: what programs branch on
	Title   string
	Detail  string         // one plain sentence for people
	Members map[string]any // further members of the document
	Cause   error
}

func (p *Problem) Error() string {
	if p.Cause != nil {
		return p.Code + ": " + p.Cause.Error()
	}
	return p.Code + ": " + p.Detail
}

func (p *Problem) Unwrap() error { return p.Cause }

// AsProblem finds the refusal in an error. One that nobody classified is ours:
// 503 while the store cannot be reached, else 500, with no word of the cause.
func AsProblem(err error) *Problem {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	if errors.Is(err, model.ErrUnavailable) || errors.Is(err, model.ErrCommitUnknown) {
		return &Problem{Status: http.StatusServiceUnavailable, Code: "unavailable",
			Title: "Unavailable", Detail: "The server cannot answer right now. Try again in a moment.", Cause: err}
	}
	return &Problem{Status: http.StatusInternalServerError, Code: "server_error",
		Title: "Server error", Detail: "Something went wrong on the server.", Cause: err}
}

// document is the body of RFC 9457, Section 3.1, with our code and reference.
func (p *Problem) document(reference string) map[string]any {
	doc := map[string]any{}
	maps.Copy(doc, p.Members)
	doc["type"] = "about:blank"
	doc["title"] = p.title()
	doc["status"] = p.Status
	doc["code"] = p.Code
	if p.Detail != "" {
		doc["detail"] = p.Detail
	}
	if reference != "" {
		doc["reference"] = reference
	}
	return doc
}

func (p *Problem) title() string {
	if p.Title != "" {
		return p.Title
	}
	return http.StatusText(p.Status)
}

// API adapts a handler of the management and agent API: its errors become
// problem documents.
func API(h HandlerFunc) http.Handler {
	return adapt(h, func(w http.ResponseWriter, r *http.Request, err error) {
		p := AsProblem(err)
		note(r, p.Code, p.Cause)
		writeProblem(w, r, p)
	})
}

// Pages adapts the handlers of pages for people: render draws the refusal.
func Pages(render func(http.ResponseWriter, *http.Request, *Problem)) func(HandlerFunc) http.Handler {
	return func(h HandlerFunc) http.Handler {
		return adapt(h, func(w http.ResponseWriter, r *http.Request, err error) {
			p := AsProblem(err)
			note(r, p.Code, p.Cause)
			render(w, r, p)
		})
	}
}

func writeProblem(w http.ResponseWriter, r *http.Request, p *Problem) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	if p.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	w.WriteHeader(p.Status)
	body, err := json.Marshal(p.document(Reference(r)))
	if err == nil {
		_, err = w.Write(body)
	}
	if err != nil {
		note(r, p.Code, err)
	}
}
