package picture_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"runtime"
	"testing"

	"github.com/assent-id/assent/internal/format/picture"
)

// A WebP of one pixel each: lossy, lossless, and extended.
const (
	lossy    = "UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA"
	lossless = "UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA=="
)

func encoded(t *testing.T, write func(*bytes.Buffer, image.Image) error) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b, image.NewRGBA(image.Rect(0, 0, 3, 2))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func webp(t *testing.T, text string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestPicturesAreKnownByTheirBytes(t *testing.T) {
	asPNG := encoded(t, func(b *bytes.Buffer, m image.Image) error { return png.Encode(b, m) })
	asJPEG := encoded(t, func(b *bytes.Buffer, m image.Image) error { return jpeg.Encode(b, m, nil) })
	asGIF := encoded(t, func(b *bytes.Buffer, m image.Image) error { return gif.Encode(b, m, nil) })
	for name, tt := range map[string]struct {
		data []byte
		want picture.Picture
	}{
		"PNG":           {asPNG, picture.Picture{MediaType: "image/png", Width: 3, Height: 2}},
		"JPEG":          {asJPEG, picture.Picture{MediaType: "image/jpeg", Width: 3, Height: 2}},
		"lossy WebP":    {webp(t, lossy), picture.Picture{MediaType: "image/webp", Width: 1, Height: 1}},
		"lossless WebP": {webp(t, lossless), picture.Picture{MediaType: "image/webp", Width: 1, Height: 1}},
	} {
		if got, err := picture.Read(tt.data, 100); err != nil || got != tt.want {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
		for cut := range len(tt.data) - 4 {
			if _, err := picture.Read(tt.data[:cut], 100); !errors.Is(err, picture.ErrPicture) {
				t.Errorf("%s cut after %d bytes: %v", name, cut, err)
			}
		}
	}
	for name, data := range map[string][]byte{"nothing": nil, "GIF": asGIF, "SVG": []byte("<svg/>"), "text": []byte("hello"), "a sound": []byte("RIFF\x04\x00\x00\x00WAVE")} {
		if _, err := picture.Read(data, 100); !errors.Is(err, picture.ErrPicture) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A PNG of 60 bytes can say that it has as many pixels as fill the memory.
//
// Requirement: frame-theme
func TestNothingIsUnpackedOfAPictureThatIsTooLarge(t *testing.T) {
	for name, size := range map[string][2]uint32{"huge": {4096, 4096}, "wide": {101, 1}, "tall": {1, 101}} {
		data := header(size[0], size[1])
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := picture.Read(data, 100); !errors.Is(err, picture.ErrSide) {
			t.Errorf("%s: %v", name, err)
		}
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
			t.Errorf("%s: %d bytes were allocated for %d", name, n, len(data))
		}
	}
}

// header is a PNG that is nothing but its head and the beginning of its data (PNG,
// Third Edition, Section 5).
func header(width, height uint32) []byte {
	chunk := func(out []byte, name string, data []byte) []byte {
		out = binary.BigEndian.AppendUint32(out, uint32(len(data)))
		body := append([]byte(name), data...)
		return binary.BigEndian.AppendUint32(append(out, body...), crc32.ChecksumIEEE(body))
	}
	ihdr := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, width), height)
	out := chunk([]byte("\x89PNG\r\n\x1a\n"), "IHDR", append(ihdr, 16, 6, 0, 0, 0))
	return chunk(out, "IDAT", []byte{0x78, 0x9c, 0})
}

func FuzzAnyBytesAreAPictureOrNone(f *testing.F) {
	for _, text := range []string{lossy, lossless} {
		b, _ := base64.StdEncoding.DecodeString(text)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, err := picture.Read(b, 2048); err == nil && (p.Width <= 0 || p.Height <= 0 || p.MediaType == "") {
			t.Errorf("%+v", p)
		}
	})
}
