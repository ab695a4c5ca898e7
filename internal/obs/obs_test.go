package obs_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/assent-id/assent/internal/obs"
)

// A sink is an output that counts the writes it gets.
type sink struct {
	mu     sync.Mutex
	text   bytes.Buffer
	writes int
}

func (s *sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes++
	return s.text.Write(p)
}

func (s *sink) seen() (string, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String(), s.writes
}

func newLog(t *testing.T, c obs.LogConfig) *obs.Log {
	t.Helper()
	log, err := obs.NewLog(c)
	if err != nil {
		t.Fatal(err)
	}
	return log
}

func TestInfoRecordsShareOneWriteAfterTheInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &sink{}
		log := newLog(t, obs.LogConfig{Output: out, FlushEvery: 100 * time.Millisecond})
		for i := range 10 {
			log.Info("request", "n", i)
		}
		time.Sleep(99 * time.Millisecond)
		synctest.Wait()
		if text, _ := out.seen(); text != "" {
			t.Errorf("written before the interval: %q", text)
		}
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		text, writes := out.seen()
		if lines := strings.Count(text, "\n"); lines != 10 || writes != 1 {
			t.Errorf("got %d lines in %d writes, want 10 in 1", lines, writes)
		}
		log.Info("later")
		time.Sleep(101 * time.Millisecond)
		synctest.Wait()
		if text, _ := out.seen(); !strings.Contains(text, "later") {
			t.Error("a record after the first flush was never written")
		}
	})
}

func TestWarningsAreWrittenAtOnceAndAfterWhatCameBefore(t *testing.T) {
	out := &sink{}
	log := newLog(t, obs.LogConfig{Output: out, FlushEvery: time.Hour})
	log.Info("first")
	log.With("a", 1).WithGroup("g").Warn("second")
	text, _ := out.seen()
	first, second := strings.Index(text, "first"), strings.Index(text, "second")
	if first < 0 || second < first {
		t.Errorf("got %q, want first and then second", text)
	}
}

func TestCloseWritesTheRestAndLaterRecordsAreNotHeld(t *testing.T) {
	out := &sink{}
	log := newLog(t, obs.LogConfig{Output: out, FlushEvery: time.Hour, Format: "json"})
	log.Info("before")
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	log.Info("after")
	text, _ := out.seen()
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if len(lines) != 2 {
		t.Fatalf("got %d lines, want 2: %q", len(lines), text)
	}
	var record struct{ Msg string }
	if err := json.Unmarshal([]byte(lines[1]), &record); err != nil || record.Msg != "after" {
		t.Errorf("second line %q: %v", lines[1], err)
	}
}

func TestNoRecordIsLostOrTornAmongManyWriters(t *testing.T) {
	const writers, each = 16, 500
	out := &sink{}
	log := newLog(t, obs.LogConfig{Output: out, FlushEvery: time.Millisecond})
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				log.Info("request", "id", fmt.Sprintf("w%02d-%03d.", w, i))
			}
		})
	}
	wg.Wait()
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	text, _ := out.seen()
	line := regexp.MustCompile(`(?m)^time=\S+ level=INFO msg=request id=(w\d\d-\d\d\d)\.$`)
	ids := make(map[string]bool)
	for _, m := range line.FindAllStringSubmatch(text, -1) {
		ids[m[1]] = true
	}
	if len(ids) != writers*each {
		t.Errorf("got %d whole and different records, want %d", len(ids), writers*each)
	}
}

type broken struct{}

var errFull = errors.New("disk full")

func (broken) Write([]byte) (int, error) { return 0, errFull }

func TestCloseReportsThatTheOutputRefusedRecords(t *testing.T) {
	log := newLog(t, obs.LogConfig{Output: broken{}})
	log.Error("lost")
	log.Info("lost too")
	if err := log.Close(); !errors.Is(err, errFull) {
		t.Errorf("got %v, want %v", err, errFull)
	}
}

