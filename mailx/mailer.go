package mailx

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/emersion/go-smtp"

	"myauth.internal/kit"
)

// Mailer sends mails through an SMTP relay. It keeps no connection and has no
// goroutine between mails, so there is nothing to close. It is safe for concurrent
// use.
type Mailer struct {
	*composer
	cfg       Config
	bounce    string
	localName string // empty: the address of the connection
	timeout   time.Duration
	tls       *tls.Config
	token     func(context.Context) (string, error)
}

var _ kit.Mailer = (*Mailer)(nil)

// New returns a Mailer that sends through the relay of cfg. Its errors name the
// field that is wrong, or the template. It does not connect: a relay that is
// down when the application starts may be up when there is mail.
func New(cfg Config, opts *Options) (*Mailer, error) {
	if opts == nil {
		opts = &Options{}
	}
	cfg, err := cfg.check()
	if err != nil {
		return nil, err
	}
	m := &Mailer{cfg: cfg, localName: opts.LocalName, timeout: cmp.Or(opts.Timeout, 30*time.Second), token: opts.Token}
	switch {
	case m.timeout < 0:
		return nil, errors.New("mailx: Options.Timeout must not be negative")
	case cfg.Username != "" && cfg.Password == "" && m.token == nil:
		return nil, errors.New("mailx: Config.Username needs Config.Password or Options.Token")
	case m.token != nil && (cfg.Username == "" || cfg.Auth != "" && !cfg.Auth.usesToken()):
		return nil, errors.New("mailx: Options.Token needs Config.Username, and Config.Auth XOAUTH2, OAUTHBEARER or empty")
	}
	if m.tls, err = opts.tlsConfig(cfg.Host); err != nil {
		return nil, err
	}
	if m.composer, err = newComposer(opts); err != nil {
		return nil, err
	}
	bounce, ok := mailbox(cmp.Or(opts.Bounce, m.from.address))
	if !ok {
		return nil, errors.New("mailx: Options.Bounce must be a bare address such as bounces@shop.example")
	}
	m.bounce = bounce
	if m.localName != "" {
		if err := checkLocalName(m.localName); err != nil {
			return nil, err
		}
	} else if domain := m.from.domain(); strings.Contains(domain, ".") {
		m.localName = domain
	}
	return m, nil
}

// Send implements [kit.Mailer]. For a kind of mail that it has no templates for it
// returns a permanent error: see [Options.Kinds].
func (m *Mailer) Send(ctx context.Context, mail kit.Mail) error {
	if to, ok := mailbox(mail.To); ok { // compose refuses it otherwise
		mail.To = to
	}
	message, err := m.compose(mail)
	if err != nil {
		return err
	}
	return m.deliver(ctx, mail.To, message)
}

// Check goes as far towards the relay as every mail does, through TLS and AUTH, and sends nothing.
// Its errors are those of Send.
func (m *Mailer) Check(ctx context.Context) error {
	return m.greet(ctx, func(context.Context, *smtp.Client) error { return nil })
}

// Format writes where m sends to, without credentials, whatever the verb.
func (m Mailer) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "mailx.Mailer%v", m.cfg) }
