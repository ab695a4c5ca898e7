//go:build !unix

package store

import "net"

func alive(net.Conn) bool { return true }
