package mailx

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net/mail"
	"net/netip"
	"strings"
	"time"
	"unicode/utf8"

	"myauth.internal/kit"
)

// Options are the optional settings of [New] and [NewLog]. The zero value, and nil, mean
// the defaults.
type Options struct {
	// From is the sender, an address with or without a display name. Default:
	// "MyAuth <no-reply@localhost>".
	From string
	// Bounce is the envelope sender, a bare address: where the relay sends
	// reports of mails that it could not deliver. Default: the address in From.
	Bounce string
	// ProductName is what the templates call the application. Default: the display
	// name in From, or else its domain.
	ProductName string
	// Templates replace the built-in texts and those that features bring along, file by
	// file, from its root:
	//
	//	verification.txt            verification.html
	//	password_reset.txt          password_reset.html
	//	password_changed.txt        password_changed.html
	//	email_change.txt            email_change.html
	//	email_change_requested.txt  email_change_requested.html
	//	email_changed.txt           email_changed.html
	//	account_exists.txt          account_exists.html
	//	new_device.txt              new_device.html
	//	password_guessing.txt       password_guessing.html
	//	factor_enrolled.txt         factor_enrolled.html
	//	factor_removed.txt          factor_removed.html
	//	factors_reset.txt           factors_reset.html
	//	recovery_codes_made.txt     recovery_codes_made.html
	//	recovery_code_used.txt      recovery_code_used.html
	//	layout.txt                  layout.html
	//
	// A .txt is a text/template that defines a template "subject", one line. The .html
	// beside it is an html/template; there must be both or neither. Each is executed
	// with a [Data]. The built-in ones define "content", in HTML also "title", and
	// execute "layout", which layout.txt and layout.html define, so replacing the layout
	// alone changes the look of all of them, and of the texts of features.
	//
	// Names with a language tag (BCP 47) between, such as verification.de.txt and
	// layout.de-AT.html, are for mails in that language. Of a mail for de-AT the best of
	// verification.de-AT, verification.de and verification is taken (RFC 4647, section
	// 3.4), and the same for the layout.
	//
	// Any other .txt or .html is an error, as it is most often a misspelled name. New tries
	// out all of them. Default: the built-in texts.
	Templates fs.FS
	// Kinds are further kinds of mail that Templates has files for, in lower-case letters,
	// digits and underscores. There must be a pair of files for each, for one language at
	// least. A feature's kind without any is mailed with the feature's own text, within the
	// layout.
	Kinds []kit.MailKind

	// Timeout is the longest that sending one mail may take, from connecting to
	// the relay's acceptance. Relays that make clients wait before the greeting
	// need a good part of it. Default: 30 s.
	Timeout time.Duration
	// LocalName is the name in EHLO, before and after STARTTLS: a DNS name, or an
	// address literal such as [192.0.2.1] or [IPv6:2001:db8::1] (RFC 5321 section
	// 4.1.3). Set this machine's DNS name for a relay that compares the name with
	// the client's address. Default: the domain of From, and if that is a single
	// label, such as localhost, the local address of the connection as a literal.
	LocalName string
	// TLS holds RootCAs for a relay with a private authority, client certificates,
	// and so on. MinVersion under TLS 1.2 is refused; an empty ServerName is
	// Config.Host. It is cloned. Default: the system's roots, TLS 1.2 or later.
	TLS *tls.Config
	// Token returns an OAuth 2.0 access token for [AuthXOAUTH2] and
	// [AuthOAuthBearer]. It is called for every mail, so it should cache. Default:
	// Config.Password is the token.
	Token func(ctx context.Context) (string, error)
}

// sender is From, parsed.
type sender struct {
	name, address string
}

func (s sender) domain() string { return s.address[strings.LastIndexByte(s.address, '@')+1:] }

func (o *Options) sender() (sender, error) {
	parsed, err := mail.ParseAddress(cmp.Or(o.From, "MyAuth <no-reply@localhost>"))
	if err != nil {
		parsed = &mail.Address{}
	}
	address, ok := mailbox(parsed.Address)
	if !ok {
		return sender{}, errors.New(`mailx: Options.From must be an address such as "Shop <no-reply@shop.example>"`)
	}
	return sender{parsed.Name, address}, checkName("From", parsed.Name)
}

func checkName(option, name string) error {
	const limit = 200
	if len(name) > limit || !utf8.ValidString(name) || strings.ContainsFunc(name, breaksLine) {
		return fmt.Errorf("mailx: the name in Options.%s must be one line of at most %d bytes", option, limit)
	}
	return nil
}

// checkLocalName accepts a DNS name and an address literal.
func checkLocalName(name string) error {
	literal, isLiteral := strings.CutPrefix(name, "[")
	literal, closed := strings.CutSuffix(literal, "]")
	address, isV6 := strings.CutPrefix(literal, "IPv6:")
	ip, err := netip.ParseAddr(address)
	ok := err != nil && isHost(name)
	if isLiteral {
		ok = closed && err == nil && ip.Is6() == isV6 && ip.Zone() == ""
	}
	if !ok {
		return errors.New("mailx: Options.LocalName must be a DNS name or an address literal such as [192.0.2.1] or [IPv6:2001:db8::1]")
	}
	return nil
}

func (o *Options) tlsConfig(host string) (*tls.Config, error) {
	c := o.TLS.Clone()
	if c == nil {
		c = &tls.Config{}
	}
	c.ServerName = cmp.Or(c.ServerName, host)
	c.MinVersion = cmp.Or(c.MinVersion, tls.VersionTLS12)
	if c.MinVersion < tls.VersionTLS12 {
		return nil, errors.New("mailx: Options.TLS.MinVersion must be TLS 1.2 or later")
	}
	return c, nil
}
