package load

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

// answerLimit is the largest body, in bytes, that a server may send back.
const answerLimit = 1 << 20

// silence is how long a server may take for one answer.
const silence = 35 * time.Second

// A Conn is one keep-alive HTTP/1.1 connection on which one request is under
// way at a time. It is not safe for concurrent use.
//
// It exists because the generator shares the machine with the server: the
// standard client costs as much as a good server does.
type Conn struct {
	address string
	conn    net.Conn
	reader  *bufio.Reader
	body    []byte
}

// An Answer is what the server said. Body is valid until the next request on
// the same connection.
type Answer struct {
	Status   int
	Body     []byte
	Cookie   []string // raw Set-Cookie values
	Location string   // of a redirect; empty: none
}

// Dial opens a connection to a host:port. Close it after use.
func Dial(address string) (*Conn, error) {
	c := &Conn{address: address, body: make([]byte, 0, 8<<10)}
	return c, c.open()
}

func (c *Conn) open() error {
	conn, err := net.DialTimeout("tcp", c.address, 5*time.Second)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	c.conn, c.reader = conn, bufio.NewReaderSize(conn, 16<<10)
	return nil
}

// Close ends the connection.
func (c *Conn) Close() error {
	if c.conn == nil {
		return nil
	}
	return c.conn.Close()
}

// Do sends one whole request and reads the answer. A connection that the
// server closed after an answer is opened again for the next request.
func (c *Conn) Do(request []byte) (Answer, error) {
	if c.conn == nil {
		if err := c.open(); err != nil {
			return Answer{}, err
		}
	}
	if err := c.conn.SetDeadline(time.Now().Add(silence)); err != nil {
		return Answer{}, err
	}
	if _, err := c.conn.Write(request); err != nil {
		return Answer{}, fmt.Errorf("send request: %w", err)
	}
	answer, head, err := c.read()
	if err != nil {
		return Answer{}, fmt.Errorf("read answer: %w", err)
	}
	if head.close {
		_ = c.conn.Close()
		c.conn = nil
	}
	return answer, nil
}

// head is what the header section says about the body.
type head struct {
	status  int
	length  int // -1: not given
	chunked bool
	close   bool
	cookies []string
	to      string // Location
}

func (c *Conn) read() (Answer, head, error) {
	h, err := c.readHead()
	if err != nil {
		return Answer{}, h, err
	}
	c.body = c.body[:0]
	switch {
	case h.chunked:
		err = c.readChunks()
	case h.length >= 0:
		err = c.readBytes(h.length)
	case h.status != 204 && h.status != 304:
		err = errors.New("neither Content-Length nor chunks")
	}
	return Answer{Status: h.status, Body: c.body, Cookie: h.cookies, Location: h.to}, h, err
}

func (c *Conn) line() ([]byte, error) {
	line, err := c.reader.ReadSlice('\n')
	return bytes.TrimRight(line, "\r\n"), err
}

func (c *Conn) readHead() (head, error) {
	h := head{length: -1}
	line, err := c.line()
	if err != nil {
		return h, err
	}
	if len(line) < len("HTTP/1.1 200") || !bytes.HasPrefix(line, []byte("HTTP/1.1 ")) {
		return h, fmt.Errorf("status line %q", line)
	}
	if h.status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return h, fmt.Errorf("status line %q", line)
	}
	for {
		if line, err = c.line(); err != nil {
			return h, err
		}
		if len(line) == 0 {
			return h, nil
		}
		if err := h.field(line); err != nil {
			return h, err
		}
	}
}

// field takes note of one header field.
func (h *head) field(line []byte) error {
	name, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.TrimSpace(value)
	var err error
	switch {
	case bytes.EqualFold(name, []byte("Content-Length")):
		h.length, err = strconv.Atoi(string(value))
	case bytes.EqualFold(name, []byte("Transfer-Encoding")):
		h.chunked = bytes.EqualFold(value, []byte("chunked"))
	case bytes.EqualFold(name, []byte("Connection")):
		h.close = bytes.EqualFold(value, []byte("close"))
	case bytes.EqualFold(name, []byte("Set-Cookie")):
		h.cookies = append(h.cookies, string(value))
	case bytes.EqualFold(name, []byte("Location")):
		h.to = string(value)
	}
	return err
}

// readBytes appends n bytes to the body.
func (c *Conn) readBytes(n int) error {
	if n < 0 || len(c.body)+n > answerLimit {
		return fmt.Errorf("answer of more than %d bytes", answerLimit)
	}
	start := len(c.body)
	c.body = append(c.body, make([]byte, n)...)
	_, err := io.ReadFull(c.reader, c.body[start:])
	return err
}

// readChunks reads a chunked body (RFC 9112, Section 7.1).
func (c *Conn) readChunks() error {
	for {
		line, err := c.line()
		if err != nil {
			return err
		}
		size, err := strconv.ParseUint(string(line), 16, 31)
		if err != nil {
			return fmt.Errorf("chunk size %q", line)
		}
		if err := c.readBytes(int(size)); err != nil {
			return err
		}
		if _, err := c.line(); err != nil {
			return err
		}
		if size == 0 {
			return nil
		}
	}
}
