package mailx

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"myauth.internal/kit"
)

func file(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }

const subject = `{{define "subject"}}s{{end}}`

func TestBrokenTemplates(t *testing.T) {
	for name, test := range map[string]struct {
		files fs.FS
		err   string // a part of it
	}{
		"syntax":           {fstest.MapFS{"account_exists.txt": file(subject + "{{if}}"), "account_exists.html": file("x")}, "account_exists.txt:1"},
		"HTML syntax":      {fstest.MapFS{"account_exists.txt": file(subject), "account_exists.html": file("\n{{end}}")}, "account_exists.html:2"},
		"unknown field":    {fstest.MapFS{"account_exists.txt": file(subject + "{{.Pasword}}"), "account_exists.html": file("x")}, "account_exists.txt:1"},
		"unknown in HTML":  {fstest.MapFS{"account_exists.txt": file(subject), "account_exists.html": file("{{.Nope}}")}, "account_exists.html:1"},
		"unsafe HTML":      {fstest.MapFS{"account_exists.txt": file(subject), "account_exists.html": file(`<a href='{{if .Name}}"{{end}}`)}, "account_exists.html"},
		"no subject":       {fstest.MapFS{"account_exists.txt": file("x"), "account_exists.html": file("x")}, `account_exists.txt has no {{define "subject"}}`},
		"empty subject":    {fstest.MapFS{"account_exists.txt": file(`{{define "subject"}} {{end}}`), "account_exists.html": file("x")}, "account_exists.txt: the subject"},
		"two-line subject": {fstest.MapFS{"account_exists.txt": file("{{define \"subject\"}}a\r\nBcc: eve@example.com{{end}}"), "account_exists.html": file("x")}, "account_exists.txt: the subject"},
		"no link":          {fstest.MapFS{"verification.txt": file(subject + "{{.Link}}"), "verification.html": file("x")}, "verification.html shows neither"},
		"no link in text":  {fstest.MapFS{"verification.txt": file(subject), "verification.html": file("{{.Token}}")}, "verification.txt shows neither"},
		"half a pair":      {fstest.MapFS{"verification.txt": file(subject + "{{.Link}}")}, "verification.txt and verification.html come in a pair"},
		"misspelled":       {fstest.MapFS{"verfication.txt": file(subject + "{{.Link}}")}, `"verfication.txt"`},
		"in a folder":      {fstest.MapFS{"mails/verification.txt": file(subject + "{{.Link}}")}, "fs.Sub"},
		"broken layout":    {fstest.MapFS{"layout.html": file("{{")}, "layout.html:1"},
		"empty layout":     {fstest.MapFS{"layout.txt": file("")}, `"layout"`},
		"layout of no use": {fstest.MapFS{"layout.txt": file(`{{define "layout"}}Hello{{end}}`)}, "verification.txt shows neither"},
		"unreadable":       {unreadable{fstest.MapFS{"layout.txt": file("x")}}, "layout.txt: out of order"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := NewLog(t.Output(), &Options{Templates: test.files})
			if err == nil || !strings.HasPrefix(err.Error(), "mailx: ") || !strings.Contains(err.Error(), test.err) {
				t.Errorf("got %v, want an error about %q", err, test.err)
			}
		})
	}
}

type unreadable struct{ fs.FS }

func (unreadable) ReadFile(string) ([]byte, error) { return nil, fmt.Errorf("out of order") }

// A custom layout changes the look of the built-in mails.
func TestOwnLayout(t *testing.T) {
	c := newTestComposer(t, Options{From: "no-reply@shop.example", Templates: fstest.MapFS{
		"layout.txt":  file(`{{define "layout"}}SHOP {{template "content" .}}{{end}}`),
		"layout.html": file(`{{define "layout"}}<h1>SHOP {{template "title" .}}</h1>{{template "content" .}}{{end}}`),
		"README.md":   file("about these templates"),
	}})
	for _, k := range builtinKinds() {
		r, err := c.render(sampleOf(k))
		if err != nil || !strings.HasPrefix(r.text, "SHOP ") || !strings.HasPrefix(r.html, "<h1>SHOP ") || strings.Contains(r.text, "Hello") {
			t.Errorf("%v: %+v", err, r)
		}
		if !strings.Contains(r.subject, "shop.example") {
			t.Errorf("without a name in From, the product should be its domain: %q", r.subject)
		}
	}
}

