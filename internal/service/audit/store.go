package audit

import (
	"context"

	"github.com/assent-id/assent/internal/model"
)

// Store is what this service needs of the database.
type Store interface {
	// Events lists the newest first. Before is exclusive; empty: from the newest.
	Events(ctx context.Context, realm model.RealmID, before model.EventID, limit int) ([]model.Event, error)
	// RecordEvents appends events that no state change causes, such as refusals.
	RecordEvents(context.Context, []model.Event) error
	// FindEvents lists what the query means, newest first.
	FindEvents(context.Context, Query) (Listing, error)
}
