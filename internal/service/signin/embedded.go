package signin

import (
	"context"
	"log/slog"

	"github.com/assent-id/assent/internal/format/passkey"
	"github.com/assent-id/assent/internal/model"
)

// Embedded is what an application brings back from a ceremony that it ran on its own
// page. What the browser carries on our own pages, sealed, is carried there by
// what the caller has verified already.
type Embedded struct {
	RP           passkey.RP // where the ceremony may have run, and whose passkeys answer
	Nonce        []byte     // what its challenge is made of
	Began, Until model.Millis
	Response     []byte // AuthenticationResponseJSON
	UserAgent    string // kept with the session, so that people recognise it
	// Passkey is the one that the person chose in the application; empty: they chose
	// in the browser.
	Passkey model.PasskeyID
}

// CauseNotChosen: another passkey answered than the person had chosen.
const CauseNotChosen Cause = "passkey_not_chosen"

// FinishEmbedded is [Service.Finish] for a ceremony within an application. Nobody
// gets the cookie of the session: it is what the application's tokens hang on, and
// ends like any other.
func (s *Service) FinishEmbedded(ctx context.Context, site *model.Site, e Embedded) (model.Session, error) {
	try := attempt{site: site, rp: e.RP, at: s.now(), began: e.Began, only: e.Passkey}
	if try.at >= e.Until {
		return model.Session{}, ErrCeremony
	}
	in, err := s.finish(ctx, try, begun{e.Nonce, e.Until}, Answer{Response: e.Response, UserAgent: e.UserAgent})
	return in.Session, err
}

// Prove is [Service.FinishEmbedded] where a person shows no more than that a passkey
// is theirs: the session that opens with it is over at once. It says who proved which
// passkey when.
func (s *Service) Prove(ctx context.Context, site *model.Site, e Embedded) (model.Session, error) {
	session, err := s.FinishEmbedded(ctx, site, e)
	if err != nil {
		return model.Session{}, err
	}
	// A session that stays open is of no use to anybody either: nobody has its cookie.
	if err := s.End(ctx, site, session, string(session.IdentityID)); err != nil {
		s.log.WarnContext(ctx, "end session of a proof", slog.String("session", string(session.ID)), slog.Any("error", err))
	}
	return session, nil
}
