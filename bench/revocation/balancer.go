package revocation

import (
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
)

// A balancer deals out connections to the nodes in turn.
type balancer struct {
	listener net.Listener
	nodes    []string
	next     atomic.Int64
	mu       sync.Mutex
	open     map[net.Conn]bool
}

func balance(nodes []string) (*balancer, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	b := &balancer{listener: l, nodes: nodes, open: map[net.Conn]bool{}}
	go b.run()
	return b, nil
}

func (b *balancer) port() string { return strconv.Itoa(b.listener.Addr().(*net.TCPAddr).Port) }

func (b *balancer) run() {
	for {
		c, err := b.listener.Accept()
		if err != nil {
			return
		}
		go b.serve(c)
	}
}

func (b *balancer) serve(c net.Conn) {
	defer b.end(c)
	b.keep(c)
	node, err := net.Dial("tcp", b.nodes[int(b.next.Add(1))%len(b.nodes)])
	if err != nil {
		return // the caller sees a closed connection
	}
	defer b.end(node)
	b.keep(node)
	done := make(chan struct{}, 2)
	for _, way := range [][2]net.Conn{{c, node}, {node, c}} {
		go func() {
			_, _ = io.Copy(way[1], way[0])
			done <- struct{}{}
		}()
	}
	<-done // one side hung up; the other is told by closing
}

func (b *balancer) keep(c net.Conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.open[c] = true
}

func (b *balancer) end(c net.Conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.open, c)
	_ = c.Close()
}

func (b *balancer) close() {
	_ = b.listener.Close()
	b.mu.Lock()
	defer b.mu.Unlock()
	for c := range b.open {
		_ = c.Close()
	}
}
