package mailx

import (
	"bytes"
	"html"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"myauth.internal/kit"
)

func featureMail() kit.Mail {
	return kit.Mail{
		Kind: "new_terms", To: "ada@example.com", Username: "Ada", Now: testTime, ValidUntil: testTime.Add(1),
		Link: "https://shop.example/devices?token=x&y=<z>", Token: "x", Data: map[string]string{"device": "Phone <1>"},
		Subject: "{{.Data.device}} at {{.ProductName}}",
		Text:    "We saw {{.Data.device}}{{.Data.nothing}}.\nFor {{.Name}}.\n\n{{.Link}}\n\nBye.\n",
	}
}

// A kind that this package does not know is rendered from the texts of its feature.
func TestFeatureText(t *testing.T) {
	c := newTestComposer(t, Options{ProductName: "Shop"})
	r, err := c.render(featureMail())
	if err != nil || r.subject != "Phone <1> at Shop" {
		t.Fatalf("%q, %v", r.subject, err)
	}
	for _, want := range []string{"Hello Ada,\n\nWe saw Phone <1>.\nFor Ada.\n\nhttps://shop.example/devices?token=x&y=<z>\n\nBye.\n\n", "automated message from Shop"} {
		if !strings.Contains(r.text, want) {
			t.Errorf("the text lacks %q:\n%s", want, r.text)
		}
	}
	for _, want := range []string{
		"<title>Phone &lt;1&gt; at Shop</title>", ">We saw Phone &lt;1&gt;.\nFor Ada.</p>", `<a href="https://shop.example/devices?token=x&amp;y=%3cz%3e"`, "<p style=\"white-space: pre-line;\">Bye.</p>", "automated message from Shop",
	} {
		if !strings.Contains(r.html, want) {
			t.Errorf("the HTML lacks %q:\n%s", want, r.html)
		}
	}
	// The application's own text is better.
	c = newTestComposer(t, Options{Kinds: []kit.MailKind{"new_terms"}, Templates: fstest.MapFS{
		"new_terms.txt": file(`{{define "subject"}}Own{{end}}{{.Data.device}}`), "new_terms.html": file(`{{.Data.device}}{{.Data.nothing}}`),
	}})
	if r, err := c.render(featureMail()); err != nil || r != (rendered{"Own", "Phone <1>\n", "Phone &lt;1&gt;\n"}) {
		t.Errorf("%+v, %v", r, err)
	}
	// So is the layout.
	c = newTestComposer(t, Options{Templates: fstest.MapFS{"layout.txt": file(`{{define "layout"}}[{{template "content" .}}]{{.ProductName}}{{end}}`)}})
	if r, err := c.render(featureMail()); err != nil || !strings.HasPrefix(r.text, "[We saw") || !strings.HasSuffix(r.text, "]MyAuth\n") {
		t.Errorf("%+v, %v", r, err)
	}
	// Kinds of package kit bring their texts too, and can be replaced by name alone.
	own := fstest.MapFS{"factor_enrolled.txt": file(`{{define "subject"}}Own{{end}}x`), "factor_enrolled.html": file(`x`)}
	if r, err := newTestComposer(t, Options{Templates: own}).render(kit.Mail{Kind: kit.MailFactorEnrolled, To: "ada@example.com"}); err != nil || r.subject != "Own" {
		t.Errorf("%+v, %v", r, err)
	}
}

// What a feature got wrong is an error that names the kind and that no retry helps.
func TestBrokenFeatureText(t *testing.T) {
	c := newTestComposer(t, Options{})
	for name, change := range map[string]func(*kit.Mail){
		"no subject":       func(m *kit.Mail) { m.Subject = "" },
		"no text":          func(m *kit.Mail) { m.Text = "" },
		"an empty text":    func(m *kit.Mail) { m.Text = " {{.Data.nothing}} " },
		"an empty subject": func(m *kit.Mail) { m.Subject = "{{.Data.nothing}}" },
		"two lines":        func(m *kit.Mail) { m.Subject = "a\nBcc: eve@example.com" },
		"syntax":           func(m *kit.Mail) { m.Text = "{{if}}" },
		"subject syntax":   func(m *kit.Mail) { m.Subject = "{{" },
		"unknown field":    func(m *kit.Mail) { m.Text = "{{.Pasword}}" },
		"too late":         func(m *kit.Mail) { m.Text = "{{index .Name 99}}" },
	} {
		m := featureMail()
		change(&m)
		if _, err := c.compose(m); !isPermanent(err) || !strings.Contains(err.Error(), `"new_terms"`) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := c.compose(featureMail()); err != nil {
		t.Errorf("the right text after the wrong ones: %v", err)
	}
}

// The texts are parsed once, and anew if they are others.
func TestFeatureTextIsParsedOnce(t *testing.T) {
	c := newTestComposer(t, Options{})
	parsed := func(m kit.Mail) feature {
		if _, err := c.render(m); err != nil {
			t.Error(err)
		}
		c.features.mu.Lock()
		defer c.features.mu.Unlock()
		return c.features.parsed[m.Kind]
	}
	first := parsed(featureMail())
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			if parsed(featureMail()).text != first.text {
				t.Error("parsed again")
			}
		})
	}
	wg.Wait()
	m := featureMail()
	m.Text = "Another."
	if r, err := c.render(m); err != nil || !strings.Contains(r.text, "Another.") {
		t.Errorf("%+v, %v", r, err)
	}
}

