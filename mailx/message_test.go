package mailx

import (
	"bytes"
	"errors"
	"fmt"
	"html"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"
	"unicode/utf8"

	"myauth.internal/kit"
)

// readMessage is a mail program: it decodes the message and its two parts.
func readMessage(data []byte) (header mail.Header, text, html string, err error) {
	message, err := mail.ReadMessage(bytes.NewReader(data))
	if err != nil {
		return nil, "", "", err
	}
	mediaType, params, err := mime.ParseMediaType(message.Header.Get("Content-Type"))
	if err != nil || mediaType != "multipart/alternative" {
		return nil, "", "", errors.Join(err, errors.New(mediaType))
	}
	parts := multipart.NewReader(message.Body, params["boundary"])
	var bodies [2]string
	for i, want := range []string{"text/plain; charset=utf-8", "text/html; charset=utf-8"} {
		part, err := parts.NextPart() // decodes quoted-printable
		if err != nil {
			return nil, "", "", err
		}
		if got := part.Header.Get("Content-Type"); got != want {
			return nil, "", "", errors.New(got)
		}
		body, err := io.ReadAll(part)
		if err != nil {
			return nil, "", "", err
		}
		bodies[i] = strings.ReplaceAll(string(body), "\r\n", "\n")
	}
	if _, err := parts.NextPart(); err != io.EOF {
		return nil, "", "", errors.New("a third part")
	}
	return message.Header, bodies[0], bodies[1], nil
}

// allHeaders is what every message has, once each.
var allHeaders = []string{"Auto-Submitted", "Content-Type", "Date", "From", "Message-Id", "Mime-Version", "Subject", "To"}

func checkHeaders(t *testing.T, h mail.Header, to string) {
	t.Helper()
	if got := slices.Sorted(maps.Keys(h)); !slices.Equal(got, allHeaders) {
		t.Errorf("headers %q, want %q", got, allHeaders)
	}
	for name, values := range h {
		if len(values) != 1 {
			t.Errorf("%d headers %s", len(values), name)
		}
	}
	if strings.Contains(fmt.Sprint(h), "secret-token") {
		t.Errorf("the token is in a header: %v", h)
	}
	if list, err := h.AddressList("To"); err != nil || len(list) != 1 || list[0].Address != to || list[0].Name != "" {
		t.Errorf("To is %v, %v; want exactly %q", list, err, to)
	}
}

func subjectOf(t *testing.T, h mail.Header) string {
	t.Helper()
	s, err := new(mime.WordDecoder).DecodeHeader(h.Get("Subject"))
	if err != nil {
		t.Errorf("subject %q: %v", h.Get("Subject"), err)
	}
	return s
}

