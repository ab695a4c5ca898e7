package load

import (
	"net/url"
	"strconv"
	"strings"
)

// A Request is one HTTP request before it is written out. It is prepared
// before the measured window, so that the window holds no formatting.
type Request struct {
	Method string
	Host   string
	Path   string
	Header [][2]string
	Body   string
}

// Get prepares a GET.
func Get(host, path string, header ...[2]string) []byte {
	return Request{Method: "GET", Host: host, Path: path, Header: header}.Bytes()
}

// Form prepares a POST of a form.
func Form(host, path string, form url.Values, header ...[2]string) []byte {
	header = append(header, [2]string{"Content-Type", "application/x-www-form-urlencoded"})
	return Request{Method: "POST", Host: host, Path: path, Header: header, Body: form.Encode()}.Bytes()
}

// JSON prepares a POST of JSON text.
func JSON(host, path, body string, header ...[2]string) []byte {
	header = append(header, [2]string{"Content-Type", "application/json"})
	return Request{Method: "POST", Host: host, Path: path, Header: header, Body: body}.Bytes()
}

// Bytes writes the request out as HTTP/1.1.
func (r Request) Bytes() []byte {
	var b strings.Builder
	b.WriteString(r.Method + " " + r.Path + " HTTP/1.1\r\nHost: " + r.Host + "\r\n")
	for _, field := range r.Header {
		b.WriteString(field[0] + ": " + field[1] + "\r\n")
	}
	if r.Method != "GET" {
		b.WriteString("Content-Length: " + strconv.Itoa(len(r.Body)) + "\r\n")
	}
	b.WriteString("\r\n" + r.Body)
	return []byte(b.String())
}
