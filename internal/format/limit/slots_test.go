package limit_test

import (
	"testing"

	"github.com/assent-id/assent/internal/format/limit"
)

func TestSlotsAreTakenGivenBackOnceAndCountedPerKey(t *testing.T) {
	s := limit.NewSlots(2)
	first, ok := s.Take("a")
	if !ok {
		t.Fatal("the first was refused")
	}
	if _, ok := s.Take("a"); !ok {
		t.Error("the second was refused")
	}
	if _, ok := s.Take("a"); ok {
		t.Error("a third was given")
	}
	if _, ok := s.Take("b"); !ok {
		t.Error("another key was refused")
	}
	if a, b, none := s.Used("a"), s.Used("b"), s.Used("c"); a != 2 || b != 1 || none != 0 {
		t.Errorf("used are %d, %d and %d, want 2, 1 and 0", a, b, none)
	}
	first()
	first() // twice is once
	if _, ok := s.Take("a"); !ok {
		t.Error("what was given back was not given again")
	}
	if _, ok := s.Take("a"); ok {
		t.Error("giving back twice made a slot")
	}
}
