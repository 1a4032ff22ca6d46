package mailx

import (
	"bytes"
	"cmp"
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

// builtinKinds are the kinds that this package has templates for.
func builtinKinds() []kit.MailKind {
	return []kit.MailKind{kit.MailVerification, kit.MailPasswordReset, kit.MailPasswordChanged, kit.MailEmailChanged, kit.MailAccountExists}
}

// needsLink reports whether a mail of that kind is useless without a link or a token.
func needsLink(kind kit.MailKind) bool {
	return kind == kit.MailVerification || kind == kit.MailPasswordReset
}

// template renders one kind of mail.
type template struct {
	kind kit.MailKind
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
// them and for the kinds in added, and tries each of them out.
func loadTemplates(custom fs.FS, added []kit.MailKind) (map[kit.MailKind]template, error) {
	kinds := builtinKinds()
	for _, kind := range added {
		if strings.Trim(string(kind), "abcdefghijklmnopqrstuvwxyz0123456789_") != "" || kind == "" || kind == "layout" {
			return nil, fmt.Errorf("mailx: Options.Kinds has %q: a kind has lower-case letters, digits and underscores, as its templates' names do", kind)
		}
		if slices.Contains(kinds, kind) {
			return nil, fmt.Errorf("mailx: Options.Kinds has %q, which is there already", kind)
		}
		kinds = append(kinds, kind)
	}
	own, err := customFiles(custom, kinds)
	if err != nil {
		return nil, err
	}
	set := map[kit.MailKind]template{}
	for _, kind := range kinds {
		t, err := parse(kind, own)
		if err == nil {
			err = t.tryOut()
		}
		if err != nil {
			return nil, fmt.Errorf("mailx: %w", err)
		}
		set[kind] = t
	}
	return set, nil
}

// customFiles reads the templates at the root of custom.
func customFiles(custom fs.FS, kinds []kit.MailKind) (map[string]string, error) {
	if custom == nil {
		return nil, nil
	}
	known := []string{"layout.txt", "layout.html"}
	for _, kind := range kinds {
		known = append(known, string(kind)+".txt", string(kind)+".html")
	}
	entries, err := fs.ReadDir(custom, ".")
	if err != nil {
		return nil, fmt.Errorf("mailx: Options.Templates: %w", err)
	}
	own := map[string]string{}
	for _, e := range entries {
		name := e.Name()
		if !slices.Contains(known, name) {
			if path.Ext(name) == ".txt" || path.Ext(name) == ".html" {
				return nil, fmt.Errorf("mailx: Options.Templates: no template is called %q: there are %s", name, strings.Join(known, ", "))
			}
			continue
		}
		text, err := fs.ReadFile(custom, name)
		if err != nil {
			return nil, fmt.Errorf("mailx: template %s: %w", name, err)
		}
		own[name] = string(text)
	}
	if len(own) == 0 {
		return nil, errors.New("mailx: Options.Templates has no template at its root: use fs.Sub when they are in a folder")
	}
	return own, nil
}

// parse parses the templates of a kind: those in own, or else the built-in ones.
func parse(kind kit.MailKind, own map[string]string) (template, error) {
	text, html := string(kind)+".txt", string(kind)+".html"
	_, ownText := own[text]
	if _, ownHTML := own[html]; ownText != ownHTML {
		return template{}, fmt.Errorf("templates %s and %s come in a pair, and one is missing", text, html)
	}
	source := map[string]string{}
	for _, name := range []string{"layout.txt", text, "layout.html", html} {
		custom, ok := own[name]
		if !ok {
			b, err := builtin.ReadFile(path.Join("templates", name))
			if err != nil {
				return template{}, fmt.Errorf("Options.Templates has no %s, which a kind in Options.Kinds needs", name)
			}
			custom = string(b)
		}
		source[name] = custom
	}
	t := template{kind, texttemplate.New(text), htmltemplate.New(html)}
	_, err1 := t.text.New("layout.txt").Parse(source["layout.txt"])
	_, err2 := t.text.Parse(source[text])
	_, err3 := t.html.New("layout.html").Parse(source["layout.html"])
	_, err4 := t.html.Parse(source[html])
	if err := cmp.Or(err1, err2, err3, err4); err != nil {
		return template{}, err
	}
	if t.text.Lookup("subject") == nil {
		return template{}, fmt.Errorf(`template %s has no {{define "subject"}}`, text)
	}
	return t, nil
}

// tryOut renders a sample, so that a mistake shows at construction and not when
// a user waits for a mail.
func (t template) tryOut() error {
	const token = "SampleToken"
	now := time.Unix(0, 0)
	r, err := t.render(newData("Sample", kit.Mail{
		Username: "Sample", Link: "https://sample.example/page?token=" + token, Token: token,
		DenyLink: "https://sample.example/deny", Now: now, ValidUntil: now.Add(time.Hour),
	}))
	if err != nil {
		return err
	}
	for ext, body := range map[string]string{"txt": r.text, "html": r.html} {
		if needsLink(t.kind) && !strings.Contains(body, token) {
			return fmt.Errorf("template %s.%s shows neither .Link nor .Token", t.kind, ext)
		}
	}
	return nil
}

func (t template) render(d Data) (rendered, error) {
	var subject, text, html bytes.Buffer
	if err := cmp.Or(t.text.ExecuteTemplate(&subject, "subject", d), t.text.Execute(&text, d), t.html.Execute(&html, d)); err != nil {
		return rendered{}, err
	}
	r := rendered{strings.TrimSpace(subject.String()), tidy(text.String()), tidy(html.String())}
	if r.subject == "" || strings.ContainsFunc(r.subject, breaksLine) || !utf8.ValidString(r.subject) {
		return rendered{}, fmt.Errorf("template %s.txt: the subject must be one line of text", t.kind)
	}
	if chars := []rune(r.subject); len(chars) > maxSubject {
		r.subject = string(chars[:maxSubject-1]) + "…"
	}
	return r, nil
}

// tidy leaves one newline at the end of s, and none at its beginning.
func tidy(s string) string { return strings.TrimSpace(s) + "\n" }
