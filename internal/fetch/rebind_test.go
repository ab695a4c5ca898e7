package fetch_test

import (
	"context"
	"encoding/binary"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/fetch"
)

// nameServer answers questions for A records over UDP, the nth with the nth
// address, and the last one from then on (RFC 1035, Section 4.1).
func nameServer(t *testing.T, answers ...string) (*net.Resolver, *atomic.Int64) {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	asked := &atomic.Int64{}
	go func() {
		buf := make([]byte, 512)
		for {
			n, from, err := c.ReadFrom(buf)
			if err != nil {
				return
			}
			_, _ = c.WriteTo(answer(buf[:n], asked, answers), from)
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", c.LocalAddr().String())
	}}, asked
}

func answer(query []byte, asked *atomic.Int64, answers []string) []byte {
	end := 12
	for query[end] != 0 {
		end += int(query[end]) + 1
	}
	end += 5 // the root label, the type and the class
	out := append([]byte{}, query[:end]...)
	binary.BigEndian.PutUint16(out[2:], 0x8180) // an answer, without error
	clear(out[6:12])
	if binary.BigEndian.Uint16(query[end-4:]) != 1 { // not an A record: none
		return out
	}
	i := min(int(asked.Add(1))-1, len(answers)-1)
	out[7] = 1
	out = append(out, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4) // the name asked for, A, IN, no life, four bytes
	a := netip.MustParseAddr(answers[i]).As4()
	return append(out, a[:]...)
}

// DNS rebinding: a name that is public when it is looked at and near when it is
// connected to. Here 127.0.0.2 plays the public address.
//
// Requirement: fetch-public-only
func TestANameThatTurnsNearIsNotFollowed(t *testing.T) {
	far := listen(t, "127.0.0.2:0", hello)
	_, port, _ := net.SplitHostPort(far.address())
	near := listen(t, "127.0.0.1:"+port, hello)
	resolver, asked := nameServer(t, "127.0.0.2", "127.0.0.1")
	f := fetch.New(fetch.Config{Resolver: resolver, Allow: []string{"plain.example"}})
	f.TreatAsPublic(func(a netip.Addr) bool { return a == netip.MustParseAddr("127.0.0.2") })
	target := "https://rebind.example:" + port + "/"

	_, err := f.Get(t.Context(), target, fetch.Limits{Timeout: 2 * time.Second})
	refused(t, "first", err, fetch.Transport) // it came to the far one, whose plain HTTP is no TLS
	if n := asked.Load(); n != 1 {
		t.Errorf("the name was looked up %d times for one fetch: the second answer may differ", n)
	}
	for range 3 {
		_, err := f.Get(t.Context(), target, fetch.Limits{Timeout: 2 * time.Second})
		refused(t, "after it turned", err, fetch.RefusedAddress)
	}
	if far.connections.Load() == 0 || near.connections.Load() != 0 {
		t.Errorf("%d connections to the far one, %d to the near one", far.connections.Load(), near.connections.Load())
	}
}

// The list allows names, not the addresses that a name may have.
func TestAnAllowedNameDoesNotOpenItsAddressToOthers(t *testing.T) {
	near := listen(t, "127.0.0.1:0", hello)
	_, port, _ := net.SplitHostPort(near.address())
	resolver, _ := nameServer(t, "127.0.0.1")
	f := fetch.New(fetch.Config{Resolver: resolver, Allow: []string{"ping.internal"}})
	if _, err := f.Get(t.Context(), "http://ping.internal:"+port, fetch.Limits{}); err != nil {
		t.Error(err)
	}
	before := near.connections.Load()
	_, err := f.Get(t.Context(), "https://other.example:"+port, fetch.Limits{})
	refused(t, "another name", err, fetch.RefusedAddress)
	if near.connections.Load() != before {
		t.Error("another name of the same address was connected to")
	}
}

// A plain server speaks HTTP at an address of this machine.
type plain struct {
	net.Listener
	connections atomic.Int64
}

func (p *plain) address() string { return p.Addr().String() }

func listen(t *testing.T, address string, h http.HandlerFunc) *plain {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	p := &plain{Listener: l}
	server := &http.Server{Handler: h, ReadHeaderTimeout: time.Second, ConnState: func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			p.connections.Add(1)
		}
	}}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	return p
}
