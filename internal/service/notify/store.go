package notify

import (
	"context"
	"time"

	"github.com/assent-id/assent/internal/model"
)

// Store is what this service needs of the database.
type Store interface {
	// LeaseOutbox takes up to limit items that are due at now and unleased (or
	// whose lease ran out), counts the attempt and leases them to this node. No two nodes get one item
	// while its lease runs.
	LeaseOutbox(ctx context.Context, node string, now model.Millis, lease time.Duration, limit int) ([]model.OutboxItem, error)
	// DoneOutbox removes a delivered item, if this node still has its lease.
	DoneOutbox(ctx context.Context, node string, id model.OutboxID) error
	// RetryOutbox gives an item back, due again at notBefore, with the error.
	RetryOutbox(ctx context.Context, node string, id model.OutboxID, notBefore model.Millis, lastError string) error
	// NextOutbox is when the next item falls due; 0 if there is none.
	NextOutbox(context.Context) (model.Millis, error)
}
