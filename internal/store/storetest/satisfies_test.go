package storetest_test

import (
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/approval"
	"github.com/assent-id/assent/internal/service/audit"
	"github.com/assent-id/assent/internal/service/authenticator"
	"github.com/assent-id/assent/internal/service/directory"
	"github.com/assent-id/assent/internal/service/gate"
	"github.com/assent-id/assent/internal/service/idempotency"
	"github.com/assent-id/assent/internal/service/keys"
	"github.com/assent-id/assent/internal/service/logout"
	"github.com/assent-id/assent/internal/service/notify"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/internal/service/realm"
	"github.com/assent-id/assent/internal/service/signin"
	"github.com/assent-id/assent/internal/store"
)

// One store is enough for every service.
var (
	_ application.Store   = (*store.Store)(nil)
	_ approval.Store      = (*store.Store)(nil)
	_ audit.Store         = (*store.Store)(nil)
	_ authenticator.Store = (*store.Store)(nil)
	_ directory.Store     = (*store.Store)(nil)
	_ gate.Store          = (*store.Store)(nil)
	_ idempotency.Store   = (*store.Store)(nil)
	_ keys.Store          = (*store.Store)(nil)
	_ logout.Store        = (*store.Store)(nil)
	_ notify.Store        = (*store.Store)(nil)
	_ oauth.Store         = (*store.Store)(nil)
	_ realm.Store         = (*store.Store)(nil)
	_ signin.Store        = (*store.Store)(nil)
)
