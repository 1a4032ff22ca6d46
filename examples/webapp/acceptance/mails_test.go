package acceptance

import (
	"bytes"
	"io"
	"log"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

// mails is an SMTP server, and what it was given.
type mails struct {
	address string
	arrived chan received
	waiting []received
}

type received struct{ to, subject, text string }

func startRelay(t *testing.T) *mails {
	t.Helper()
	m := &mails{arrived: make(chan received, 100)}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &session{mails: m, t: t}, nil }))
	server.Domain, server.ErrorLog = "relay.test", log.New(io.Discard, "", 0)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m.address = listener.Addr().String()
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Close()
		listener.Close()
		<-done
	})
	return m
}

// session is one connection.
type session struct {
	*mails
	t  *testing.T
	to string
}

func (*session) Reset()                               {}
func (*session) Logout() error                        { return nil }
func (*session) Mail(string, *smtp.MailOptions) error { return nil }
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = to
	return nil
}

func (s *session) Data(r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	m, err := parseMail(data)
	if err != nil {
		s.t.Errorf("a mail cannot be read: %v\n%s", err, data)
		return err
	}
	m.to = s.to
	s.arrived <- m
	return nil
}

// parseMail reads the subject and the plain text.
func parseMail(data []byte) (m received, err error) {
	message, err := mail.ReadMessage(bytes.NewReader(data))
	if err != nil {
		return m, err
	}
	if m.subject, err = new(mime.WordDecoder).DecodeHeader(message.Header.Get("Subject")); err != nil {
		return m, err
	}
	header, body := message.Header.Get, message.Body
	kind, params, err := mime.ParseMediaType(header("Content-Type"))
	if err != nil {
		return m, err
	}
	if strings.HasPrefix(kind, "multipart/") {
		part, err := multipart.NewReader(message.Body, params["boundary"]).NextRawPart()
		if err != nil {
			return m, err
		}
		header, body = part.Header.Get, part
	}
	if strings.EqualFold(header("Content-Transfer-Encoding"), "quoted-printable") {
		body = quotedprintable.NewReader(body)
	}
	text, err := io.ReadAll(body)
	m.text = string(text)
	return m, err
}

// mail waits for a mail to somebody whose subject has a word.
func (s *server) mail(to, word string) received {
	s.t.Helper()
	late := time.After(20 * time.Second)
	for {
		for i, m := range s.waiting {
			if m.to == to && strings.Contains(m.subject, word) {
				s.waiting = append(s.waiting[:i:i], s.waiting[i+1:]...)
				return m
			}
		}
		select {
		case m := <-s.arrived:
			s.waiting = append(s.waiting, m)
		case <-late:
			s.t.Fatalf("no mail to %s with the subject %q; there are %+v", to, word, s.waiting)
		}
	}
}

var addresses = regexp.MustCompile(`http://localhost:\S+`)

// link returns the first link of a mail, or another one by its number.
func (s *server) link(m received, number int) string {
	s.t.Helper()
	links := addresses.FindAllString(m.text, -1)
	if len(links) <= number {
		s.t.Fatalf("%d links in the mail %q:\n%s", len(links), m.subject, m.text)
	}
	return links[number]
}
