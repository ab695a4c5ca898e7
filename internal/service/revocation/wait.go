package revocation

import (
	"context"
	"time"

	"github.com/assent-id/assent/internal/model"
)

// lookEvery is how often a waiting reader's node asks itself whether it still
// hears of everything.
const lookEvery = time.Second

// Take takes a waiting place for a client, and answers how to give it back; false
// if there is none.
func (f *Feed) Take(site *model.Site, client model.ClientID) (give func(), ok bool) {
	mine, ok := f.of.Take(string(site.Realm.ID) + "/" + string(client))
	if !ok {
		return nil, false
	}
	among, ok := f.all.Take("")
	if !ok {
		mine()
		return nil, false
	}
	return func() { mine(); among() }, true
}

// Waiting is how many have a waiting place now.
func (f *Feed) Waiting() int { return f.all.Used("") }

// Await is Read that waits until there is something to tell, at most as long as
// that, and answers a page without news then. It answers at once when ctx ends.
func (f *Feed) Await(ctx context.Context, q Query, wait time.Duration) (Page, error) {
	end := time.NewTimer(wait)
	defer end.Stop()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for over := wait <= 0; ; {
		changed := f.cfg.Memory.changed()
		// A stopping server answers those who wait; it must still be able to read.
		page, err := f.Read(context.WithoutCancel(ctx), q)
		if err != nil || page.News() || over {
			return page, err
		}
		select {
		case <-changed:
		case <-look.C:
		case <-end.C:
			over = true
		case <-ctx.Done():
			over = true
		}
	}
}
