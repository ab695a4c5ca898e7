package obs

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"
)

// LogConfig says where records go. The zero value logs text at level info to
// nowhere; only Output must be set for a log that can be read.
type LogConfig struct {
	Output io.Writer  // default io.Discard
	Level  slog.Level // records below it are dropped; default slog.LevelInfo
	Format string     // "text" (default) or "json"

	// FlushEvery bounds how long a record below warning may wait in memory;
	// default 200 ms.
	FlushEvery time.Duration
}

// A Log is a logger with a buffered writer behind it. Records below warning
// share writes, because a system call for each request costs more than most
// requests; a warning or an error is written at once, after all that came
// before it. Close it before the process ends.
type Log struct {
	*slog.Logger
	buffer *buffer
}

// NewLog opens a log. It fails only for a format that it does not know.
func NewLog(c LogConfig) (*Log, error) {
	if c.Output == nil {
		c.Output = io.Discard
	}
	if c.FlushEvery <= 0 {
		c.FlushEvery = 200 * time.Millisecond
	}
	b := newBuffer(c.Output, c.FlushEvery)
	opts := &slog.HandlerOptions{Level: c.Level}
	var inner slog.Handler
	switch c.Format {
	case "", "text":
		inner = slog.NewTextHandler(b, opts)
	case "json":
		inner = slog.NewJSONHandler(b, opts)
	default:
		return nil, fmt.Errorf("log format %q: use text or json", c.Format)
	}
	return &Log{Logger: slog.New(handler{inner, b}), buffer: b}, nil
}

// Close flushes and stops buffering: what is logged later is written at
// once. It does not close the output. It returns the first error that the
// output ever returned.
func (l *Log) Close() error { return l.buffer.close() }

// A handler flushes the shared buffer after each record that somebody should
// see even if the process dies next.
type handler struct {
	slog.Handler
	buffer *buffer
}

func (h handler) Handle(ctx context.Context, r slog.Record) error {
	if err := h.Handler.Handle(ctx, r); err != nil {
		return err
	}
	if r.Level >= slog.LevelWarn {
		return h.buffer.flush()
	}
	return nil
}

func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return handler{h.Handler.WithAttrs(attrs), h.buffer}
}

func (h handler) WithGroup(name string) slog.Handler {
	return handler{h.Handler.WithGroup(name), h.buffer}
}
