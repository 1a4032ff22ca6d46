package transfer

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// names returns the names of the members of a struct in JSON.
func names(of any) map[string]bool {
	known := map[string]bool{}
	t := reflect.TypeOf(of)
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		known[name] = true
	}
	return known
}

// onlyKnown refuses a member that would be lost.
func (m *members) onlyKnown(known map[string]bool) error {
	for _, name := range slices.Sorted(maps.Keys(m.values)) {
		if !known[name] {
			return fmt.Errorf("the member %.64q is unknown: a newer version has written this line, or its name is misspelled", name)
		}
	}
	return nil
}
