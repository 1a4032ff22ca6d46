package provider

import (
	"strings"
	"testing"
	"unicode/utf8"

	"myauth.internal/kit"
)

func TestCleanName(t *testing.T) {
	for name, want := range map[string]string{
		"Ada Lovelace":                         "Ada Lovelace",
		"  Ada\t\n Lovelace\u2028 ":            "Ada Lovelace",
		"Ada\x00\x07\x1b[31m":                  "Ada[31m",
		"\u202egnorW\u202c \u2066x\u2069":      "gnorW x",
		"\u200b\u00ad\ufeff":                   "",
		"\u3164\u115f":                         "",
		"\u200d\u200c":                         "",
		"\u0301\u0302":                         "",
		"नमस्ते \u200d":                        "नमस्ते \u200d",
		"👩\u200d🚀 Ada":                         "👩\u200d🚀 Ada",
		"Ada\xff\xc3":                          "Ada",
		strings.Repeat("ä", 65):                strings.Repeat("ä", 64),
		strings.Repeat("a", 63) + " b":         strings.Repeat("a", 63),
		strings.Repeat("\u202e", 64<<10) + "x": "",
		strings.Repeat("a", 64<<10):            strings.Repeat("a", 64),
	} {
		if got := cleanName(name); got != want {
			t.Errorf("%.40q: got %q, want %q", name, got, want)
		}
	}
}

func FuzzCleanName(f *testing.F) {
	for _, name := range []string{"Ada", "\u202eevil", "a\xffb", strings.Repeat("\u0301", 5000)} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		got := cleanName(name)
		if !utf8.ValidString(got) || utf8.RuneCountInString(got) > 64 || cleanName(got) != got || strings.TrimSpace(got) != got {
			t.Errorf("%q became %q", name, got)
		}
	})
}

// TestHostileProfiles: whatever a provider says of its user, the account has a name and an address
// that an account may have.
func TestHostileProfiles(t *testing.T) {
	for name, want := range map[string]string{
		"":                            "ada",
		"\u202e\u202d":                "ada",
		strings.Repeat("Ada ", 16384): strings.TrimSpace(strings.Repeat("Ada ", 16)),
		"Ada\r\nBcc: x@example.com":   "Ada Bcc: x@example.com",
		"\xff\xfe":                    "ada",
	} {
		w := newWorld(t)
		a := says("1", " "+ada+" ", true)
		a.Name = name
		if u := w.signIn(a); u.Username != want || u.Email != ada {
			t.Errorf("%.40q: made %q <%s>, want %q", name, u.Username, u.Email, want)
		}
	}
	// What is known logs in, whatever is said of it: the record keeps what can be kept.
	w := newWorld(t)
	w.signIn(says("1", ada, true))
	a := says("1", strings.Repeat("x", 64<<10)+"@example.com", false)
	a.Name = strings.Repeat("\u0000", 64<<10)
	u := w.signIn(a)
	list, err := w.p().list(t.Context(), u)
	if err != nil || list[0].Email != "" || list[0].Name != "" || len(list[0].row.Data) > 1<<10 {
		t.Errorf("the record %+v, %v", list[0].record, err)
	}
	var _ kit.User = u
}