func newTestComposer(t testing.TB, o Options) *composer {
	t.Helper()
	c, err := newComposer(&o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestMessage(t *testing.T) {
	r := startRelay(t, nil)
	m := r.mailer(t, func(_ *Config, o *Options) { o.From = `"Café Größe, Inc." <no-reply@shop.example>` })
	mail := sample("ada@example.com")
	mail.Username = "Zoë 🦊 <b>& \"co\""
	if err := m.Send(t.Context(), mail); err != nil {
		t.Fatal(err)
	}
	data := r.delivered(t).data
	if !isASCII(string(data)) || !regexp.MustCompile(`^([^\r\n]{0,998}\r\n)+$`).Match(data) {
		t.Errorf("not ASCII in lines of at most 998 with CRLF:\n%q", data)
	}
	header, text, htmlText, err := readMessage(data)
	if err != nil {
		t.Fatal(err)
	}
	checkHeaders(t, header, "ada@example.com")
	if from, err := header.AddressList("From"); err != nil || len(from) != 1 || from[0].Name != "Café Größe, Inc." || from[0].Address != "no-reply@shop.example" {
		t.Errorf("From is %v, %v", from, err)
	}
	if date, err := header.Date(); err != nil || !date.Equal(testTime) {
		t.Errorf("Date is %v, %v", date, err)
	}
	if id := header.Get("Message-Id"); !regexp.MustCompile(`^<[A-Z2-7]{26}@shop\.example>$`).MatchString(id) {
		t.Errorf("Message-ID is %q", id)
	}
	if got := header.Get("Auto-Submitted") + " " + header.Get("Mime-Version"); got != "auto-generated 1.0" {
		t.Errorf("Auto-Submitted and MIME-Version are %s", got)
	}
	if got := subjectOf(t, header); !strings.Contains(got, "Café Größe, Inc.") {
		t.Errorf("Subject is %q", got)
	}
	for _, want := range []string{"Hello " + mail.Username + ",\n", "\n" + string(mail.Link) + "\n", "\n" + string(mail.DenyLink) + "\n", "24 hours"} {
		if !strings.Contains(text, want) {
			t.Errorf("the text lacks %q:\n%s", want, text)
		}
	}
	for _, want := range []string{`<a href="` + string(mail.Link) + `"`, ">" + string(mail.Link) + "<", `<a href="` + string(mail.DenyLink) + `"`, "<bdi>" + html.EscapeString(mail.Username), "24 hours"} {
		if !strings.Contains(htmlText, want) {
			t.Errorf("the HTML lacks %q:\n%s", want, htmlText)
		}
	}
	if strings.Contains(htmlText, "<b>") || strings.Contains(htmlText, "<img") {
		t.Errorf("the HTML has what it should not:\n%s", htmlText)
	}
}

// However long a sender's name is, lines with encoded words have at most 76 characters (RFC
// 2047 section 2), and the name is read as it was given.
func TestSenderNames(t *testing.T) {
	for _, name := range []string{"", "Shop", `The "Shop", Inc.`, "=?utf-8?q?Evil?=", strings.Repeat("Größe ", 20) + "x", strings.Repeat("用户", 33)} {
		field := "From: " + sender{name, "no-reply@shop.example"}.header() + "\r\n\r\n"
		if !isASCII(name) && !regexp.MustCompile(`^([ -~]{1,76}\r\n)+\r\n$`).MatchString(field) {
			t.Errorf("field %q", field)
		}
		message, err := mail.ReadMessage(strings.NewReader(field))
		if err != nil {
			t.Fatal(err)
		}
		if from, err := message.Header.AddressList("From"); err != nil || len(from) != 1 || from[0].Name != name || from[0].Address != "no-reply@shop.example" {
			t.Errorf("%q: read as %v, %v", name, from, err)
		}
	}
}

// Each kind has a subject of its own that names the product, and only those that need a
// link have one.
func TestKinds(t *testing.T) {
	r := startRelay(t, nil)
	m := r.mailer(t, nil)
	seen := map[string]bool{}
	for _, kind := range builtinKinds() {
		r.mails = nil
		// A link in a mail that needs none does not get into it.
		if err := m.Send(t.Context(), sampleOf(kind)); err != nil {
			t.Fatal(err)
		}
		header, text, html, err := readMessage(r.delivered(t).data)
		if err != nil {
			t.Fatal(err)
		}
		checkHeaders(t, header, "ada@example.com")
		subject := subjectOf(t, header)
		if seen[subject] || !strings.Contains(subject, "Shop") {
			t.Errorf("%s: subject %q", kind, subject)
		}
		seen[subject] = true
		for _, body := range []string{text, html} {
			if strings.Contains(body, "secret-token") != needsLink(kind) || strings.Contains(body, "24 hours") != needsLink(kind) {
				t.Errorf("%s: the link and how long it works should be there: %v\n%s", kind, needsLink(kind), body)
			}
		}
	}
}

func TestLinkedMailWithoutLink(t *testing.T) {
	c := newTestComposer(t, Options{})
	if _, err := c.compose(kit.Mail{Kind: kit.MailPasswordReset, To: "ada@example.com"}); !isPermanent(err) {
		t.Errorf("got %v, want a permanent error", err)
	}
}

// A link is on a line of its own, and in one piece in the source of the message too
// where SMTP allows; where it does not, decoding joins it again. No mail program may
// wrap or join lines (format=flowed, RFC 3676).
func TestLongLinks(t *testing.T) {
	c := newTestComposer(t, Options{})
	for length, raw := range map[int]bool{80: true, 900: true, maxLine: true, maxLine + 1: false, 5000: false} {
		for _, kind := range []kit.MailKind{kit.MailVerification, kit.MailPasswordReset, kit.MailEmailChange} {
			mail := sampleOf(kind)
			mail.Link = "https://shop.example/page?token="
			mail.Link += kit.Secret(strings.Repeat("=", length-len(mail.Link)))
			data, err := c.compose(mail)
			if err != nil {
				t.Fatal(err)
			}
			_, text, html, err := readMessage(data)
			if err != nil || !strings.Contains(text, "\n"+string(mail.Link)+"\n") || !strings.Contains(html, `"`+string(mail.Link)+`"`) {
				t.Errorf("%s, %d: %v\n%.600s\n%.600s", kind, length, err, text, html)
			}
			if got := bytes.Contains(data, []byte("\r\n"+string(mail.Link)+"\r\n")); got != raw || bytes.Contains(data, []byte("flowed")) {
				t.Errorf("%s, %d: in one piece %v, want %v:\n%.600s", kind, length, got, raw, data)
			}
		}
	}
}

// Lines that SMTP has to protect, and longer than it can carry, arrive as written.
func TestHardBodies(t *testing.T) {
	body := ".\n..\n.leading dot\n\nFrom here\n" + strings.Repeat("x", 3000) + "\n" + strings.Repeat("é", 1200) + "\ntrailing \t\n=20\n--\n.\nend"
	r := startRelay(t, nil)
	m := r.mailer(t, func(_ *Config, o *Options) {
		o.Templates = fstest.MapFS{
			"account_exists.txt":  {Data: []byte(`{{define "subject"}}hard{{end}}` + body)},
			"account_exists.html": {Data: []byte("<pre>" + body + "</pre>")},
		}
	})
	if err := m.Send(t.Context(), kit.Mail{Kind: kit.MailAccountExists, To: "ada@example.com", Now: testTime}); err != nil {
		t.Fatal(err)
	}
	_, text, html, err := readMessage(r.delivered(t).data)
	if err != nil || text != body+"\n" || html != "<pre>"+body+"</pre>\n" {
		t.Errorf("%v\n%q\n%q", err, text, html)
	}
}

func TestSubjects(t *testing.T) {
	for _, subject := range []string{
		"plain", "Zoë", strings.Repeat("ascii ", 30), strings.Repeat("漢字", 90), "🦊" + strings.Repeat("a🦊", 60),
		"=?utf-8?q?Evil?=", "=?UTF-8?B?", "a  b", `"quoted" <x@y>`, "tab\u00a0and (comment)",
	} {
		subject = strings.TrimSpace(subject)
		field := "Subject: " + subjectHeader(subject) + "\r\n\r\n"
		if !regexp.MustCompile(`^([ -~]{1,78}\r\n)+\r\n$`).MatchString(field) {
			t.Errorf("field %q", field)
		}
		message, err := mail.ReadMessage(strings.NewReader(field))
		if err != nil {
			t.Fatal(err)
		}
		if got := subjectOf(t, message.Header); got != subject {
			t.Errorf("subject %q became %q", subject, got)
		}
	}
}

func TestDurationsInWords(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Hour: "less than a minute", 0: "less than a minute", 29 * time.Second: "less than a minute",
		time.Minute: "1 minute", 15*time.Minute - time.Second: "15 minutes", time.Hour: "1 hour", 90 * time.Minute: "1 hour 30 minutes",
		24*time.Hour - 2*time.Second: "24 hours", 47 * time.Hour: "47 hours", 48 * time.Hour: "2 days", 73 * time.Hour: "3 days 1 hour",
		720 * time.Hour: "30 days",
	} {
		if got := inWords(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}

func TestGreeting(t *testing.T) {
	for name, want := range map[string]bool{
		"Ada": true, "Ada Lovelace": true, "J. R. R. Tolkien": true, "Zoë 🦊": true, "": false, "Dr.": true, "O'Brien-Smith, Jr.": true,
		"win at evil.example": false, "https://evil.example": false, "evil。example": false, "eve@evil.example": false,
		"call tel:123": false, "a\u202eb": false, `\\evil\share`: false,
	} {
		if got := greeting(name); (got != "") != want || got != "" && got != name {
			t.Errorf("%q is greeted as %q", name, got)
		}
	}
}

// Whatever the recipient, the username and the subject are: one To, the known
// headers, and the values where the template put them.
func FuzzMessage(f *testing.F) {
	c := newTestComposer(f, Options{From: "Shop <no-reply@shop.example>", Templates: fstest.MapFS{
		"account_exists.txt":  {Data: []byte(`{{define "subject"}}For {{.Name}}.{{end}}user [{{.Name}}] end`)},
		"account_exists.html": {Data: []byte(`<p title="{{.Name}}">user [{{.Name}}] end</p>`)},
	}})
	f.Add("ada@example.com", "Ada")
	f.Add("zoë@bücher.example", "Zoë\r\nBcc: eve@example.com\r\n\r\nHello")
	f.Add("ada@example.com", "=?utf-8?q?Evil?= \x00\u2028 </p><script>")
	f.Add("ada@example.com", strings.Repeat("漢", 300))
	for _, to := range badAddresses {
		f.Add(to, "a\rb")
	}
	f.Fuzz(func(t *testing.T, to, username string) {
		data, err := c.compose(kit.Mail{Kind: kit.MailAccountExists, To: to, Username: username, Now: testTime})
		if err != nil {
			if _, ok := mailbox(to); ok || !isPermanent(err) {
				t.Errorf("compose: %v", err)
			}
			return
		}
		if strings.ContainsFunc(to, breaksLine) || strings.ContainsAny(to, "<>,;: \"") || strings.Count(to, "@") != 1 {
			t.Errorf("recipient %q was accepted", to)
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
		shown := greeting(username)
		if want := "user [" + shown + "] end\n"; text != want {
			t.Errorf("text %q, want %q", text, want)
		}
		if inner, _ := strings.CutSuffix(htmlText, " end</p>\n"); !strings.HasSuffix(html.UnescapeString(inner), "user ["+shown+"]") || strings.Count(htmlText, "<") != 2 {
			t.Errorf("HTML %q of %q", htmlText, shown)
		}
		want := "For " + shown + "."
		if utf8.RuneCountInString(want) > maxSubject {
			want = string([]rune(want)[:maxSubject-1]) + "…"
		}
		if got := subjectOf(t, header); got != want {
			t.Errorf("subject %q, want %q", got, want)
		}
	})
}
