// Package fill writes into a database what a year of use leaves behind: people
// with passkeys, sessions, consents and grants, their applications, approvals
// and the audit trail.
//
// For N identities it writes N passkeys, N grants, N consents (two of every
// second person), N/2 sessions with their application, N/10 applications with a
// secret, N/20 approvals and N events. Of the grants 94 in 100 are alive and have
// been refreshed up to 200 times, 5 ended and 1 was revoked within the last day;
// what ended earlier the server has swept away. Three quarters come from codes,
// the rest from devices, approvals and exchanges, which hang under another one.
// Applications are popular to different degrees. Ids sort by time, spread over
// the year, as those that the server makes. The same i is the same row in every
// database but for its times.
//
// Rows go in by COPY and by prepared INSERTs, without the checks of the product.
// It is for measuring alone: passkeys of these people open nothing, and whoever
// knows this file knows their sessions.
package fill

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
)

// A Plan says what to write.
type Plan struct {
	Database   string // path of an SQLite file or postgres:// URL; the schema is there, and one default realm
	Identities int
	Issuer     string
	Shop       string   // client id of the application that visitors have agreed to
	Scopes     []string // what they have agreed to; two
	Now        time.Time
}

// A writer puts rows into tables.
type writer interface {
	realm(ctx context.Context) (string, error)
	// write writes n rows of a table; row makes the values of number i.
	write(ctx context.Context, t table, n int, row func(i int) []any) error
	// finish brings the database to the state that its own upkeep brings it to.
	finish(ctx context.Context) error
	close() error
}

// Fill writes everything. It fails on a database that was filled before.
func Fill(ctx context.Context, p Plan) (err error) {
	open := openSQLite
	if strings.HasPrefix(p.Database, "postgres://") {
		open = openPostgres
	}
	w, err := open(ctx, p.Database)
	if err != nil {
		return fmt.Errorf("open %s to fill it: %w", p.Database, err)
	}
	defer func() {
		if closed := w.close(); err == nil {
			err = closed
		}
	}()
	g := generator{Plan: p}
	if g.realm, err = w.realm(ctx); err != nil {
		return fmt.Errorf("find the realm: %w", err)
	}
	for _, t := range g.tables() {
		if err := w.write(ctx, t, t.rows, t.row); err != nil {
			return fmt.Errorf("fill %s: %w", t.name, err)
		}
	}
	return w.finish(ctx)
}

// A table is what is written into one table.
type table struct {
	name    string
	columns []string
	rows    int
	row     func(i int) []any
}

// Cookie is the session cookie of visitor number i. There are Identities/2.
func Cookie(i int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "visitor %d", i))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// mix is a number that looks random and is always the same for the same input
// (splitmix64).
func mix(kind string, i int) uint64 {
	x := uint64(i)*0x9e3779b97f4a7c15 + uint64(kind[0])<<56 + uint64(len(kind))<<48 + uint64(kind[len(kind)-1])<<40
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// noise is n bytes that look random.
func noise(kind string, i, n int) []byte {
	b := make([]byte, 0, n+8)
	for j := 0; len(b) < n; j++ {
		b = binary.BigEndian.AppendUint64(b, mix(kind, i<<5+j))
	}
	return b[:n]
}

// id is a UUIDv7 of the given time as the server writes ids (RFC 9562, Section
// 5.7).
func id(prefix string, at time.Time, i int) string {
	var block [16]byte
	binary.BigEndian.PutUint64(block[:8], uint64(at.UnixMilli())<<16|7<<12|mix(prefix, i)>>52)
	binary.BigEndian.PutUint64(block[8:], 0b10<<62|mix(prefix+"_", i)>>2)
	return ids.Encode(prefix, block)
}
