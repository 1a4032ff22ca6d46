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
	"sync"
	texttemplate "text/template"
	"time"
	"unicode/utf8"

	"myauth.internal/kit"
)

//go:embed templates
var builtin embed.FS

// builtinKinds are the kinds that this package has templates for.
func builtinKinds() []kit.MailKind {
	return []kit.MailKind{
		kit.MailVerification, kit.MailPasswordReset, kit.MailPasswordChanged, kit.MailEmailChange, kit.MailEmailChangeRequested, kit.MailEmailChanged,
		kit.MailAccountExists, kit.MailNewDevice, kit.MailPasswordGuessing, kit.MailFactorsReset,
	}
}

// otherKinds are the kinds of package kit that bring their own texts; Options.Templates can
// replace them.
func otherKinds() []kit.MailKind {
	return []kit.MailKind{kit.MailFactorEnrolled, kit.MailFactorRemoved, kit.MailRecoveryCodesMade, kit.MailRecoveryCodeUsed}
}

// needsLink reports whether a mail of that kind is useless without a link or a token.
func needsLink(kind kit.MailKind) bool {
	return kind == kit.MailVerification || kind == kit.MailPasswordReset || kind == kit.MailEmailChange
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

// templates are those of all kinds and languages.
type templates struct {
	own   map[string]string                   // sources of Options.Templates by file name, in lower case
	pairs map[string]func() (template, error) // by kind, or by kind.tag; each is parsed once
}

// find returns the templates of a kind for a language: those for its whole tag, then those for
// what is left of it without its last parts (RFC 4647, section 3.4), then those without a
// language. It returns nil when there are none.
func (s *templates) find(kind kit.MailKind, locale string) func() (template, error) {
	for _, suffix := range lookup(locale) {
		if load, ok := s.pairs[string(kind)+suffix]; ok {
			return load
		}
	}
	return nil
}

// loadTemplates returns the built-in templates, or those of custom where it has them and for
// the kinds in added, each in every language that custom has it in. With custom it parses all of
// them and tries them out; the built-in ones alone wait for their first mail.
func loadTemplates(custom fs.FS, added []kit.MailKind) (*templates, error) {
	kinds := append(builtinKinds(), otherKinds()...)
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
	set := &templates{own: own, pairs: map[string]func() (template, error){}}
	for _, kind := range kinds {
		names := namesOf(kind, own)
		if len(names) == 0 && slices.Contains(added, kind) {
			return nil, fmt.Errorf("mailx: Options.Templates has no %s.txt, which a kind in Options.Kinds needs", kind)
		}
		for _, name := range names {
			load := sync.OnceValues(func() (template, error) { return parse(kind, name, own) })
			if own != nil {
				t, err := load()
				if err == nil {
					err = t.tryOut()
				}
				if err != nil {
					return nil, fmt.Errorf("mailx: %w", err)
				}
			}
			set.pairs[name] = load
		}
	}
	return set, nil
}

// namesOf returns the names of the templates of a kind: the kind, and for each language that own
// has it in, kind.tag.
func namesOf(kind kit.MailKind, own map[string]string) []string {
	var names []string
	if slices.Contains(builtinKinds(), kind) {
		names = append(names, string(kind))
	}
	for file := range own {
		name := strings.TrimSuffix(file, path.Ext(file))
		if base, _, _ := strings.Cut(name, "."); base == string(kind) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
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
		if path.Ext(name) != ".txt" && path.Ext(name) != ".html" {
			continue
		}
		kind, tag, tagged := strings.Cut(strings.TrimSuffix(name, path.Ext(name)), ".")
		if !slices.Contains(known, kind+path.Ext(name)) {
			return nil, fmt.Errorf("mailx: Options.Templates: no template is called %q: there are %s", name, strings.Join(known, ", "))
		}
		if tagged && !isTag(tag) {
			return nil, fmt.Errorf("mailx: Options.Templates: %q is not for a language tag such as de or de-AT", name)
		}
		text, err := fs.ReadFile(custom, name)
		if err != nil {
			return nil, fmt.Errorf("mailx: template %s: %w", name, err)
		}
		if _, twice := own[strings.ToLower(name)]; twice {
			return nil, fmt.Errorf("mailx: Options.Templates has %q twice, in other case", name)
		}
		own[strings.ToLower(name)] = string(text)
	}
	if len(own) == 0 {
		return nil, errors.New("mailx: Options.Templates has no template at its root: use fs.Sub when they are in a folder")
	}
	return own, nil
}

// parse parses the templates of a kind that are called name: those in own, or else the built-in
// ones. The layouts are those for the same language, as far as own has any.
func parse(kind kit.MailKind, name string, own map[string]string) (template, error) {
	text, html := name+".txt", name+".html"
	_, ownText := own[text]
	if _, ownHTML := own[html]; ownText != ownHTML {
		return template{}, fmt.Errorf("templates %s and %s come in a pair, and one is missing", text, html)
	}
	_, locale, _ := strings.Cut(name, ".")
	textSource, err1 := source(own, text, "")
	htmlSource, err2 := source(own, html, "")
	textLayout, err3 := source(own, "layout.txt", locale)
	htmlLayout, err4 := source(own, "layout.html", locale)
	if err := cmp.Or(err1, err2, err3, err4); err != nil {
		return template{}, err
	}
	t := template{kind, texttemplate.New(text).Option(missing), htmltemplate.New(html).Option(missing)}
	_, err1 = t.text.New("layout.txt").Parse(textLayout)
	_, err2 = t.text.Parse(textSource)
	_, err3 = t.html.New("layout.html").Parse(htmlLayout)
	_, err4 = t.html.Parse(htmlSource)
	if err := cmp.Or(err1, err2, err3, err4); err != nil {
		return template{}, err
	}
	if t.text.Lookup("subject") == nil {
		return template{}, fmt.Errorf(`template %s has no {{define "subject"}}`, text)
	}
	return t, nil
}

// missing makes a value that Data does not have empty.
const missing = "missingkey=zero"

// source returns the template file for a language, out of own or else a built-in one.
func source(own map[string]string, file, locale string) (string, error) {
	for _, suffix := range lookup(locale) {
		ext := path.Ext(file)
		if text, ok := own[strings.TrimSuffix(file, ext)+suffix+ext]; ok {
			return text, nil
		}
	}
	b, err := builtin.ReadFile(path.Join("templates", file))
	if err != nil {
		return "", fmt.Errorf("Options.Templates has no %s", file)
	}
	return string(b), nil
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
			return fmt.Errorf("template %s.%s shows neither .Link nor .Token", strings.TrimSuffix(t.text.Name(), ".txt"), ext)
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
	if err := r.checkSubject(t.text.Name()); err != nil {
		return rendered{}, err
	}
	return r, nil
}

// checkSubject shortens the subject, and returns an error unless it is one line.
func (r *rendered) checkSubject(template string) error {
	if r.subject == "" || strings.ContainsFunc(r.subject, breaksLine) || !utf8.ValidString(r.subject) {
		return fmt.Errorf("template %s: the subject must be one line of text", template)
	}
	if chars := []rune(r.subject); len(chars) > maxSubject {
		r.subject = string(chars[:maxSubject-1]) + "…"
	}
	return nil
}

// tidy leaves one newline at the end of s, and none at its beginning.
func tidy(s string) string { return strings.TrimSpace(s) + "\n" }
