package main

import (
	"context"
	"errors"
	"net"
	"strconv"
	"sync"
	"syscall"
)

// listenLoopback listens on an address, and where that is 127.0.0.1 also on
// the same port of [::1], if there is one: browsers try either for
// "localhost", and nobody else should answer there.
func listenLoopback(ctx context.Context, address string) (net.Listener, error) {
	_, port, _ := net.SplitHostPort(address)
	for try := 1; ; try++ {
		l, err := listenBoth(ctx, address)
		// A port that the system chose may be taken on the other address.
		if errors.Is(err, syscall.EADDRINUSE) && port == "0" && try < 10 {
			continue
		}
		return l, err
	}
}

func listenBoth(ctx context.Context, address string) (net.Listener, error) {
	var lc net.ListenConfig
	first, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	at := first.Addr().(*net.TCPAddr)
	if !at.IP.Equal(net.IPv4(127, 0, 0, 1)) {
		return first, nil
	}
	second, err := lc.Listen(ctx, "tcp", net.JoinHostPort("::1", strconv.Itoa(at.Port)))
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, errors.Join(err, first.Close())
	}
	if err == nil {
		return newBoth(first, second), nil
	}
	return first, nil // a machine without IPv6
}

// both accepts from two listeners as if they were one.
type both struct {
	net.Listener // the first, whose address it has
	second       net.Listener
	accepted     chan accepted
	closed       chan struct{}
	once         sync.Once
	err          error
}

type accepted struct {
	conn net.Conn
	err  error
}

func newBoth(first, second net.Listener) *both {
	b := &both{Listener: first, second: second, accepted: make(chan accepted), closed: make(chan struct{})}
	for _, l := range []net.Listener{first, second} {
		go b.pump(l)
	}
	return b
}

func (b *both) pump(l net.Listener) {
	for {
		conn, err := l.Accept()
		select {
		case b.accepted <- accepted{conn, err}:
		case <-b.closed:
			if conn != nil {
				_ = conn.Close()
			}
			return
		}
	}
}

func (b *both) Accept() (net.Conn, error) {
	select {
	case a := <-b.accepted:
		return a.conn, a.err
	case <-b.closed:
		return nil, net.ErrClosed
	}
}

func (b *both) Close() error {
	b.once.Do(func() {
		close(b.closed)
		b.err = errors.Join(b.Listener.Close(), b.second.Close())
	})
	return b.err
}
