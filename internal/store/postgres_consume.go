package store

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/assent-id/assent/internal/model"
)

// A pgConsumer decides single use for many callers at once: what has queued up
// while the last batch was on its way becomes one statement with one commit.
// Nobody waits for a batch to grow.
type pgConsumer struct {
	p     *pg
	queue *queue[*pgOnce]
	done  chan struct{}
	batch []*pgOnce
	// Memory of the batch being sent.
	realms, namespaces, digests, untils pgArray
	firsts                              list[[32]byte]
}

// consumeBatch bounds a batch.
const consumeBatch = 256

type pgOnce struct {
	ticket
	once  *model.Once
	first bool
}

// consumeManySQL is [consumeSQL] for many rows.
const consumeManySQL = `
INSERT INTO consumed (realm_id, namespace, digest, until_at)
SELECT r, n, d, u FROM unnest($1, $2, $3, $4) AS o (r, n, d, u)
WHERE u > (SELECT at FROM mark WHERE name = 'forgotten')
ON CONFLICT (realm_id, namespace, digest) DO UPDATE SET until_at = excluded.until_at
WHERE consumed.until_at <= (SELECT at FROM mark WHERE name = 'forgotten')
RETURNING digest`

func startConsumer(p *pg) *pgConsumer {
	c := &pgConsumer{p: p, queue: newQueue[*pgOnce](4 * consumeBatch), done: make(chan struct{})}
	c.firsts.scan = func(r row) (d [32]byte) { copy(d[:], r.bytes()); return d }
	go c.loop()
	return c
}

func (p *pg) consume(ctx context.Context, o *model.Once) (bool, error) {
	j := &pgOnce{once: o}
	j.answer = make(chan struct{}, 1)
	if err := p.once.queue.put(ctx, j); err != nil {
		return false, err
	}
	err := j.wait(ctx)
	return j.first && err == nil, err
}

func (c *pgConsumer) close() {
	c.queue.close()
	<-c.done
}

func (c *pgConsumer) loop() {
	defer close(c.done)
	for j := range c.queue.jobs {
		if !j.take() {
			continue
		}
		c.batch = append(c.batch[:0], j)
		c.gather()
		c.flush()
	}
}

func (c *pgConsumer) gather() {
	for len(c.batch) < consumeBatch {
		select {
		case j, open := <-c.queue.jobs:
			if !open {
				return
			}
			if j.take() {
				c.batch = append(c.batch, j)
			}
		default:
			return
		}
	}
}

// compareOnce orders by key, so that the batches of two nodes lock the rows
// that they share in the same order. The digest leads: it decides nearly
// always.
func compareOnce(a, b *pgOnce) int {
	return cmp.Or(bytes.Compare(a.once.Digest[:], b.once.Digest[:]),
		strings.Compare(string(a.once.RealmID), string(b.once.RealmID)),
		strings.Compare(a.once.Namespace, b.once.Namespace))
}

// flush decides the batch. Rows are told apart by digest when they come back,
// so things that share a digest in different realms or namespaces go one after
// the other.
func (c *pgConsumer) flush() {
	// Stable: of two that are the same thing, the one that came first wins.
	slices.SortStableFunc(c.batch, compareOnce)
	rest := c.batch
	for len(rest) > 0 {
		rest = c.flushDistinct(rest)
	}
}

// flushDistinct decides all whose digest is not in the batch twice, and the
// first of those that are. It returns the others, still sorted.
func (c *pgConsumer) flushDistinct(jobs []*pgOnce) (rest []*pgOnce) {
	var now, same []*pgOnce
	now = jobs
	for i := 1; i < len(jobs); i++ {
		if jobs[i].once.Digest == jobs[i-1].once.Digest {
			now, same, rest = splitByDigest(jobs)
			break
		}
	}
	err := c.send(now)
	for _, j := range now {
		j.err = err
		j.settle()
	}
	for _, j := range same { // decided in memory: another was first
		j.err = err
		j.settle()
	}
	return rest
}

// splitByDigest parts sorted jobs into the first of each digest, those that
// are the same thing as that first, and the rest.
func splitByDigest(jobs []*pgOnce) (firsts, same, rest []*pgOnce) {
	for _, j := range jobs {
		switch last := len(firsts) - 1; {
		case last < 0 || firsts[last].once.Digest != j.once.Digest:
			firsts = append(firsts, j)
		case compareOnce(firsts[last], j) == 0:
			same = append(same, j)
		default:
			rest = append(rest, j)
		}
	}
	return firsts, same, rest
}

func (c *pgConsumer) send(jobs []*pgOnce) error {
	n := len(jobs)
	c.realms.begin(textArrayOID, textOID, n)
	c.namespaces.begin(textArrayOID, textOID, n)
	c.digests.begin(byteaArrayOID, byteaOID, n)
	c.untils.begin(int8ArrayOID, int8OID, n)
	for _, j := range jobs {
		c.realms.addText(string(j.once.RealmID))
		c.namespaces.addText(j.once.Namespace)
		c.digests.addBytes(j.once.Digest[:])
		c.untils.addInt(int64(j.once.Until))
	}
	pl := pipeline{steps: []step{{sql: consumeManySQL, rows: &c.firsts,
		args: []any{c.realms, c.namespaces, c.digests, c.untils}}}}
	ctx := context.Background() // several callers: each has given up waiting, or not
	err := c.p.again(ctx, func() error { return outcome(c.p.send(ctx, &pl), &pl) })
	if err != nil {
		return err
	}
	c.mark(jobs)
	return nil
}

// mark tells the jobs whose rows came back.
func (c *pgConsumer) mark(jobs []*pgOnce) {
	if len(c.firsts.got) == len(jobs) {
		for _, j := range jobs {
			j.first = true
		}
		return
	}
	for _, d := range c.firsts.got {
		i, found := slices.BinarySearchFunc(jobs, d, func(j *pgOnce, d [32]byte) int {
			return bytes.Compare(j.once.Digest[:], d[:])
		})
		if found {
			jobs[i].first = true
		}
	}
}
