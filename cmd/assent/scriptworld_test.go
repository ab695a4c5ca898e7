package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"regexp"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/assent-id/assent/internal/softperson"
)

type worldKey struct{}

// A world is what one story plays in: a server behind a proxy, and a person.
type world struct {
	listen string // where the server listens
	base   string // the proxy, which is the base URL
	dir    string
	vars   []string
	proxy  *tamperer
	person *softperson.Person

	server      *exec.Cmd
	ended       chan struct{} // closed when the server has ended
	log         safeBuffer
	mu          sync.Mutex
	events      []map[string]string
	answers     chan error
	interrupted *exec.Cmd
}

// safeBuffer collects what several goroutines write.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func setupWorld(t *testing.T, env *testscript.Env) error {
	w := &world{dir: env.WorkDir, answers: make(chan error, 8)}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	w.listen = listener.Addr().String() // the server takes it over
	if err := listener.Close(); err != nil {
		return err
	}
	if w.proxy, err = newTamperer("http://" + w.listen); err != nil {
		return err
	}
	env.Defer(w.proxy.close)
	env.Defer(func() { _ = w.stop(syscall.SIGKILL) })
	w.base = w.proxy.url
	if w.person, err = softperson.New(w.base); err != nil {
		return err
	}
	env.Setenv("BASE", w.base)
	env.Setenv("LISTEN", w.listen)
	w.vars = append(w.vars, env.Vars...)
	env.Values[worldKey{}] = w
	return nil
}

// start runs a command of the binary in the background. Each line of its
// standard output goes to line.
func (w *world) start(ts *testscript.TestScript, args []string, line func([]byte)) {
	cmd := exec.Command("assent", args...)
	cmd.Dir, cmd.Env, cmd.Stderr = w.dir, append(w.vars[:len(w.vars):len(w.vars)], "ASSENT_KEY="+ts.Getenv("ASSENT_KEY")), &w.log
	out, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	w.server, w.ended = cmd, make(chan struct{})
	go func(ended chan struct{}) {
		defer close(ended)
		scanner := bufio.NewScanner(io.TeeReader(out, &w.log))
		for scanner.Scan() {
			line(scanner.Bytes())
		}
		_ = cmd.Wait()
	}(w.ended)
}

func (w *world) stop(signal syscall.Signal) error {
	if w.server == nil {
		return nil
	}
	_ = w.server.Process.Signal(signal) // it may have ended by itself
	select {
	case <-w.ended:
		return nil
	case <-time.After(patience):
		return errors.Join(fmt.Errorf("the server did not end\n%s", w.log.String()), w.server.Process.Kill())
	}
}

func (w *world) dev(ts *testscript.TestScript, args []string) {
	w.mu.Lock()
	w.events = nil
	w.mu.Unlock()
	w.start(ts, append([]string{"dev", "--json", "--listen", w.listen, "--base-url", w.base}, args...), w.addEvent)
	ready, err := w.awaitEvent(map[string]string{"event": "ready"})
	ts.Check(err)
	if link := ready["binding_link"]; link != "" {
		w.bind(ts, link)
	}
}

var bindingLink = regexp.MustCompile(`http://\S+/bind\?token=\S+`)

func (w *world) devText(ts *testscript.TestScript, args []string) {
	w.start(ts, append([]string{"dev", "--listen", w.listen, "--base-url", w.base}, args...), func([]byte) {})
	w.logged(ts, "Ctrl-C stops it")
	if link := bindingLink.FindString(w.log.String()); link != "" {
		w.bind(ts, link)
	}
}

func (w *world) logged(ts *testscript.TestScript, expression string) {
	pattern, err := regexp.Compile("(?m)" + expression)
	ts.Check(err)
	deadline := time.Now().Add(patience)
	for !pattern.MatchString(w.log.String()) {
		if time.Now().After(deadline) {
			ts.Fatalf("not printed: %s\n%s", expression, w.log.String())
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (w *world) serve(ts *testscript.TestScript, args []string) {
	w.start(ts, append([]string{"serve", "--listen", w.listen, "--base-url", w.base}, args...), func([]byte) {})
	deadline := time.Now().Add(patience)
	for time.Now().Before(deadline) {
		resp, err := http.Get("http://" + w.listen + "/readyz")
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-w.ended:
			ts.Fatalf("the server ended\n%s", w.log.String())
		case <-time.After(10 * time.Millisecond):
		}
	}
	ts.Fatalf("the server is not ready\n%s", w.log.String())
}

func (w *world) bind(ts *testscript.TestScript, link string) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ts.Check(w.person.Bind(ctx, link))
}

func (w *world) addEvent(line []byte) {
	event := map[string]string{}
	if err := json.Unmarshal(line, &event); err != nil {
		event = map[string]string{"event": "not JSON: " + string(line)}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, event)
}

// awaitEvent takes the first event with these members off the list.
func (w *world) awaitEvent(want map[string]string) (map[string]string, error) {
	deadline := time.Now().Add(patience)
	for time.Now().Before(deadline) {
		if event := w.takeEvent(want); event != nil {
			return event, nil
		}
		select {
		case <-w.ended:
			return nil, fmt.Errorf("the server ended\n%s", w.log.String())
		case <-time.After(10 * time.Millisecond):
		}
	}
	return nil, fmt.Errorf("no event %v\n%s", want, w.log.String())
}

func (w *world) takeEvent(want map[string]string) map[string]string {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, event := range w.events {
		fits := true
		for name, value := range want {
			fits = fits && event[name] == value
		}
		if fits {
			w.events = append(w.events[:i:i], w.events[i+1:]...)
			return event
		}
	}
	return nil
}

// answer waits in the background until the person is asked, then goes on with
// then.
func (w *world) answer(then func(context.Context, softperson.Asked) error) {
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		for {
			list, err := w.person.List(ctx, "pending")
			if err != nil {
				w.answers <- err
				return
			}
			if len(list) != 0 {
				w.answers <- then(ctx, list[0])
				return
			}
			select {
			case <-ctx.Done():
				w.answers <- errors.New("nobody asked")
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	}()
}

func (w *world) answered(ts *testscript.TestScript) {
	select {
	case err := <-w.answers:
		ts.Check(err)
	case <-time.After(patience):
		ts.Fatalf("no answer")
	}
}

// operate runs a command of the operator on the database of assent dev.
func (w *world) operate(args ...string) error {
	cmd := exec.Command("assent", append(args, "--database", "data/assent.db", "--key-file", "data/dev.key")...)
	cmd.Dir, cmd.Env = w.dir, w.vars
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("assent %s: %w: %s", args[0], err, out)
	}
	return nil
}
