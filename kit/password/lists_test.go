package password

import (
	"strings"
	"testing"
)

// TestLists: both lists are in the order of their skeletons, none is there twice, and
// every line counts.
func TestLists(t *testing.T) {
	long := 0
	for name, list := range map[string]string{"common.txt": commonList, "bases.txt": baseList} {
		before := ""
		for line := range strings.Lines(list) {
			word, whole := strings.CutSuffix(line, "\n")
			skeleton := skeletonOf(word)
			if skeleton <= before {
				t.Errorf("%s: %q is out of order: its skeleton is %q, and that of the line before %q", name, word, skeleton, before)
			}
			before = skeleton
			if !whole || word == "" || len(word) > maxCommon || strings.ToLower(word) != word || strings.TrimSpace(word) != word || strings.ContainsFunc(word, func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Errorf("%s: the line %q can never count, or is not printable ASCII in lower case", name, line)
			}
			if !isCommon(word) || !isCommon(strings.ToUpper(word)) {
				t.Errorf("%s: %q is not refused", name, word)
			}
			for _, other := range []string{word + "\x00", word[:len(word)-1] + "\x00", "\x00" + word} {
				if listed(list, skeletonOf(other)) {
					t.Errorf("%s: %q is found", name, other)
				}
			}
			if name == "bases.txt" && len(word) <= 14 && !isCommon(word+"1!") {
				t.Errorf("%q is not refused with decoration", word)
			}
			if len(word) >= minLength {
				long++
			}
		}
	}
	if long < 20_000 {
		t.Errorf("%d passwords of 8 characters and more are refused; it was more than 20,000", long)
	}
}
