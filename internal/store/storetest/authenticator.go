package storetest

import (
	"errors"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/store"
)

func newConfig(realm model.RealmID) model.AuthenticatorConfig {
	return model.AuthenticatorConfig{RealmID: realm, ID: model.AuthenticatorConfigID(ids.New("acf")), Name: "Shop",
		Settings: model.AuthenticatorSettings{Type: model.AuthenticatorEmbedded, Invocation: model.InvokeManual,
			InvokeURL: "https://shop.example/", TrustedOrigins: []string{"https://shop.example"}, RPID: "shop.example"},
		CreatedAt: start, UpdatedAt: start, Version: 1}
}

// config is one of home.
func (w *world) config() model.AuthenticatorConfig {
	w.Helper()
	c := newConfig(w.home.realm.ID)
	w.ok(w.CreateAuthenticatorConfig(w.ctx, c, model.Effects{}))
	return c
}

func (w *world) deleteConfig(s *store.Store, c model.AuthenticatorConfig) error {
	return s.DeleteAuthenticatorConfig(w.ctx, c, start, model.Effects{})
}

// named is an application of home that names a config.
func (w *world) named(c model.AuthenticatorConfig) model.Application {
	a := newApp(w.home.realm.ID)
	a.Settings.AuthenticatorConfig = c.ID
	return a
}