// A value is one line, in the characters that it was written in, and not too long.
func TestValuesAreOneLine(t *testing.T) {
	d := newData("Shop", kit.Mail{Data: map[string]string{"a": "Phone\r\nhttps://evil.example", "b": "x\u202ey\xffz", "c": strings.Repeat("é", 2000), "d": "Firefox 9.9 (Linux)"}})
	for name, want := range map[string]string{
		"a": "Phone\ufffd\ufffdhttps://evil.example", "b": "x\ufffdy\ufffdz", "c": strings.Repeat("é", maxValue-1) + "…", "d": "Firefox 9.9 (Linux)",
	} {
		if d.Data[name] != want {
			t.Errorf("%s: %.60q", name, d.Data[name])
		}
	}
}

// Whatever values a user has chosen: one To, the known headers, one line in the text, and no
// markup in the HTML.
func FuzzFeatureMail(f *testing.F) {
	c := newTestComposer(f, Options{From: "Shop <no-reply@shop.example>", Templates: fstest.MapFS{
		"layout.txt":  file(`{{define "layout"}}{{template "content" .}}{{end}}`),
		"layout.html": file(`{{define "layout"}}{{template "content" .}}{{end}}`),
	}})
	f.Add("ada@example.com", "Phone", "de-AT")
	f.Add("zoë@bücher.example", "Zoë\r\nBcc: eve@example.com\r\n\r\nHello", "de\r\nx: y")
	f.Add("ada@example.com", "=?utf-8?q?Evil?= \x00\u2028 </p><script>{{.Token}}", "../..")
	f.Add("ada@example.com", strings.Repeat("漢", 3000), strings.Repeat("a-", 3000))
	f.Add("ada@example.com", "\xff\u202e\n\n<a href=x>", "")
	f.Fuzz(func(t *testing.T, to, value, locale string) {
		data, err := c.compose(kit.Mail{
			Kind: "new_terms", To: to, Locale: locale, Data: map[string]string{"device": value, value: value}, Now: testTime,
			Subject: "For {{.Data.device}}.", Text: "value [{{.Data.device}}] end",
		})
		if err != nil {
			if _, ok := mailbox(to); ok || !isPermanent(err) {
				t.Errorf("compose: %v", err)
			}
			return
		}
		head, _, _ := bytes.Cut(data, []byte("\r\n\r\n"))
		if n := len(regexp.MustCompile(`(?m)^[^ ]`).FindAll(head, -1)); n != len(allHeaders) {
			t.Errorf("%d header lines:\n%q", n, head)
		}
		header, text, htmlText, err := readMessage(data)
		if err != nil {
			t.Fatalf("%v\n%q", err, data)
		}
		checkHeaders(t, header, to)
		shown := oneLine(value)
		if strings.ContainsAny(shown, "\r\n\x00\u2028\u202e") {
			t.Errorf("%q is not one line", shown)
		}
		if want := "value [" + shown + "] end\n"; text != want {
			t.Errorf("text %q, want %q", text, want)
		}
		if !strings.Contains(html.UnescapeString(htmlText), "value ["+shown+"] end") || strings.Count(htmlText, "<") != 2 {
			t.Errorf("HTML %q of %q", htmlText, shown)
		}
		if got := subjectOf(t, header); !strings.HasPrefix(got, "For ") || strings.ContainsAny(got, "\r\n") {
			t.Errorf("subject %q", got)
		}
	})
}
