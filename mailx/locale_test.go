package mailx

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"myauth.internal/kit"
)

func TestLookup(t *testing.T) {
	for tag, want := range map[string][]string{
		"":                               {""},
		"de":                             {".de", ""},
		"DE-at":                          {".de-at", ".de", ""},
		"zh-Hant-CN-x-private":           {".zh-hant-cn-x-private", ".zh-hant-cn", ".zh-hant", ".zh", ""},
		"zh-Hant-CN-x-a-b":               {".zh-hant-cn-x-a-b", ".zh-hant-cn", ".zh-hant", ".zh", ""},
		"../../etc/passwd":               {""},
		"de_AT":                          {""},
		"d":                              {""},
		"de-":                            {""},
		"-de":                            {""},
		"dé":                             {""},
		"de\r\nBcc: x":                   {""},
		"1a":                             {""},
		strings.Repeat("de-", 30) + "de": {""},
	} {
		if got := lookup(tag); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", tag, got, want)
		}
	}
}

// The best template for the language of the user, and the built-in one for a language that there
// is none for.
func TestLanguages(t *testing.T) {
	pair := func(files fstest.MapFS, name, text string) {
		files[name+".txt"] = file(`{{define "subject"}}` + text + `{{end}}{{define "content"}}` + text + ` {{.Link}}{{end}}{{template "layout" .}}`)
		files[name+".html"] = file(`{{define "title"}}t{{end}}{{define "content"}}` + text + ` {{.Link}}{{end}}{{template "layout" .}}`)
	}
	files := fstest.MapFS{
		"layout.de.txt":  file(`{{define "layout"}}LAYOUT-DE {{template "content" .}}{{end}}`),
		"layout.de.html": file(`{{define "layout"}}LAYOUT-DE {{template "content" .}}{{end}}`),
	}
	pair(files, "verification.de", "DE")
	pair(files, "verification.de-AT", "AT")
	pair(files, "invitation.FR", "FR")
	c := newTestComposer(t, Options{Templates: files, Kinds: []kit.MailKind{"invitation"}})
	for _, test := range []struct {
		kind         kit.MailKind
		locale, want string
		layout       bool
	}{
		{"verification", "de", "DE", true}, {"verification", "de-CH-1996", "DE", true}, {"verification", "de-at", "AT", true}, {"verification", "de-AT-x-a", "AT", true},
		{"verification", "", "Confirm your", false}, {"verification", "fr", "Confirm your", false}, {"verification", "d", "Confirm your", false},
		{"password_reset", "de", "Reset your", false}, {"invitation", "fr-CA", "FR", false},
	} {
		mail := sampleOf(test.kind)
		mail.Locale = test.locale
		r, err := c.render(mail)
		if err != nil || !strings.HasPrefix(r.subject, test.want) {
			t.Errorf("%s for %q: %q, %v; want %s", test.kind, test.locale, r.subject, err, test.want)
		}
		for _, body := range []string{r.text, r.html} {
			if strings.HasPrefix(body, "LAYOUT-DE ") != test.layout {
				t.Errorf("%s for %q: the wrong layout:\n%s", test.kind, test.locale, body)
			}
		}
	}
	mail := sampleOf("invitation")
	mail.Locale = "de"
	if _, err := c.render(mail); !isPermanent(err) || !strings.Contains(err.Error(), `"invitation"`) {
		t.Errorf("a language that an own kind is not in: %v", err)
	}
	mail.Subject, mail.Text = "An invitation", "Come in: {{.Link}}"
	if r, err := c.render(mail); err != nil || r.subject != "An invitation" {
		t.Errorf("%+v, %v", r, err)
	}
	for name, files := range map[string]fstest.MapFS{
		"no tag":        {"verification.d.txt": file(subject), "verification.d.html": file("x")},
		"half a pair":   {"verification.de.txt": file(subject + "{{.Link}}")},
		"twice":         {"verification.de.txt": file(subject + "{{.Link}}"), "verification.DE.txt": file(subject + "{{.Link}}"), "verification.de.html": file("{{.Link}}")},
		"twice, empty":  {"password_changed.DE.txt": file(""), "password_changed.de.txt": file(subject + "x"), "password_changed.de.html": file("x")},
		"without links": {"verification.de.txt": file(subject + "x"), "verification.de.html": file("x")},
		"unknown kind":  {"verfication.de.txt": file(subject + "x"), "verfication.de.html": file("x")},
	} {
		if _, err := newComposer(&Options{Templates: files}); err == nil || !strings.HasPrefix(err.Error(), "mailx: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
