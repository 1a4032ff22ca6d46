package redis

import (
	"slices"
	"strings"
	"testing"
)

// oddIDs are all texts of up to four of some bytes, the two among them that a list
// writes as two.
func oddIDs() []string {
	ids, last := []string{""}, []string{""}
	for range 4 {
		var longer []string
		for _, id := range last {
			for _, c := range "\x00\x01\x02a" {
				longer = append(longer, id+string(c))
			}
		}
		ids, last = append(ids, longer...), longer
	}
	return ids
}

func TestLists(t *testing.T) {
	ids := oddIDs()
	list := ""
	for _, id := range ids {
		entry := listEntry(id)
		if strings.Count(entry, "\x00") != 1 || entry[len(entry)-1] != 0 {
			t.Errorf("the entry of %q is %q", id, entry)
		}
		list += entry
	}
	if got := listed(list); !slices.Equal(got, ids) {
		t.Errorf("read %q, want %q", got, ids)
	}
	if got := listed(""); len(got) != 0 {
		t.Errorf("no list holds %q", got)
	}
}
