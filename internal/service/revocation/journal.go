package revocation

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/assent-id/assent/internal/model"
)

// forgetEvery is how often memory is searched for what has expired, at most: a
// search looks at everything.
const forgetEvery = 10 * time.Second

// An entry is a revocation as it arrived here. One that was raised since is gone,
// and there is a newer one.
type entry struct {
	row  model.Revocation
	at   uint64 // its place in the journal, from 1
	gone bool   // under the memory's lock

	naming chan struct{} // of an identity: who looks for its names puts one in
	names  subjects      // nil: nobody found them yet
}

// subjects are the names under which an identity is the subject of tokens, with
// the resource servers whose tokens may have the name; nil: all of them.
type subjects map[string][]string

func (e *entry) before() model.Millis {
	if e == nil {
		return 0
	}
	return e.row.Before
}

// until is when no token that it concerns is left.
func (e *entry) until() model.Millis {
	if e.row.ExpiresAt != 0 {
		return e.row.ExpiresAt
	}
	return max(e.row.Before, e.row.At).Add(model.LongestToken)
}

// A journal is what arrived of one realm, in that order. Its name is new with
// each start, so that no place in it is mistaken for one in another.
type journal struct {
	name string
	last uint64   // place of the latest arrival
	list []*entry // those that are gone stay until they are many
	gone int
}

// journalName is how many characters of base32 name a journal, of 5 random bits
// each.
const journalName = 12

func newJournal() *journal { return &journal{name: rand.Text()[:journalName]} }

// nameFor is what the journal is called in the cursors of those who are told the
// same of it as this reader. Whoever is told more than before, because its client
// acts for another resource server by now, has been in no such journal, and so is
// told everything.
func (j *journal) nameFor(q *Query) string {
	told := slices.Clone(q.Resources)
	slices.Sort(told)
	if q.RealmAlone {
		told = []string{"realm"} // no absolute URI, as identifiers are
	}
	sum := sha256.Sum256([]byte(j.name + "\x00" + strings.Join(told, "\x00")))
	return base32.StdEncoding.EncodeToString(sum[:])[:journalName]
}

// journal finds that of a realm.
func (m *Memory) journal(realm model.RealmID) *journal {
	m.mu.RLock()
	j := m.realms[realm]
	m.mu.RUnlock()
	if j != nil {
		return j
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.of(realm)
}

// of finds the journal of a realm, with the lock held.
func (m *Memory) of(realm model.RealmID) *journal {
	j := m.realms[realm]
	if j == nil {
		j = newJournal()
		m.realms[realm] = j
	}
	return j
}

// learn takes a row in, unless it is known as it is.
func (m *Memory) learn(row model.Revocation) {
	what := name{row.RealmID, row.Kind, row.Key}
	old := m.known[what]
	if old != nil && old.row == row {
		return
	}
	j := m.of(row.RealmID)
	if old != nil {
		j.drop(old)
	}
	j.last++
	e := &entry{row: row, at: j.last}
	if row.Kind == model.RevokeIdentity {
		e.naming = make(chan struct{}, 1)
	}
	j.list = append(j.list, e)
	m.known[what] = e
}

// forget drops what has expired.
func (m *Memory) forget(now model.Millis) {
	if now < m.searched.Add(forgetEvery) {
		return
	}
	m.searched = now
	for what, e := range m.known {
		if e.row.ExpiresAt != 0 && now >= e.row.ExpiresAt {
			delete(m.known, what)
			m.of(e.row.RealmID).drop(e)
		}
	}
}

func (j *journal) drop(e *entry) {
	e.gone = true
	if j.gone++; j.gone > len(j.list)/2 {
		j.list = slices.DeleteFunc(j.list, func(e *entry) bool { return e.gone })
		j.gone = 0
	}
}

// after lists what arrived after a place and is wanted, as many as that.
func (j *journal) after(place uint64, most int, wanted func(*entry) bool) []*entry {
	first := sort.Search(len(j.list), func(i int) bool { return j.list[i].at > place })
	var news []*entry
	for _, e := range j.list[first:] {
		if e.gone || !wanted(e) {
			continue
		}
		if news = append(news, e); len(news) == most {
			break
		}
	}
	return news
}
