package mailx

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io/fs"
	"path"
	"slices"
	"strings"
	texttemplate "text/template"
	"time"
	"unicode/utf8"

	"myauth.internal/kit"
)

//go:embed templates
var builtin embed.FS

// kind is a kind of mail that there are templates for.
type kind struct {
	name   kit.MailKind // also of its templates, without .txt and .html
	linked bool         // it is of no use without a link or token
}

// builtinKinds are the kinds that this package has templates for.
func builtinKinds() []kind {
	return []kind{
		{kit.MailVerification, true},
		{kit.MailPasswordReset, true},
		{kit.MailPasswordChanged, false},
		{kit.MailEmailChanged, false},
		{kit.MailAccountExists, false},
	}
}

// file is the name of a template of k.
func (k kind) file(ext string) string { return string(k.name) + ext }

// templateSet renders every kind of mail.
type templateSet map[kit.MailKind]template

type template struct {
	kind
	text *texttemplate.Template
	html *htmltemplate.Template
}

// rendered is one mail as people see it.
type rendered struct {
	subject, text, html string
}

// maxSubject is in characters; longer ones are cut.
const maxSubject = 200

// loadTemplates parses the built-in templates, or those of custom where it has
// them and for the kinds that are not built in, and tries each of them out.
func loadTemplates(custom fs.FS, added []kit.MailKind) (templateSet, error) {
	kinds := builtinKinds()
	for _, name := range added {
		if strings.Trim(string(name), "abcdefghijklmnopqrstuvwxyz0123456789_") != "" || name == "" || name == "layout" {
			return nil, fmt.Errorf("mailx: Options.Kinds has %q: a kind has lower-case letters, digits and underscores, as its templates' names do", name)
		}
		if slices.ContainsFunc(kinds, func(k kind) bool { return k.name == name }) {
			return nil, fmt.Errorf("mailx: Options.Kinds has %q, which is there already", name)
		}
		kinds = append(kinds, kind{name: name})
	}
	own, err := customFiles(custom, kinds)
	if err != nil {
		return nil, err
	}
	source := func(name string) (string, error) {
		if own[name] {
			b, err := fs.ReadFile(custom, name)
			if err != nil {
				return "", fmt.Errorf("mailx: template %s: %w", name, err)
			}
			return string(b), nil
		}
		b, err := builtin.ReadFile(path.Join("templates", name))
		if err != nil {
			return "", fmt.Errorf("mailx: Options.Templates has no %s, which a kind in Options.Kinds needs", name)
		}
		return string(b), nil
	}
	set := templateSet{}
	for _, k := range kinds {
		if own[k.file(".txt")] != own[k.file(".html")] {
			return nil, fmt.Errorf("mailx: templates %s.txt and %[1]s.html come in a pair, and one is missing", k.name)
		}
		t, err := parse(k, source)
		if err != nil {
			return nil, err
		}
		if err := t.tryOut(); err != nil {
			return nil, err
		}
		set[k.name] = t
	}
	return set, nil
}

// customFiles lists the templates at the root of custom.
func customFiles(custom fs.FS, kinds []kind) (map[string]bool, error) {
	if custom == nil {
		return nil, nil
	}
	known := []string{"layout.txt", "layout.html"}
	for _, k := range kinds {
		known = append(known, k.file(".txt"), k.file(".html"))
	}
	entries, err := fs.ReadDir(custom, ".")
	if err != nil {
		return nil, fmt.Errorf("mailx: Options.Templates: %w", err)
	}
	own := map[string]bool{}
	for _, e := range entries {
		switch name := e.Name(); {
		case slices.Contains(known, name):
			own[name] = true
		case path.Ext(name) == ".txt" || path.Ext(name) == ".html":
			return nil, fmt.Errorf("mailx: Options.Templates: no template is called %q: there are %s", name, strings.Join(known, ", "))
		}
	}
	if len(own) == 0 {
		return nil, errors.New("mailx: Options.Templates has no template at its root: use fs.Sub when they are in a folder")
	}
	return own, nil
}

func parse(k kind, source func(name string) (string, error)) (template, error) {
	var sources [4]string
	for i, name := range []string{"layout.txt", k.file(".txt"), "layout.html", k.file(".html")} {
		var err error
		if sources[i], err = source(name); err != nil {
			return template{}, err
		}
	}
	t := template{k, texttemplate.New(k.file(".txt")), htmltemplate.New(k.file(".html"))}
	_, err1 := t.text.New("layout.txt").Parse(sources[0])
	_, err2 := t.text.Parse(sources[1])
	_, err3 := t.html.New("layout.html").Parse(sources[2])
	_, err4 := t.html.Parse(sources[3])
	for _, err := range []error{err1, err2, err3, err4} {
		if err != nil {
			return template{}, fmt.Errorf("mailx: %w", err)
		}
	}
	if t.text.Lookup("subject") == nil {
		return template{}, fmt.Errorf(`mailx: template %s has no {{define "subject"}}`, k.file(".txt"))
	}
	return t, nil
}

// tryOut renders a sample, so that a mistake shows at construction and not when
// somebody waits for a mail.
func (t template) tryOut() error {
	const token = "SampleToken"
	now := time.Unix(0, 0)
	r, err := t.render(newData("Sample", kit.Mail{
		Username: "Sample", Link: "https://sample.example/page?token=" + token, Token: token,
		DenyLink: "https://sample.example/deny", Now: now, ValidUntil: now.Add(time.Hour),
	}))
	if err != nil {
		return fmt.Errorf("mailx: %w", err)
	}
	for ext, body := range map[string]string{"txt": r.text, "html": r.html} {
		if t.linked && !strings.Contains(body, token) {
			return fmt.Errorf("mailx: template %s.%s shows neither .Link nor .Token", t.name, ext)
		}
	}
	return nil
}

func (t template) render(d Data) (rendered, error) {
	var subject, text, html bytes.Buffer
	if err := t.text.ExecuteTemplate(&subject, "subject", d); err != nil {
		return rendered{}, err
	}
	if err := t.text.Execute(&text, d); err != nil {
		return rendered{}, err
	}
	if err := t.html.Execute(&html, d); err != nil {
		return rendered{}, err
	}
	r := rendered{strings.TrimSpace(subject.String()), tidy(text.String()), tidy(html.String())}
	if r.subject == "" || strings.ContainsFunc(r.subject, breaksLine) || !utf8.ValidString(r.subject) {
		return rendered{}, fmt.Errorf("template %s: the subject must be one line of text", t.file(".txt"))
	}
	if chars := []rune(r.subject); len(chars) > maxSubject {
		r.subject = string(chars[:maxSubject-1]) + "…"
	}
	return r, nil
}

// tidy leaves one newline at the end of s, and none at its beginning.
func tidy(s string) string { return strings.TrimSpace(s) + "\n" }