// One pair replaced leaves the others as they are.
func TestOwnPair(t *testing.T) {
	c := newTestComposer(t, Options{ProductName: "The Shop", Templates: fstest.MapFS{
		"password_reset.txt":  file(`{{define "subject"}}{{.Name}}, {{.ProductName}}{{end}}Code {{.Token}}, {{.ValidUntil.Year}}`),
		"password_reset.html": file(`<p>{{.Name}}: <b>{{.Token}}</b></p>{{.}}`),
	}})
	mail := sampleOf(kit.MailPasswordReset)
	mail.Username = "A & B"
	r, err := c.render(mail)
	want := rendered{"A & B, The Shop", "Code " + string(mail.Token) + ", 2026\n", "<p>A &amp; B: <b>" + string(mail.Token) + "</b></p>[redacted]\n"}
	if err != nil || r != want {
		t.Errorf("%v: %+v, want %+v", err, r, want)
	}
	if r, err := c.render(sample("ada@example.com")); err != nil || !strings.Contains(r.subject, "The Shop") || r.text == want.text {
		t.Errorf("%v: %+v", err, r)
	}
}

// A template that breaks for one account only, which New cannot foresee.
func TestTemplateThatFailsLater(t *testing.T) {
	c := newTestComposer(t, Options{Templates: fstest.MapFS{
		"account_exists.txt":  file("{{define \"subject\"}}a{{if eq .Name \"Eve\"}}\nBcc: b{{end}}{{end}}{{if eq .Name \"Mallory\"}}{{index .Name 99}}{{end}}"),
		"account_exists.html": file("x"),
	}})
	for name, fails := range map[string]bool{"Ada": false, "Eve": true, "Mallory": true} {
		_, err := c.compose(kit.Mail{Kind: kit.MailAccountExists, To: "ada@example.com", Username: name})
		if isPermanent(err) != fails || !fails && err != nil {
			t.Errorf("%s: got %v, want a permanent error: %v", name, err, fails)
		}
	}
}

// A kind beside those of kit is mailed from its own templates.
func TestOwnKind(t *testing.T) {
	pair := fstest.MapFS{
		"invitation.txt":  file(`{{define "subject"}}Join {{.ProductName}}{{end}}{{.Link}}`),
		"invitation.html": file(`<p>{{.Link}}</p>`),
	}
	mail := sampleOf("invitation")
	c := newTestComposer(t, Options{ProductName: "Shop", Templates: pair, Kinds: []kit.MailKind{"invitation"}})
	if r, err := c.render(mail); err != nil || r.subject != "Join Shop" || r.text != string(mail.Link)+"\n" {
		t.Errorf("%v: %+v", err, r)
	}
	if _, err := newTestComposer(t, Options{}).render(mail); !isPermanent(err) || !strings.Contains(err.Error(), `"invitation"`) {
		t.Errorf("without templates: got %v, want a permanent error that names the kind", err)
	}
	for name, o := range map[string]Options{
		"no templates":       {Kinds: []kit.MailKind{"invitation"}},
		"no kind":            {Templates: pair},
		"built in":           {Templates: pair, Kinds: []kit.MailKind{"verification"}},
		"a path":             {Templates: pair, Kinds: []kit.MailKind{"../invitation"}},
		"the layout":         {Templates: pair, Kinds: []kit.MailKind{"layout"}},
		"the same one twice": {Templates: pair, Kinds: []kit.MailKind{"invitation", "invitation"}},
	} {
		if _, err := newComposer(&o); err == nil || !strings.HasPrefix(err.Error(), "mailx: Options.") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestUnsafeLinkScheme(t *testing.T) {
	mail := sample("ada@example.com")
	mail.Link = "javascript:alert(1)"
	r, err := newTestComposer(t, Options{}).render(mail)
	if err != nil || strings.Contains(r.html, `href="javascript`) {
		t.Errorf("%v: %s", err, r.html)
	}
}
