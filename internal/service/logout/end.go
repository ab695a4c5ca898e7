package logout

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/assent-id/assent/internal/format/seal"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/oauth"
)

// An Outcome is what comes of a request: a question, or the end of the session,
// or, where nobody was signed in, neither.
type Outcome struct {
	Question string // sealed; comes back with the answer; empty: nothing is asked
	Fault    Fault
	Name     string // of the application that asked; may be empty
	Redirect string // where the browser may go on to; may be empty
	// Ask: it goes there at the person's word alone.
	Ask   bool
	Ended bool // the session ended just now
	// Frames are addresses of applications that a page of ours has to frame
	// (Front-Channel Logout 1.0, Section 2).
	Frames []string
}

// Proceed does what an intent says for who is at the browser (nil: nobody). Only
// the hint of an application that means this very person ends a session without
// a question; everything else could be anybody's link (RP-Initiated Logout 1.0,
// Sections 2 and 6).
func (s *Service) Proceed(ctx context.Context, site *model.Site, in Intent, who *oauth.SignedIn) (Outcome, error) {
	out := Outcome{Fault: in.Fault, Name: in.Name, Redirect: in.Redirect}
	if who == nil {
		out.Ask = in.Subject == ""
		return out, nil
	}
	sure, err := s.means(ctx, site, in, who)
	if err != nil {
		return out, err
	}
	if sure {
		return s.end(ctx, site, out, who)
	}
	out.Question, err = s.questions.Seal(in, s.cfg.Now(), questionFor(site, who))
	return out, err
}

// means reports whether the hint is of the person at the browser, with nothing
// wrong about the request.
func (s *Service) means(ctx context.Context, site *model.Site, in Intent, who *oauth.SignedIn) (bool, error) {
	if in.Subject == "" || in.Fault != FaultNone {
		return false, nil
	}
	client, err := s.cfg.Clients.Get(ctx, site, in.Client)
	if errors.Is(err, model.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	sub, err := s.cfg.Engine.Subject(ctx, site, &client.Settings, who.Identity.ID)
	return err == nil && sub == in.Subject, err
}

func questionFor(site *model.Site, who *oauth.SignedIn) []byte {
	return []byte(string(site.Realm.ID) + "/" + string(who.Session.ID))
}

// ErrOver: the question was put to another session, or too long ago.
var ErrOver = errors.New("the question is over")

// Confirm is the person's yes to a question.
func (s *Service) Confirm(ctx context.Context, site *model.Site, question string, who *oauth.SignedIn) (Outcome, error) {
	in, _, err := s.questions.Open(question, s.cfg.Now(), questionFor(site, who))
	if errors.Is(err, seal.ErrOpen) {
		return Outcome{}, fmt.Errorf("%w: %w", ErrOver, err)
	}
	if err != nil {
		return Outcome{}, err
	}
	return s.end(ctx, site, Outcome{Name: in.Name, Redirect: in.Redirect}, who)
}

// end ends the session of who is at the browser. The applications hear of it by
// the outbox; those that the browser has to tell are in the outcome.
func (s *Service) end(ctx context.Context, site *model.Site, out Outcome, who *oauth.SignedIn) (Outcome, error) {
	apps, err := s.applications(ctx, site, who.Session.ID)
	if err != nil {
		return out, err
	}
	if err := s.cfg.Sessions.End(ctx, site, who.Session, string(who.Identity.ID)); err != nil {
		return out, err
	}
	out.Ended = true
	if err := s.cfg.Engine.EndGrants(ctx, site, who.Session.ID); err != nil {
		// The outbox does it again.
		s.cfg.Log.WarnContext(ctx, "end the grants of a session", "session", string(who.Session.ID), "error", err)
	}
	for _, c := range apps {
		sid, err := s.cfg.Engine.SessionName(ctx, site, &c.Settings, who.Session.ID)
		if err != nil {
			return out, err
		}
		if frame, ok := frameOf(site, c, sid); ok {
			out.Frames = append(out.Frames, frame)
		}
	}
	return out, nil
}

// applications are those that were used in a session and are still there.
func (s *Service) applications(ctx context.Context, site *model.Site, id model.SessionID) ([]*model.Client, error) {
	ids, err := s.cfg.Store.SessionApplications(ctx, site.Realm.ID, id)
	if err != nil {
		return nil, err
	}
	var list []*model.Client
	for _, id := range ids {
		client, err := s.cfg.Clients.Get(ctx, site, id)
		if errors.Is(err, model.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		list = append(list, client)
	}
	return list, nil
}

// frameOf is what has to be framed to tell an application. Applications that
// need the session get it, with who says so (Front-Channel Logout 1.0, Section 2).
func frameOf(site *model.Site, c *model.Client, sid string) (string, bool) {
	u, err := url.Parse(c.Settings.FrontchannelLogout)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || strings.ContainsAny(u.Host, "; ,'\"") {
		return "", false
	}
	if c.Settings.FrontchannelSession {
		more := url.Values{"iss": {site.Issuer}, "sid": {sid}}.Encode()
		if u.RawQuery != "" {
			more = u.RawQuery + "&" + more // the registered query stays as it is
		}
		u.RawQuery = more
	}
	return u.String(), true
}