var authenticatorPromises = []promise{
	{"AConfigIsThereAsItWasCreatedAndInItsRealmAlone", func(w *world) {
		one, two := w.config(), w.config()
		same(w, got(w.AuthenticatorConfig(w.ctx, one.RealmID, one.ID)), one)
		same(w, got(w.AuthenticatorConfigs(w.ctx, one.RealmID)), []model.AuthenticatorConfig{one, two})
		same(w, len(got(w.AuthenticatorConfigs(w.ctx, w.away.realm.ID))), 0)
	}},
	{"AConfigIsChangedOncePerVersion", func(w *world) {
		c := w.config()
		c.Name, c.Settings.RPID, c.UpdatedAt = "Other", "", start+1
		w.ok(w.UpdateAuthenticatorConfig(w.ctx, c, false, model.Effects{}))
		w.refused(w.UpdateAuthenticatorConfig(w.ctx, c, false, model.Effects{}), model.ErrConflict)
		c.Version = 2
		same(w, got(w.AuthenticatorConfig(w.ctx, c.RealmID, c.ID)), c)
	}},
	{"AConfigThatMovedTakesItsOpenLinksAlongAndNoOthers", func(w *world) {
		c, other := w.config(), w.config()
		mine, theirs := newJob(w.home.person), newJob(w.home.person)
		mine.ConfigID, theirs.ConfigID = c.ID, other.ID
		w.ok(w.CreateBindingJobs(w.ctx, []model.BindingJob{mine, theirs}, model.Effects{}))
		c.UpdatedAt = start + 1
		w.ok(w.UpdateAuthenticatorConfig(w.ctx, c, false, model.Effects{}))
		same(w, got(w.BindingJob(w.ctx, mine.RealmID, mine.ID)).State, model.BindingLinkSent)
		w.refused(w.UpdateAuthenticatorConfig(w.ctx, c, true, model.Effects{}), model.ErrConflict)
		same(w, got(w.BindingJob(w.ctx, mine.RealmID, mine.ID)).State, model.BindingLinkSent)
		c.Version = 2
		w.ok(w.UpdateAuthenticatorConfig(w.ctx, c, true, model.Effects{}))
		same(w, got(w.BindingJob(w.ctx, mine.RealmID, mine.ID)).State, model.BindingRevoked)
		same(w, got(w.BindingJob(w.ctx, theirs.RealmID, theirs.ID)).State, model.BindingLinkSent)
	}},
	{"AConfigThatNobodyNamesIsDeletedOnceAndInTheVersionThatIsMeant", func(w *world) {
		c := w.config()
		c.Version = 2
		w.refused(w.deleteConfig(w.Store, c), model.ErrNotFound)
		c.Version = 1
		w.ok(w.deleteConfig(w.Store, c))
		c.Version = 0
		w.refused(w.deleteConfig(w.Store, c), model.ErrNotFound)
		_, err := w.AuthenticatorConfig(w.ctx, c.RealmID, c.ID)
		w.refused(err, model.ErrNotFound)
	}},
	{"AConfigThatAnApplicationNamesStays", func(w *world) {
		c, other := w.config(), w.config()
		a := w.named(c)
		w.ok(w.CreateApplication(w.ctx, a, model.Effects{}))
		w.refused(w.deleteConfig(w.Store, c), model.ErrConflict)
		a.Settings.AuthenticatorConfig = other.ID
		w.ok(w.UpdateApplication(w.ctx, a, model.Effects{}))
		w.ok(w.deleteConfig(w.Store, c))
		w.refused(w.deleteConfig(w.Store, other), model.ErrConflict)
		w.ok(w.DeleteApplication(w.ctx, a.RealmID, a.ID, start, model.Effects{}))
		w.ok(w.deleteConfig(w.Store, other))
	}},
	{"AnApplicationDoesNotHoldAConfigByAWordInItsTexts", func(w *world) {
		c := w.config()
		a := newApp(w.home.realm.ID)
		a.Settings.PolicyURI = `x"authenticator_config_id":"` + string(c.ID) + `"`
		w.ok(w.CreateApplication(w.ctx, a, model.Effects{}))
		w.ok(w.deleteConfig(w.Store, c))
	}},
	{"AConfigThatAnOpenJobNamesStaysUntilTheJobIsOver", func(w *world) {
		c := w.config()
		j := newJob(w.home.person)
		j.ConfigID = c.ID
		w.ok(w.CreateBindingJob(w.ctx, j, model.Effects{}))
		w.refused(w.deleteConfig(w.Store, c), model.ErrConflict)
		w.ok(w.DeleteAuthenticatorConfig(w.ctx, c, j.ExpiresAt, model.Effects{}))

		again := w.config()
		j = newJob(w.home.person)
		j.ConfigID, j.ExpiresAt = again.ID, start.Add(time.Hour)
		w.ok(w.CreateBindingJob(w.ctx, j, model.Effects{}))
		w.ok(w.RevokeBindingJob(w.ctx, j.RealmID, j.ID, start, model.Effects{}))
		w.ok(w.deleteConfig(w.Store, again))
	}},
	{"AnApplicationNamesNoConfigThatIsNotThere", func(w *world) {
		w.refused(w.CreateApplication(w.ctx, w.named(newConfig(w.home.realm.ID)), model.Effects{}), model.ErrConflict)
		foreign := newConfig(w.away.realm.ID)
		w.ok(w.CreateAuthenticatorConfig(w.ctx, foreign, model.Effects{}))
		a := w.home.app
		a.Settings.AuthenticatorConfig = foreign.ID
		w.refused(w.UpdateApplication(w.ctx, a, model.Effects{}), model.ErrConflict)
	}},
	{"NoApplicationIsLeftWithAConfigThatWasDeletedMeanwhile", checkConfigRace},
}

// checkConfigRace: one deletes the config, the others name it in applications.
func checkConfigRace(w *world) {
	c := w.config()
	errs := race(w, func(s *store.Store, i int) error {
		if i == 0 {
			return w.deleteConfig(s, c)
		}
		return s.CreateApplication(w.ctx, w.named(c), model.Effects{})
	})
	named := 0
	for _, err := range errs[1:] {
		switch {
		case err == nil:
			named++
		case !errors.Is(err, model.ErrConflict):
			w.Errorf("got %v, want a conflict or none", err)
		}
	}
	if (errs[0] == nil) == (named > 0) {
		w.Errorf("deleted: %v, and %d applications name it", errs[0], named)
	}
}
