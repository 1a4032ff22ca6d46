package uuid

import (
	"regexp"
	"slices"
	"testing"
	"time"
)

func TestNew(t *testing.T) {
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	form := regexp.MustCompile("^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")
	var ids []string
	for i := range 1000 {
		id := New(at.Add(time.Duration(i) * time.Millisecond))
		if !form.MatchString(id) {
			t.Errorf("%q is no UUIDv7", id)
		}
		ids = append(ids, id)
	}
	if !slices.IsSorted(ids) {
		t.Error("the IDs do not sort by time")
	}
	if same := New(at); same == New(at) || same[:13] != ids[0][:13] {
		t.Error("two IDs of one millisecond are equal, or do not begin with it")
	}
}
