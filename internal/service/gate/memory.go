package gate

import (
	"context"
	"fmt"
	"strings"

	"github.com/assent-id/assent/internal/hub"
	"github.com/assent-id/assent/internal/model"
)

// A memory of rows is passed over while it cannot be trusted.
type memory[V any] struct {
	load  func(ctx context.Context, key string) (V, error)
	cache *hub.Cache[V]
}

func newMemory[V any](max int, load func(context.Context, string) (V, error)) memory[V] {
	return memory[V]{load: load, cache: hub.NewCache(max, load)}
}

func (m memory[V]) get(ctx context.Context, key string, trusted bool) (V, error) {
	if !trusted {
		return m.load(ctx, key)
	}
	return m.cache.Get(ctx, key)
}

// listen forgets what changed. The keys of changes are the keys of memories.
func (m memory[V]) listen(h *hub.Hub, topic string) {
	h.Listen(topic, func(c model.Change) { m.cache.Forget(c.Key) })
	h.OnResync(m.cache.Clear)
}

// inRealm is the key of a row of a realm.
func inRealm[ID ~string](realm model.RealmID, id ID) string { return string(realm) + "/" + string(id) }

func (g *Gate) loadRealm(ctx context.Context, id string) (model.Realm, error) {
	all, err := g.cfg.Store.Realms(ctx)
	if err != nil {
		return model.Realm{}, err
	}
	for _, r := range all {
		if string(r.ID) == id {
			return r, nil
		}
	}
	return model.Realm{}, fmt.Errorf("realm %s: %w", id, model.ErrNotFound)
}

func (g *Gate) loadApplication(ctx context.Context, key string) (model.Application, error) {
	realm, id, _ := strings.Cut(key, "/")
	return g.cfg.Store.Application(ctx, model.RealmID(realm), model.ClientID(id))
}

func (g *Gate) loadIdentity(ctx context.Context, key string) (model.Identity, error) {
	realm, id, _ := strings.Cut(key, "/")
	return g.cfg.Store.Identity(ctx, model.RealmID(realm), model.IdentityID(id))
}
