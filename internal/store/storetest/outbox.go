package storetest

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
)

func newItem(realm model.RealmID) model.OutboxItem {
	return model.OutboxItem{ID: model.OutboxID(ids.New("out")), RealmID: realm, Channel: "mail",
		Payload: json.RawMessage(`{"to":"a@example.org"}`), NotBefore: start, ExpiresAt: start.Add(24 * time.Hour)}
}

// send queues items beside an event.
func (w *world) send(items ...model.OutboxItem) {
	w.Helper()
	fx := model.Effects{Outbox: items}
	t := model.Tenant{ID: model.TenantID(ids.New("ten")), CreatedAt: start}
	t.Name = string(t.ID)
	w.ok(w.CreateTenant(w.ctx, t, fx))
}

func (w *world) lease(node string, now model.Millis, limit int) []model.OutboxItem {
	w.Helper()
	return got(w.LeaseOutbox(w.ctx, node, now, time.Minute, limit))
}

var outboxPromises = []promise{
	{"AnItemCanBeQueuedAlone", func(w *world) {
		item := newItem(w.home.realm.ID)
		w.ok(w.Queue(w.ctx, item))
		same(w, got(w.NextOutbox(w.ctx)), item.NotBefore)
		item.Attempts++
		same(w, w.lease("a", start, 10), []model.OutboxItem{item})
	}},
	{"ALeasedItemIsOneNodesAloneUntilTheLeaseRunsOut", func(w *world) {
		item := newItem(w.home.realm.ID)
		w.send(item)
		same(w, len(w.lease("a", start-1, 10)), 0)
		item.Attempts = 1
		same(w, w.lease("a", start, 10), []model.OutboxItem{item})
		same(w, len(w.lease("b", start.Add(59*time.Second), 10)), 0)
		same(w, len(w.lease("a", start.Add(59*time.Second), 10)), 0)
		item.Attempts = 2
		same(w, w.lease("b", start.Add(time.Minute), 10), []model.OutboxItem{item})
	}},
	{"DoneItemsAreGoneButOnlyTheHolderSaysSo", func(w *world) {
		item := newItem(w.home.realm.ID)
		w.send(item)
		w.lease("a", start, 1)
		w.ok(w.DoneOutbox(w.ctx, "b", item.ID))
		w.lease("b", start.Add(time.Minute), 1)
		w.ok(w.DoneOutbox(w.ctx, "a", item.ID)) // too late: it is b's now
		same(w, len(w.lease("c", start.Add(2*time.Minute), 1)), 1)
		w.ok(w.DoneOutbox(w.ctx, "c", item.ID))
		same(w, len(w.lease("a", start.Add(time.Hour), 1)), 0)
		same(w, got(w.NextOutbox(w.ctx)), 0)
	}},
	{"AnItemGivenBackIsDueWhenItsHolderSaid", func(w *world) {
		item := newItem(w.home.realm.ID)
		w.send(item)
		w.lease("a", start, 1)
		w.ok(w.RetryOutbox(w.ctx, "b", item.ID, start, "not mine"))
		w.ok(w.RetryOutbox(w.ctx, "a", item.ID, start+30, "mailbox full"))
		same(w, got(w.NextOutbox(w.ctx)), start+30)
		same(w, len(w.lease("b", start+29, 1)), 0)
		item.Attempts, item.LastError, item.NotBefore = 2, "mailbox full", start+30
		same(w, w.lease("b", start+30, 1), []model.OutboxItem{item})
	}},
	{"TheLimitHoldsAndTheOldestGoFirst", func(w *world) {
		var items []model.OutboxItem
		for i := range 5 {
			item := newItem(w.home.realm.ID)
			item.NotBefore = start - model.Millis(i)
			items = append(items, item)
		}
		w.send(items...)
		first := w.lease("a", start, 2)
		same(w, []model.OutboxID{first[0].ID, first[1].ID}, []model.OutboxID{items[4].ID, items[3].ID})
		same(w, len(w.lease("b", start, 10)), 3)
	}},
	{"WhatIsNotWorthSendingAnyMoreIsNeitherLeasedNorDue", func(w *world) {
		item := newItem(w.home.realm.ID)
		item.ExpiresAt = start + 5
		forever := newItem(w.home.realm.ID)
		forever.ExpiresAt, forever.NotBefore = 0, start+50
		w.send(item, forever)
		same(w, len(w.lease("a", start+5, 10)), 0)
		same(w, got(w.NextOutbox(w.ctx)), start+50)
		same(w, len(w.lease("a", start+50, 10)), 1)
	}},
	{"TheNextDueIsTheEarliestAndALeaseCounts", func(w *world) {
		same(w, got(w.NextOutbox(w.ctx)), 0)
		early, late := newItem(w.home.realm.ID), newItem(w.away.realm.ID)
		late.NotBefore = start.Add(30 * time.Second)
		w.send(late, early)
		same(w, got(w.NextOutbox(w.ctx)), start)
		w.lease("a", start, 1)
		same(w, got(w.NextOutbox(w.ctx)), late.NotBefore)
		w.lease("a", late.NotBefore, 1)
		same(w, got(w.NextOutbox(w.ctx)), start.Add(time.Minute))
	}},
}

func newEvent(realm model.RealmID, kind string) model.Event {
	return model.Event{ID: model.EventID(ids.New("evt")), RealmID: realm, Type: kind, Actor: "idn_a", Target: "apr_b",
		At: start, Data: json.RawMessage(`{"n":1}`)}
}

func (w *world) events(realm model.RealmID) []model.Event {
	w.Helper()
	return got(w.Events(w.ctx, realm, "", 1000))
}

var auditPromises = []promise{
	{"EventsComeBackNewestFirstInPages", func(w *world) {
		var want []model.Event
		for i := range 7 {
			e := newEvent(w.home.realm.ID, fmt.Sprintf("test.%d", i))
			if i == 3 {
				e.Data = nil
			}
			want = append([]model.Event{e}, want...)
		}
		w.ok(w.RecordEvents(w.ctx, want))
		var all []model.Event
		before := model.EventID("")
		for {
			page := got(w.Events(w.ctx, w.home.realm.ID, before, 3))
			if len(page) == 0 {
				break
			}
			all = append(all, page...)
			before = page[len(page)-1].ID
			w.ok(w.RecordEvents(w.ctx, []model.Event{newEvent(w.home.realm.ID, "test.late")}))
		}
		same(w, all, want)
	}},
	{"NoEventsAreNoWork", func(w *world) { w.ok(w.RecordEvents(w.ctx, nil)) }},
	{"EventsAreRecordedTogetherOrNotAtAll", func(w *world) {
		e := newEvent(w.home.realm.ID, "test.a")
		w.refused(w.RecordEvents(w.ctx, []model.Event{e, newEvent(w.home.realm.ID, "test.b"), e}), model.ErrConflict)
		same(w, len(w.events(w.home.realm.ID)), 0)
	}},
}
