// Package assets serves the built web apps out of the binary: the approver and
// the scripts of the hosted pages. README.md beside this file says what the
// builds leave in dist.
//
// Everything is read once, hashed, and served with the type that its name says,
// so nothing a client sends decides what a file is. If this package is wrong, a
// browser runs a stale or foreign script in the origin in which people approve.
package assets

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

//go:embed all:dist
var dist embed.FS

// Approver returns the files of the approver, Pages those of the hosted pages. A
// set without files means that the web apps were not built.
func Approver() (*Set, error) { return embedded("dist/approver") }

// Pages returns the scripts of the hosted pages; see [Approver].
func Pages() (*Set, error) { return embedded("dist/pages") }

func embedded(dir string) (*Set, error) {
	sub, err := fs.Sub(dist, dir)
	if err != nil {
		return nil, fmt.Errorf("embedded files: %w", err)
	}
	return Load(sub)
}

// A Set is files that are served by name. It never changes.
type Set struct {
	files   map[string]*file
	version string
}

// A file is one file with what the build compressed beforehand.
type file struct {
	kind     string // Content-Type
	variants []variant
}

// A variant is the bytes of a file under one content coding, in the order of
// preference; the plain one comes last.
type variant struct {
	coding string // "br", "gzip" or ""
	etag   string
	body   []byte
}

// codings are the suffixes of precompressed files, the best first.
var codings = []struct{ suffix, name string }{{".br", "br"}, {".gz", "gzip"}, {"", ""}}

// Load reads the files of a directory tree. Hidden ones are left out, and
// NAME.br and NAME.gz become variants of NAME.
func Load(fsys fs.FS) (*Set, error) {
	s := &Set{files: make(map[string]*file)}
	sum := sha256.New()
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), ".") || compressed(name) {
			return err
		}
		f, err := read(fsys, name)
		if err != nil {
			return err
		}
		s.files[name] = f
		_, err = fmt.Fprintf(sum, "%s %s\n", name, f.plain().etag)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read files to serve: %w", err)
	}
	s.version = base64.RawURLEncoding.EncodeToString(sum.Sum(nil)[:9])
	return s, nil
}

func compressed(name string) bool {
	ext := path.Ext(name)
	return ext == ".br" || ext == ".gz"
}

func read(fsys fs.FS, name string) (*file, error) {
	f := &file{kind: contentType(name)}
	for _, c := range codings {
		body, err := fs.ReadFile(fsys, name+c.suffix)
		if c.suffix != "" && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		f.variants = append(f.variants, variant{coding: c.name, etag: etag(body), body: body})
	}
	return f, nil
}

func (f *file) plain() variant { return f.variants[len(f.variants)-1] }

// etag is a strong validator (RFC 9110, Section 8.8.3): each coding has its own.
func etag(body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
}

// types are all that a build may hold. They do not come from the machine's own
// table, which differs from machine to machine.
var types = map[string]string{
	".css":         "text/css; charset=utf-8",
	".html":        "text/html; charset=utf-8",
	".ico":         "image/x-icon",
	".js":          "text/javascript; charset=utf-8",
	".json":        "application/json",
	".map":         "application/json",
	".png":         "image/png",
	".svg":         "image/svg+xml",
	".txt":         "text/plain; charset=utf-8",
	".webmanifest": "application/manifest+json",
	".webp":        "image/webp",
	".woff2":       "font/woff2",
}

func contentType(name string) string {
	if t, ok := types[path.Ext(name)]; ok {
		return t
	}
	return "application/octet-stream"
}

// Empty reports whether nothing was built.
func (s *Set) Empty() bool { return len(s.files) == 0 }

// Has reports whether there is a file of this name.
func (s *Set) Has(name string) bool { return s.files[name] != nil }

// Version changes with any file of the set.
func (s *Set) Version() string { return s.version }

// Body is what a file holds, nil if there is none of this name.
func (s *Set) Body(name string) []byte {
	f := s.files[name]
	if f == nil {
		return nil
	}
	return f.plain().body
}
