package mailx

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"myauth.internal/kit"
)

// composer makes messages. It is what [Mailer] and [Log] have in common.
type composer struct {
	from      sender
	product   string
	templates *templates
	features  *features
}

func newComposer(o *Options) (*composer, error) {
	from, err := o.sender()
	if err != nil {
		return nil, err
	}
	product := cmp.Or(o.ProductName, from.name, from.domain())
	if err := checkName("ProductName", product); err != nil {
		return nil, err
	}
	templates, err := loadTemplates(o.Templates, o.Kinds)
	if err != nil {
		return nil, err
	}
	features, err := newFeatures(templates.own)
	if err != nil {
		return nil, err
	}
	return &composer{from, product, templates, features}, nil
}

// render returns the mail as people see it. Its errors are permanent: the same
// mail renders the same way next time.
func (c *composer) render(m kit.Mail) (rendered, error) {
	if _, ok := mailbox(m.To); !ok { // an address with the domain in A-labels is one too
		return rendered{}, kit.Permanent(errors.New("mailx: the recipient is not a bare email address"))
	}
	if needsLink(m.Kind) && m.Link == "" && m.Token == "" {
		return rendered{}, kit.Permanent(fmt.Errorf("mailx: a %s mail without link and token", m.Kind))
	}
	var r rendered
	var err error
	if load := c.templates.find(m.Kind, m.Locale); load != nil {
		var t template
		if t, err = load(); err == nil {
			r, err = t.render(newData(c.product, m))
		}
	} else if m.Subject != "" && m.Text != "" {
		r, err = c.features.render(m, newData(c.product, m))
	} else {
		err = errors.New("there are no templates for it: name it in Options.Kinds and add them to Options.Templates")
	}
	if err != nil {
		return rendered{}, kit.Permanent(fmt.Errorf("mailx: a mail of kind %q: %w", m.Kind, err))
	}
	return r, nil
}

// maxLine is the most characters that a line may have, without its CRLF (RFC 5322
// section 2.1.1).
const maxLine = 998

// compose returns the message in its transport form (RFC 5322, RFC 2045): lines of
// at most maxLine characters that end in CRLF, in ASCII, but for addresses with a
// local part beyond it (RFC 6532).
func (c *composer) compose(m kit.Mail) ([]byte, error) {
	r, err := c.render(m)
	if err != nil {
		return nil, err
	}
	date := m.Now
	if date.IsZero() {
		date = time.Now()
	}
	var b bytes.Buffer
	body := multipart.NewWriter(&b)
	for _, field := range [][2]string{
		{"From", c.from.header()},
		{"To", "<" + m.To + ">"}, // a checked address: no name, nothing to quote
		{"Subject", subjectHeader(r.subject)},
		{"Date", date.UTC().Format(time.RFC1123Z)},
		{"Message-ID", "<" + rand.Text() + "@" + c.from.domain() + ">"},
		{"Auto-Submitted", "auto-generated"}, // RFC 3834: no out-of-office answers
		{"MIME-Version", "1.0"},
		{"Content-Type", "multipart/alternative;\r\n boundary=" + body.Boundary()},
	} {
		b.WriteString(field[0] + ": " + field[1] + "\r\n")
	}
	b.WriteString("\r\n")
	// The better form last, RFC 2046 section 5.1.4.
	err = errors.Join(addPart(body, "text/plain", r.text), addPart(body, "text/html", r.html), body.Close())
	return b.Bytes(), err
}

// addPart writes content as it is if its lines are short and in ASCII: then a link is
// in one piece even in the source of the message. Other content is in quoted-printable,
// whose soft line breaks mail programs take out.
func addPart(body *multipart.Writer, mediaType, content string) error {
	content = strings.ReplaceAll(content, "\r\n", "\n")
	encoding := "7bit"
	if slices.ContainsFunc(strings.Split(content, "\n"), func(line string) bool { return len(line) > maxLine || !isPrintableASCII(line) }) {
		encoding = "quoted-printable"
	}
	part, err := body.CreatePart(textproto.MIMEHeader{
		"Content-Type":              {mediaType + "; charset=utf-8"},
		"Content-Transfer-Encoding": {encoding},
	})
	if err != nil {
		return err
	}
	if encoding == "7bit" {
		_, err := io.WriteString(part, strings.ReplaceAll(content, "\n", "\r\n"))
		return err
	}
	w := quotedprintable.NewWriter(part)
	if _, err := io.WriteString(w, content); err != nil {
		return err
	}
	return w.Close()
}

// subjectHeader returns the body of the Subject header for s, one line of valid UTF-8: as
// it is when it is short printable ASCII, and in encoded words otherwise.
func subjectHeader(s string) string {
	if isPlain(s) && len("Subject: "+s) <= 78 {
		return s
	}
	return encodedWords(s)
}

// header returns the body of the From header. Package net/mail would write a long name in
// encoded words on one line.
func (s sender) header() string {
	if isPlain(s.name) {
		return (&mail.Address{Name: s.name, Address: s.address}).String()
	}
	return encodedWords(s.name) + "\r\n <" + s.address + ">"
}

// isPlain reports whether s can stand in a header without encoded words. Text that looks like
// one is encoded too, so that it reads as it was written; package mime would leave it.
func isPlain(s string) bool { return isPrintableASCII(s) && !strings.Contains(s, "=?") }

// encodedWords returns s in encoded words (RFC 2047): of whole characters (section 5), on
// lines of at most 76 (section 2). Nothing of s can end a line or a header: what goes out
// is the alphabet of base64.
func encodedWords(s string) string {
	const chunk = 39 // bytes: "Subject: =?UTF-8?B?" + 52 + "?=" is 73
	var words []string
	for len(s) > 0 {
		n := min(chunk, len(s))
		for n < len(s) && !utf8.RuneStart(s[n]) {
			n--
		}
		words = append(words, "=?UTF-8?B?"+base64.StdEncoding.EncodeToString([]byte(s[:n]))+"?=")
		s = s[n:]
	}
	return strings.Join(words, "\r\n ")
}

func isPrintableASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}
