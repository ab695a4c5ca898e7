package load_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/assent-id/assent/bench/load"
)

func nothing() error { return nil }

func TestRunMeasuresOnlyAfterTheWarmUp(t *testing.T) {
	var ops, atBegin atomic.Int64
	step := func() error { ops.Add(1); return nil }
	result, err := load.Run(t.Context(), load.Work{
		Steps:   []load.Step{step, step},
		Warm:    load.Phase{For: time.Minute, Count: 7},
		Measure: load.Phase{For: time.Minute, Count: 100},
		Begin:   func() error { atBegin.Store(ops.Load()); return nil },
		End:     nothing,
	})
	if err != nil {
		t.Fatal(err)
	}
	if atBegin.Load() != 7 || result.Ops != 100 || ops.Load() != 107 {
		t.Errorf("warm-up did %d, measured %d, all %d; want 7, 100, 107", atBegin.Load(), result.Ops, ops.Load())
	}
}

func TestOneWrongAnswerFailsTheWholeWindow(t *testing.T) {
	wrong := errors.New("status 500")
	var ops atomic.Int64
	step := func() error {
		if ops.Add(1) == 50 {
			return wrong
		}
		return nil
	}
	_, err := load.Run(t.Context(), load.Work{
		Steps:   []load.Step{step, step, step},
		Measure: load.Phase{For: time.Minute, Count: 1000},
		Begin:   nothing, End: nothing,
	})
	if !errors.Is(err, wrong) {
		t.Errorf("error is %v, want %v", err, wrong)
	}
}

func TestPercentilesAreOfTheOperationsThemselves(t *testing.T) {
	var ops atomic.Int64
	step := func() error {
		if ops.Add(1)%20 == 0 { // one in twenty is slow
			time.Sleep(20 * time.Millisecond)
		}
		return nil
	}
	result, err := load.Run(t.Context(), load.Work{
		Steps:   []load.Step{step},
		Measure: load.Phase{For: time.Minute, Count: 100},
		Begin:   nothing, End: nothing,
	})
	if err != nil {
		t.Fatal(err)
	}
	if result.P50 > 10*time.Millisecond || result.P99 < 20*time.Millisecond {
		t.Errorf("p50 %v, p99 %v", result.P50, result.P99)
	}
}

func TestAnOfferedOperationCountsFromWhenItWasDue(t *testing.T) {
	var ops atomic.Int64
	step := func() error {
		if ops.Add(1) == 1 { // the first one holds up all that follow
			time.Sleep(100 * time.Millisecond)
		}
		return nil
	}
	result, err := load.Run(t.Context(), load.Work{
		Steps:   []load.Step{step},
		Measure: load.Phase{For: time.Minute, Count: 20, Rate: 1000},
		Begin:   nothing, End: nothing,
	})
	if err != nil {
		t.Fatal(err)
	}
	if result.P50 < 50*time.Millisecond {
		t.Errorf("p50 is %v: the wait behind the first operation was forgotten", result.P50)
	}
}

// echo answers what it was asked, in one piece or in chunks, and closes the
// connection when told to.
func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if r.URL.Path == "/close" {
		w.Header().Set("Connection", "close")
	}
	http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
	w.WriteHeader(http.StatusCreated)
	half := len(body) / 2
	_, _ = w.Write(body[:half])
	if r.URL.Path == "/chunks" {
		_ = http.NewResponseController(w).Flush()
	}
	_, _ = w.Write(body[half:])
}

func TestConnReadsEveryFramingOfTheStandardServer(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(echo))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	conn, err := load.Dial(host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	long := strings.Repeat("x", 100_000)
	for _, path := range []string{"/whole", "/chunks", "/close", "/whole"} {
		answer, err := conn.Do(load.Form(host, path, url.Values{"k": {long}}))
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if answer.Status != http.StatusCreated || string(answer.Body) != "k="+long {
			t.Errorf("%s: status %d, %d bytes", path, answer.Status, len(answer.Body))
		}
		if len(answer.Cookie) != 1 || answer.Cookie[0] != "a=b" {
			t.Errorf("%s: cookies %q", path, answer.Cookie)
		}
	}
}
