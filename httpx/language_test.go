package httpx

import (
	"strings"
	"testing"

	"myauth.internal/kit"
)

func TestLanguageOfPages(t *testing.T) {
	german := Language{Tag: "de", Texts: map[string]string{
		"Choose a new password": "Neues Passwort <wählen>", "Too many attempts. Wait %d seconds, then press the button again.": "Warten Sie %d Sekunden.",
		"use at least %d characters": "mindestens %d Zeichen",
	}}
	p := newPageRig(t, Options{Languages: []Language{English(), german}})
	p.mail() // of the registration
	link := p.resetMail().Link
	for _, tc := range []struct{ accept, tag, title string }{
		{"", "en", "Choose a new password"},
		{"de", "de", "Neues Passwort &lt;wählen&gt;"},
		{"DE-at;q=0.8, fr", "de", "Neues Passwort &lt;wählen&gt;"},
		{"de;q=0.1, en-GB;q=0.2", "en", "Choose a new password"},
		{"de;q=0, *", "en", "Choose a new password"},
		{"den, dex-AT", "en", "Choose a new password"},
		{"de;q=x", "en", "Choose a new password"},
		{"de;q=NaN", "en", "Choose a new password"},
		{strings.Repeat("xx,", 1<<12) + "de", "en", "Choose a new password"},
	} {
		w := do(p.pages, "GET", strings.TrimPrefix(string(link), "https://example.com"), "", "Accept-Language", tc.accept)
		if body := w.Body.String(); w.Header().Get("Content-Language") != tc.tag || !strings.Contains(body, `<html lang="`+tc.tag+`">`) || !strings.Contains(body, "<h1>"+tc.title+"</h1>") {
			t.Errorf("%.40q: %v\n%s", tc.accept, w.Header(), body)
		}
	}
	page := string(builtinPage(resetWords, PageData{Token: "x", Code: "too_many_requests", RetryAfter: 17}, german))
	if !strings.Contains(page, "Warten Sie 17 Sekunden.") {
		t.Error(page)
	}
	page = string(builtinPage(resetWords, PageData{Token: "x", Code: "validation_failed", Errors: []kit.FieldError{{Message: "use at least 8 characters"}}}, german))
	if !strings.Contains(page, "mindestens 8 Zeichen") {
		t.Error(page)
	}
}

func TestLanguagesThatNewRefuses(t *testing.T) {
	for name, l := range map[string]Language{
		"no tag":          {},
		"a tag in markup": {Tag: `de"><script>`},
		"a lost number":   {Tag: "de", Texts: map[string]string{"wait %d seconds": "warten"}},
		"two numbers":     {Tag: "de", Texts: map[string]string{"%d of %d": "%d von %d"}},
	} {
		if _, err := New(newService(t), &Options{Languages: []Language{l}}); err == nil || !strings.Contains(err.Error(), "Options.Languages") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
