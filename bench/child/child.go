// Package child starts the programs that a measurement needs as processes of
// their own, waits until they are ready, and ends them.
//
// If it is wrong, something stays behind that makes the next figures wrong.
package child

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/assent-id/assent/bench/load"
)

// readyLimit is how long a server may take to become ready.
const readyLimit = 20 * time.Second

// FreePort is a TCP port of loopback that nobody listens on now.
func FreePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

// A Process is one started program whose output goes to a file.
type Process struct {
	command *exec.Cmd
	started time.Time
	log     string
	ended   chan struct{}
}

// Start starts a program in a folder, with env beside this process's own.
func Start(ctx context.Context, dir string, env []string, name string, args ...string) (*Process, error) {
	p := &Process{command: exec.CommandContext(ctx, name, args...), ended: make(chan struct{})}
	p.command.Dir, p.command.Env = dir, append(os.Environ(), env...)
	p.log = filepath.Join(dir, filepath.Base(name)+".log")
	output, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer output.Close()
	p.command.Stdout, p.command.Stderr = output, output
	p.started = time.Now()
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	go func() { _ = p.command.Wait(); close(p.ended) }()
	return p, nil
}

// PID is its process id.
func (p *Process) PID() int { return p.command.Process.Pid }

// Ready waits until /readyz answers 200 and says how long after the start of
// the process that was. It asks every millisecond.
func (p *Process) Ready(address string) (time.Duration, error) {
	request := load.Get(address, "/readyz")
	for time.Since(p.started) < readyLimit {
		select {
		case <-p.ended:
			return 0, fmt.Errorf("%s ended: %s", p.command.Path, p.Output())
		default:
		}
		if answersOK(address, request) {
			return time.Since(p.started), nil
		}
		time.Sleep(time.Millisecond)
	}
	return 0, fmt.Errorf("%s is not ready after %v: %s", p.command.Path, readyLimit, p.Output())
}

func answersOK(address string, request []byte) bool {
	conn, err := load.Dial(address)
	if err != nil {
		return false
	}
	defer conn.Close()
	answer, err := conn.Do(request)
	return err == nil && answer.Status == 200
}

// Output is the end of what the process has written.
func (p *Process) Output() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-2000):])
}

// Stop ends the process as an operator would, and the hard way after five
// seconds.
func (p *Process) Stop() {
	if err := p.command.Process.Signal(syscall.SIGTERM); errors.Is(err, os.ErrProcessDone) {
		return
	}
	select {
	case <-p.ended:
	case <-time.After(5 * time.Second):
		_ = p.command.Process.Kill()
		<-p.ended
	}
}