func TestLogRefusesAnUnknownFormatAndDropsBelowTheLevel(t *testing.T) {
	if _, err := obs.NewLog(obs.LogConfig{Format: "xml"}); err == nil {
		t.Error("format xml was accepted")
	}
	out := &sink{}
	log := newLog(t, obs.LogConfig{Output: out, Level: slog.LevelWarn})
	log.Info("dropped")
	log.Warn("kept")
	if text, _ := out.seen(); strings.Contains(text, "dropped") || !strings.Contains(text, "kept") {
		t.Errorf("got %q", text)
	}
}

func scrape(t *testing.T, m *obs.Metrics) string {
	t.Helper()
	rec := httptest.NewRecorder()
	m.Handler().ServeHTTP(rec, httptest.NewRequest("GET", "/metrics", nil))
	if rec.Code != 200 {
		t.Fatalf("scrape: status %d", rec.Code)
	}
	return rec.Body.String()
}

func TestScrapeShowsRequestsAndTheRuntime(t *testing.T) {
	m := obs.NewMetrics("v1.2.3")
	for range 3 {
		m.Observe("/oauth/token", "POST", 200, 2*time.Millisecond)
	}
	m.Observe("/oauth/token", "POST", 401, 40*time.Second)

	got := scrape(t, m)
	for _, want := range []string{
		`assent_http_requests_total{method="POST",route="/oauth/token",status="200"} 3`,
		`assent_http_requests_total{method="POST",route="/oauth/token",status="401"} 1`,
		`assent_http_request_seconds_bucket{method="POST",route="/oauth/token",le="0.001"} 0`,
		`assent_http_request_seconds_bucket{method="POST",route="/oauth/token",le="0.0025"} 3`,
		`assent_http_request_seconds_count{method="POST",route="/oauth/token"} 4`,
		`assent_build_info{version="v1.2.3"} 1`,
		`go_goroutines `,
		`process_resident_memory_bytes `,
	} {
		if !strings.Contains(got, "\n"+want) {
			t.Errorf("scrape lacks %s", want)
		}
	}
}

func TestMeasuringARequestDoesNotAllocate(t *testing.T) {
	m := obs.NewMetrics("test")
	got := testing.AllocsPerRun(100, func() { m.Observe("/livez", "GET", 200, time.Millisecond) })
	if got != 0 {
		t.Errorf("got %v allocations a request, want 0", got)
	}
}

func TestClientsCannotGrowTheLabels(t *testing.T) {
	m := obs.NewMetrics("test")
	for i := range 3000 {
		m.Observe("/livez", fmt.Sprintf("METHOD%d", i), 405, time.Millisecond)
		m.Observe(fmt.Sprintf("/path/%d", i), "GET", 1000, time.Millisecond)
	}
	got := scrape(t, m)
	if n := strings.Count(got, "\nassent_http_requests_total{"); n > 1100 {
		t.Errorf("got %d label sets, want a bound", n)
	}
	for _, want := range []string{
		`assent_http_requests_total{method="other",route="/livez",status="405"} 3000`,
		`assent_http_requests_total{method="GET",route="/path/1",status="500"} 1`,
		`assent_http_requests_total{method="GET",route="other",status="500"} `,
	} {
		if !strings.Contains(got, "\n"+want) {
			t.Errorf("scrape lacks %s", want)
		}
	}
}

func TestFirstRequestsAtOnceAreAllCounted(t *testing.T) {
	m := obs.NewMetrics("test")
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() { m.Observe(fmt.Sprintf("/route/%d", i%4), "GET", 200+i%2, time.Millisecond) })
	}
	wg.Wait()
	got := scrape(t, m)
	for i := range 4 {
		want := fmt.Sprintf("assent_http_request_seconds_count{method=\"GET\",route=\"/route/%d\"} 16", i)
		if !strings.Contains(got, "\n"+want) {
			t.Errorf("scrape lacks %s", want)
		}
	}
}

func BenchmarkObserve(b *testing.B) {
	m := obs.NewMetrics("bench")
	b.ReportAllocs()
	for b.Loop() {
		m.Observe("/livez", "GET", 200, time.Millisecond)
	}
}

func BenchmarkInfo(b *testing.B) {
	log, err := obs.NewLog(obs.LogConfig{Output: &sink{}})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		log.Info("request", "method", "POST", "route", "/oauth/token", "status", 200)
	}
}
