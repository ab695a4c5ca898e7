package oauthhttp_test

import (
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/realm"
)

// realmWithoutAskAnyone is a realm in which an application may only ask whom
// it acts for.
func realmWithoutAskAnyone(name string) realm.NewRealm {
	return realm.NewRealm{Name: name, DisplayName: name, Policy: model.RealmPolicy{Development: true}}
}
