package main

import (
	"errors"
	"net"
	"strconv"
	"testing"
)

func TestLocalhostIsAnsweredOnBothLoopbackAddresses(t *testing.T) {
	probe, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skip("this machine has no IPv6 loopback")
	}
	_ = probe.Close()
	l, err := listenLoopback(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	for _, host := range []string{"127.0.0.1", "::1"} {
		out, err := net.Dial("tcp", net.JoinHostPort(host, port))
		if err != nil {
			t.Fatal(err)
		}
		in, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if got, want := in.RemoteAddr().String(), out.LocalAddr().String(); got != want {
			t.Errorf("accepted %s, want %s", got, want)
		}
		_, _ = in.Close(), out.Close()
	}
	if _, err := listenLoopback(t.Context(), "127.0.0.1:"+port); err == nil {
		t.Error("a port that is in use was taken again")
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after Close: %v, want net.ErrClosed", err)
	}
}
