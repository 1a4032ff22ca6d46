package mailx

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"mime/quotedprintable"
	"net/textproto"
	"time"

	"myauth.internal/kit"
)

// composer makes messages. It is what [Mailer] and [Log] have in common.
type composer struct {
	from      sender
	product   string
	templates templateSet
}

func newComposer(o Options) (*composer, error) {
	from, err := o.sender()
	if err != nil {
		return nil, err
	}
	product, err := o.productName(from)
	if err != nil {
		return nil, err
	}
	templates, err := loadTemplates(o.Templates)
	if err != nil {
		return nil, err
	}
	return &composer{from, product, templates}, nil
}

// render returns the mail as people see it. Its errors are permanent: the same
// mail renders the same way next time.
func (c *composer) render(k kind, m kit.Mail) (rendered, error) {
	if !checkAddress(m.To) {
		return rendered{}, kit.Permanent(errors.New("mailx: the recipient is not a bare email address"))
	}
	if k.linked && m.Link == "" && m.Token == "" {
		return rendered{}, kit.Permanent(fmt.Errorf("mailx: a %s mail without link and token", k.file))
	}
	r, err := c.templates[k].render(k, newData(c.product, k, m))
	if err != nil {
		return rendered{}, kit.Permanent(fmt.Errorf("mailx: %w", err))
	}
	return r, nil
}

// compose returns the message in its transport form (RFC 5322, RFC 2045): lines of
// at most 78 characters, but for long addresses, that end in CRLF, in ASCII, but
// for internationalized addresses (RFC 6532).
func (c *composer) compose(k kind, m kit.Mail) ([]byte, error) {
	r, err := c.render(k, m)
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
		{"Subject", unstructured("Subject", r.subject)},
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

func addPart(body *multipart.Writer, mediaType, content string) error {
	part, err := body.CreatePart(textproto.MIMEHeader{
		"Content-Type":              {mediaType + "; charset=utf-8"},
		"Content-Transfer-Encoding": {"quoted-printable"},
	})
	if err != nil {
		return err
	}
	w := quotedprintable.NewWriter(part)
	if _, err := io.WriteString(w, content); err != nil {
		return err
	}
	return w.Close()
}
