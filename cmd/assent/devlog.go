package main

import (
	"context"
	"log/slog"

	"github.com/assent-id/assent/internal/service/oauth"
)

// A devLog is what a developer reads at the terminal: what went wrong, and whose
// authentication was refused and why, which the client is not told.
type devLog struct{ slog.Handler }

// Enabled lets requests through as far as Handle.
func (devLog) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }

// Handle prints a warning as it is, and a refused client in one line.
func (h devLog) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= slog.LevelWarn {
		return h.Handler.Handle(ctx, r)
	}
	said := map[string]string{}
	r.Attrs(func(a slog.Attr) bool {
		said[a.Key] = a.Value.String()
		return true
	})
	if said["refusal"] != string(oauth.InvalidClient) {
		return nil
	}
	line := slog.NewRecord(r.Time, slog.LevelWarn, "client authentication refused", 0)
	line.AddAttrs(slog.String("route", said["route"]), slog.String("cause", said["cause"]))
	return h.Handler.Handle(ctx, line)
}

// WithAttrs keeps what this handler leaves out.
func (h devLog) WithAttrs(attrs []slog.Attr) slog.Handler { return devLog{h.Handler.WithAttrs(attrs)} }

// WithGroup keeps what this handler leaves out.
func (h devLog) WithGroup(name string) slog.Handler { return devLog{h.Handler.WithGroup(name)} }
