package ids_test

import (
	"crypto/rand"
	"strings"
	"testing"

	"github.com/assent-id/assent/internal/format/ids"
)

func TestBlocksOf128BitsComeBackAndHaveOneSpelling(t *testing.T) {
	for range 200 {
		var block [16]byte
		_, _ = rand.Read(block[:])
		text := ids.Encode("pw", block)
		if again, ok := ids.Decode("pw", text); !ok || again != block {
			t.Fatalf("%x becomes %s, which reads as %x, %t", block, text, again, ok)
		}
		for name, other := range map[string]string{"another prefix": "px" + text[2:], "upper case": strings.ToUpper(text),
			"cut": text[:len(text)-1], "longer": text + "0", "more than 128 bits": "pw_8" + text[4:], "no prefix": text[2:], "a foreign letter": "pw_u" + text[4:]} {
			if other == text {
				continue // digits alone have no upper case
			}
			if _, ok := ids.Decode("pw", other); ok {
				t.Errorf("%s: %q is taken", name, other)
			}
		}
	}
}

func TestAnIDIsTheBlockOfItsUUID(t *testing.T) {
	id := ids.New("idn")
	block, ok := ids.Decode("idn", id)
	if !ok || block != decode(t, id[4:]) {
		t.Errorf("%s reads as %x, %t", id, block, ok)
	}
	if again := ids.Encode("idn", block); again != id {
		t.Errorf("%s becomes %s", id, again)
	}
}
