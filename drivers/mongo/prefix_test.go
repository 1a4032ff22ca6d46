package mongo

import (
	"strings"
	"testing"
)

// What begins with a prefix is less than its end, and the end is the first that is not.
func TestBehind(t *testing.T) {
	for prefix, want := range map[string]string{
		"": "", "a": "b", "a\x7f": "a\u0080", "z\u07ff": "z\u0800", "é": "ê", "\ud7ff": "\ue000", "a\uffff": "a\U00010000",
		"a\U0010ffff": "b", "a\U0010ffff\U0010ffff": "b", "\U0010ffff": "", "b\U0010ffffc": "b\U0010ffffd",
	} {
		end := behind(prefix)
		if end != want {
			t.Errorf("behind(%q) is %q, want %q", prefix, end, want)
		}
		for _, text := range []string{prefix, prefix + "a", prefix + "\U0010ffff\U0010ffff"} {
			if end != "" && text >= end {
				t.Errorf("%q is not less than behind(%q), %q", text, prefix, end)
			}
		}
		if strings.HasPrefix(end, prefix) && end != "" {
			t.Errorf("behind(%q) begins with it: %q", prefix, end)
		}
	}
}
