package mailx

import (
	"bytes"
	"fmt"
	htmltemplate "html/template"
	"strings"
	"sync"
	texttemplate "text/template"

	"myauth.internal/kit"
)

// features renders the texts that mails bring along, within the layouts. It keeps what it has
// parsed: the texts of a kind are those of a feature's code.
type features struct {
	layoutText, layoutHTML string

	mu     sync.Mutex
	parsed map[kit.MailKind]feature
}

// feature is the parsed text of one kind.
type feature struct {
	subjectSource, textSource string
	subject, text             *texttemplate.Template
	layoutText                *texttemplate.Template
	layoutHTML                *htmltemplate.Template
}

// featureData is what the layouts are executed with for a feature's text.
type featureData struct {
	Data
	Subject    string
	Content    string
	Paragraphs []string
}

// The frame of a feature's text: what the templates of a kind define for a layout.
const (
	featureText = `{{define "content"}}{{.Content}}{{end}}{{template "layout" .}}`
	featureHTML = `{{define "title"}}{{.Subject}}{{end}}` +
		`{{define "content"}}{{range .Paragraphs}}<p style="white-space: pre-line;">{{if and $.Link (eq . $.Link)}}<a href="{{.}}" style="word-break: break-all;">{{.}}</a>{{else}}{{.}}{{end}}</p>
{{end}}{{end}}{{template "layout" .}}`
)

func newFeatures(own map[string]string) (*features, error) {
	text, err := source(own, "layout.txt", "")
	if err != nil {
		return nil, err
	}
	html, err := source(own, "layout.html", "")
	return &features{layoutText: text, layoutHTML: html, parsed: map[kit.MailKind]feature{}}, err
}

// render renders m's own Subject and Text.
func (f *features) render(m kit.Mail, d Data) (rendered, error) {
	t, err := f.parse(m)
	if err != nil {
		return rendered{}, err
	}
	var subject, content, text, html bytes.Buffer
	if err := t.subject.Execute(&subject, d); err != nil {
		return rendered{}, err
	}
	if err := t.text.Execute(&content, d); err != nil {
		return rendered{}, err
	}
	r := rendered{subject: strings.TrimSpace(subject.String())}
	data := featureData{Data: d, Subject: r.subject, Content: strings.TrimSpace(strings.ReplaceAll(content.String(), "\r\n", "\n"))}
	if data.Content == "" {
		return rendered{}, fmt.Errorf("the text of a %s mail is empty", m.Kind)
	}
	for paragraph := range strings.SplitSeq(data.Content, "\n\n") {
		if paragraph = strings.TrimSpace(paragraph); paragraph != "" {
			data.Paragraphs = append(data.Paragraphs, paragraph)
		}
	}
	if err := t.layoutText.Execute(&text, data); err != nil {
		return rendered{}, err
	}
	if err := t.layoutHTML.Execute(&html, data); err != nil {
		return rendered{}, err
	}
	r.text, r.html = tidy(text.String()), tidy(html.String())
	return r, r.checkSubject(string(m.Kind) + " (of its feature)")
}

// parse returns the parsed texts of m.
func (f *features) parse(m kit.Mail) (feature, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	t, ok := f.parsed[m.Kind]
	if ok && t.subjectSource == m.Subject && t.textSource == m.Text {
		return t, nil
	}
	t = feature{subjectSource: m.Subject, textSource: m.Text}
	var err error
	if t.subject, err = texttemplate.New("subject").Option(missing).Parse(m.Subject); err != nil {
		return t, err
	}
	if t.text, err = texttemplate.New("text").Option(missing).Parse(m.Text); err != nil {
		return t, err
	}
	t.layoutText = texttemplate.New("mail").Option(missing)
	if _, err = t.layoutText.New("layout.txt").Parse(f.layoutText); err != nil {
		return t, err
	}
	if _, err = t.layoutText.Parse(featureText); err != nil {
		return t, err
	}
	t.layoutHTML = htmltemplate.New("mail").Option(missing)
	if _, err = t.layoutHTML.New("layout.html").Parse(f.layoutHTML); err != nil {
		return t, err
	}
	if _, err = t.layoutHTML.Parse(featureHTML); err != nil {
		return t, err
	}
	f.parsed[m.Kind] = t
	return t, nil
}
