package manage

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/model"
)

// Keys are the signing keys of realms.
type Keys interface {
	List(context.Context, *model.Site) ([]model.SigningKey, error)
	RotateNow(ctx context.Context, site *model.Site, actor string, algs ...jose.Alg) error
}

// A SigningKey is one key that a realm signs with, or did.
type SigningKey struct {
	ID           string          `json:"kid" doc:"Key id, as in the JWKS."`
	Alg          string          `json:"alg" doc:"ES256, EdDSA, PS256 or RS256."`
	State        string          `json:"state" enum:"next,active,retired" doc:"next: published, signs soon; active: signs; retired: signs no more, published while its tokens live."`
	PublicJWK    json.RawMessage `json:"public_jwk" doc:"The public key (RFC 7517)."`
	CreateTime   string          `json:"create_time"`
	ActivateTime string          `json:"activate_time,omitempty" doc:"Since when it signs."`
	RetireTime   string          `json:"retire_time,omitempty" doc:"Since when it does not sign any more."`
	ExpireTime   string          `json:"expire_time,omitempty" doc:"Until when the JWKS holds it."`
}

// SigningKeys are those of a realm, oldest first.
type SigningKeys struct {
	Keys []SigningKey `json:"signing_keys" doc:"The keys, oldest first."`
}

// KeyRotation says which keys to make anew.
type KeyRotation struct {
	Algorithms []string `json:"algorithms,omitempty" enum:"ES256,EdDSA,PS256,RS256" maxItems:"4" doc:"Only keys of these algorithms; left out: all."`
}

type (
	keysOut struct{ Body SigningKeys }
	keysIn  struct{ Target }
	turnIn  struct {
		Target
		Body *KeyRotation
	}
)

var keysExample = SigningKeys{Keys: []SigningKey{{ID: "n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg", Alg: "ES256", State: "active",
	PublicJWK:  json.RawMessage(`{"kty":"EC","crv":"P-256","alg":"ES256","use":"sig","kid":"n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}`),
	CreateTime: exampleTime, ActivateTime: exampleTime}}}

func (a *API) signingKeys() {
	a.describe(map[string]string{"SigningKeys": "The signing keys of a realm.", "SigningKey": "A key that a realm signs with, or did.", "KeyRotation": "Which keys to make anew."})
	add(a, operation{id: "listSigningKeys", method: http.MethodGet, path: "/signing-keys", tag: "Signing keys", scope: SigningKeysRead,
		summary: "List signing keys",
		about:   "Every key that the realm signs or ever signed with, oldest first, without private halves. There are few of them, so they come in one page.",
		gives:   keysExample},
		func(ctx context.Context, c call, _ *keysIn) (*keysOut, error) { return a.listKeys(ctx, c) })
	add(a, operation{id: "rotateSigningKeys", method: http.MethodPost, path: "/signing-keys/rotate", tag: "Signing keys", scope: SigningKeysUpdate,
		summary: "Rotate signing keys now",
		about: "Makes new keys of the algorithms, or of all where none is named, which sign from now on. The old ones stay published for as long as " +
			"their tokens live. Keys rotate by themselves too; this is for when one must not sign any more.",
		takes: KeyRotation{Algorithms: []string{"ES256"}}, gives: keysExample},
		func(ctx context.Context, c call, in *turnIn) (*keysOut, error) {
			var algs []jose.Alg
			if in.Body != nil {
				for _, name := range in.Body.Algorithms {
					algs = append(algs, jose.Alg(name))
				}
			}
			if err := a.cfg.Keys.RotateNow(ctx, c.site, c.actor, algs...); err != nil {
				return nil, err
			}
			return a.listKeys(ctx, c)
		})
}

func (a *API) listKeys(ctx context.Context, c call) (*keysOut, error) {
	list, err := a.cfg.Keys.List(ctx, c.site)
	if err != nil {
		return nil, err
	}
	out := &keysOut{Body: SigningKeys{Keys: make([]SigningKey, len(list))}}
	for i, k := range list {
		out.Body.Keys[i] = SigningKey{ID: string(k.KID), Alg: k.Alg, State: string(k.State), PublicJWK: k.PublicJWK, CreateTime: instant(k.CreatedAt),
			ActivateTime: instant(k.ActivatedAt), RetireTime: instant(k.RetiredAt), ExpireTime: instant(k.PublishUntil)}
	}
	return out, nil
}
