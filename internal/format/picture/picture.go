// Package picture tells whether bytes are a picture that browsers can show: a PNG,
// a JPEG or a WebP. Nothing that could hold a script is one.
//
// PNG and JPEG are decoded to the end. Of a WebP (RFC 9649) the container is read
// and the size in the header of its first image. If this package is wrong, a page
// shows a broken picture, or a browser unpacks a huge one.
package picture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	_ "image/jpeg" // decodes what image.Decode meets
	_ "image/png"
	"sync"
)

// A Picture is what is known of one.
type Picture struct {
	MediaType     string // image/png, image/jpeg or image/webp
	Width, Height int    // pixels
}

var (
	// ErrPicture: the bytes are no picture that is known here, or a broken one.
	ErrPicture = errors.New("not a PNG, JPEG or WebP picture")
	// ErrSide: the picture is larger than was asked for.
	ErrSide = errors.New("a side of the picture is too long")
)

// decoding lets one picture at a time be unpacked: a few bytes can hold many pixels.
var decoding sync.Mutex

// Read looks at the bytes alone, whatever somebody says they are: ErrPicture, or
// ErrSide for one with more than side pixels a side, of which nothing is unpacked.
func Read(b []byte, side int) (Picture, error) {
	p, err := read(b, side)
	if err == nil && (p.Width > side || p.Height > side) {
		err = ErrSide
	}
	return p, err
}

func read(b []byte, side int) (Picture, error) {
	if bytes.HasPrefix(b, []byte("RIFF")) {
		return webp(b)
	}
	cfg, format, err := image.DecodeConfig(bytes.NewReader(b))
	if err != nil || format != "png" && format != "jpeg" {
		return Picture{}, ErrPicture
	}
	if cfg.Width <= 0 || cfg.Height <= 0 {
		return Picture{}, fmt.Errorf("%w: it has no size", ErrPicture)
	}
	if cfg.Width > side || cfg.Height > side {
		return Picture{}, ErrSide
	}
	decoding.Lock()
	defer decoding.Unlock()
	if _, _, err := image.Decode(bytes.NewReader(b)); err != nil {
		return Picture{}, fmt.Errorf("%w: %w", ErrPicture, err)
	}
	return Picture{"image/" + format, cfg.Width, cfg.Height}, nil
}

// webp: RFC 9649, Section 2.
func webp(b []byte) (Picture, error) {
	const head, chunk = 12, 8
	if len(b) < head+chunk || string(b[8:12]) != "WEBP" {
		return Picture{}, fmt.Errorf("%w: no WebP header", ErrPicture)
	}
	// Section 2.4: the size is of what follows it, and may leave out a padding byte.
	if size := int64(binary.LittleEndian.Uint32(b[4:])); size+8 > int64(len(b)) || size+9 < int64(len(b)) {
		return Picture{}, fmt.Errorf("%w: a WebP of another length", ErrPicture)
	}
	p := Picture{MediaType: "image/webp"}
	for at := head; at+chunk <= len(b); {
		size := int64(binary.LittleEndian.Uint32(b[at+4:]))
		if size > int64(len(b)-at-chunk) {
			return Picture{}, fmt.Errorf("%w: a chunk of a WebP is cut", ErrPicture)
		}
		data := b[at+chunk : at+chunk+int(size)]
		if p.Width == 0 && !p.sized(string(b[at:at+4]), data) {
			return Picture{}, fmt.Errorf("%w: a WebP without an image at its start", ErrPicture)
		}
		at += chunk + int(size+size%2) // Section 2.3: chunks are padded
	}
	return p, nil
}

// sized reads the size out of the first chunk of a WebP.
func (p *Picture) sized(name string, data []byte) bool {
	switch {
	case name == "VP8X" && len(data) == 10: // Section 2.7.1
		p.Width, p.Height = 1+int(uint24(data[4:])), 1+int(uint24(data[7:]))
	case name == "VP8 " && len(data) > 10 && bytes.Equal(data[3:6], []byte{0x9d, 0x01, 0x2a}): // RFC 6386, Section 9.1
		p.Width, p.Height = int(binary.LittleEndian.Uint16(data[6:])&0x3fff), int(binary.LittleEndian.Uint16(data[8:])&0x3fff)
	case name == "VP8L" && len(data) > 5 && data[0] == 0x2f: // Section 3.4
		bits := binary.LittleEndian.Uint32(data[1:])
		p.Width, p.Height = 1+int(bits&0x3fff), 1+int(bits>>14&0x3fff)
	}
	return p.Width > 0 && p.Height > 0
}

func uint24(b []byte) uint32 { return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 }
