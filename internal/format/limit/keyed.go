package limit

import (
	"hash/maphash"
	"sync"
	"time"
)

const (
	shardCount = 16 // a power of two
	sample     = 8  // entries looked at to make room for one
)

// Keyed holds one Rate for each of many keys, in bounded memory. It is safe for
// concurrent use.
type Keyed struct {
	rate   Rate
	seed   maphash.Seed
	each   int // keys per shard
	shards [shardCount]shard
}

// A shard remembers, by the hash of the key, the theoretical arrival time in
// Unix nanoseconds. The hash is seeded per process, so nobody outside can choose
// keys that collide; two that do by chance share an allowance.
type shard struct {
	mu  sync.Mutex
	tat map[uint64]int64
	_   [40]byte // keeps two locks out of one cache line
}

// NewKeyed returns a limiter of the given rate that remembers about maxKeys
// keys. An entry takes some 40 bytes, whatever the length of its key.
func NewKeyed(rate Rate, maxKeys int) *Keyed {
	k := &Keyed{rate: rate, seed: maphash.MakeSeed(), each: max(1, maxKeys/shardCount)}
	for i := range k.shards {
		k.shards[i].tat = make(map[uint64]int64)
	}
	return k
}

// Allow decides on one event of the key at the instant now, and says how long
// to wait where it is refused.
func (k *Keyed) Allow(key string, now time.Time) (wait time.Duration, ok bool) {
	h := maphash.String(k.seed, key)
	s := &k.shards[h%shardCount]
	s.mu.Lock()
	defer s.mu.Unlock()
	old, known := s.tat[h]
	var tat time.Time
	if known {
		tat = time.Unix(0, old)
	}
	next, wait, ok := k.rate.Next(tat, now)
	if !ok {
		return wait, false
	}
	if !known && len(s.tat) >= k.each {
		s.makeRoom(now.UnixNano())
	}
	s.tat[h] = next.UnixNano()
	return 0, true
}

// Return gives one event of the key back that [Keyed.Allow] allowed and that
// turned out not to count.
func (k *Keyed) Return(key string) {
	h := maphash.String(k.seed, key)
	s := &k.shards[h%shardCount]
	s.mu.Lock()
	defer s.mu.Unlock()
	if tat, known := s.tat[h]; known {
		s.tat[h] = tat - int64(k.rate.Every)
	}
}

// makeRoom looks at a few entries, which Go's map picks at random, and drops
// those whose allowance is whole again: forgetting them changes nothing. Where
// there is none it drops the one that is nearest to that, so that a flood of
// new keys forgets other new keys before it forgets one that is shut out.
func (s *shard) makeRoom(now int64) {
	var victim uint64
	var lowest int64
	seen, dropped := 0, false
	for h, tat := range s.tat {
		if tat <= now {
			delete(s.tat, h)
			dropped = true
		} else if seen == 0 || tat < lowest {
			victim, lowest = h, tat
		}
		if seen++; seen == sample {
			break
		}
	}
	if !dropped {
		delete(s.tat, victim)
	}
}

// Len returns how many keys are remembered.
func (k *Keyed) Len() int {
	n := 0
	for i := range k.shards {
		s := &k.shards[i]
		s.mu.Lock()
		n += len(s.tat)
		s.mu.Unlock()
	}
	return n
}
