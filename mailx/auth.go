package mailx

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/textproto"
	"slices"
	"strings"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// authenticate logs in, over a connection from open.
func (m *Mailer) authenticate(ctx context.Context, client *smtp.Client, conn *replies) error {
	wanted := m.mechanisms()
	i := slices.IndexFunc(wanted, func(a Auth) bool { return client.SupportsAuth(string(a)) })
	if i < 0 {
		return &failure{fmt.Sprintf("%s: the relay offers none of %v, so it got neither credentials nor mail", stageAuth, wanted), nil}
	}
	mechanism, err := m.mechanism(ctx, wanted[i])
	if err != nil {
		return err
	}
	if err := exchange(textproto.NewConn(conn), mechanism); err != nil {
		return failed(ctx, stageAuth, err)
	}
	return nil
}

// maxCommand is the longest command line that a relay must take, with its CRLF (RFC
// 5321 section 4.5.3.1.4).
const maxCommand = 512

// exchange is AUTH (RFC 4954 section 4). Go-smtp's own fails at a prompt that is not in
// base64, does not bound the command, and cancels an exchange that the relay has already
// refused, which the relay counts as an unknown command.
func exchange(text *textproto.Conn, mechanism sasl.Client) error {
	name, response, err := mechanism.Start()
	if err != nil {
		return err
	}
	line := "AUTH " + name
	// A longer response, as most access tokens are, waits for the first challenge.
	if initial := line + " " + base64.StdEncoding.EncodeToString(response); response != nil && len(initial+"\r\n") <= maxCommand {
		line, response = initial, nil
	}
	for {
		if err := text.PrintfLine("%s", line); err != nil {
			return err
		}
		code, words, err := text.ReadResponse(0)
		switch {
		case err != nil:
			return err
		case code == 235:
			return nil
		case code != 334:
			return &textproto.Error{Code: code, Msg: words}
		case response == nil:
			challenge, err := base64.StdEncoding.DecodeString(words)
			if err == nil || name == string(AuthLogin) {
				response, err = mechanism.Next(challenge)
			}
			if err != nil {
				_ = text.PrintfLine("*")
				_, _, _ = text.ReadResponse(501)
				return err
			}
		}
		line, response = base64.StdEncoding.EncodeToString(response), nil
	}
}

// mechanisms are those to use, the best first.
func (m *Mailer) mechanisms() []Auth {
	switch {
	case m.cfg.Auth != "":
		return []Auth{m.cfg.Auth}
	case m.token != nil:
		return []Auth{AuthOAuthBearer, AuthXOAUTH2}
	}
	return []Auth{AuthPlain, AuthLogin}
}

func (m *Mailer) mechanism(ctx context.Context, a Auth) (sasl.Client, error) {
	user, secret := m.cfg.Username, string(m.cfg.Password)
	if m.token != nil {
		var err error
		if secret, err = m.token(ctx); err != nil {
			return nil, fmt.Errorf("mailx: Options.Token: %w", err)
		}
	}
	if a.usesToken() && !isBearerToken(secret) {
		return nil, errors.New("mailx: the access token is empty or has characters that no token has")
	}
	switch a {
	case AuthLogin:
		return &loginClient{answers: []string{user, secret}}, nil
	case AuthXOAUTH2:
		return &xoauth2Client{user: user, token: secret}, nil
	case AuthOAuthBearer:
		return sasl.NewOAuthBearerClient(&sasl.OAuthBearerOptions{
			Username: saslName.Replace(user), Token: secret, Host: m.cfg.Host, Port: m.cfg.Port,
		}), nil
	default:
		return sasl.NewPlainClient("", user, secret), nil
	}
}

// saslName is the escaping of RFC 5801 section 4, which go-sasl leaves to us.
var saslName = strings.NewReplacer("=", "=3D", ",", "=2C")

// isBearerToken accepts visible ASCII (RFC 6750 section 2.1 allows less), so nothing
// that ends a field of the mechanisms.
func isBearerToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}

// loginClient answers the prompts of LOGIN in their order, whatever they say, as
// draft-murchison-sasl-login asks. Go-sasl's insists on "Password:", and sends the name
// with the command, which some relays refuse.
type loginClient struct {
	answers []string
}

func (c *loginClient) Start() (mech string, ir []byte, err error) {
	return string(AuthLogin), nil, nil
}

func (c *loginClient) Next([]byte) ([]byte, error) {
	if len(c.answers) == 0 {
		return nil, sasl.ErrUnexpectedServerChallenge
	}
	answer := c.answers[0]
	c.answers = c.answers[1:]
	return []byte(answer), nil
}

// xoauth2Client is Google's mechanism, which go-sasl no longer has.
// https://developers.google.com/workspace/gmail/imap/xoauth2-protocol
type xoauth2Client struct {
	user, token string
}

func (c *xoauth2Client) Start() (mech string, ir []byte, err error) {
	return string(AuthXOAUTH2), []byte("user=" + c.user + "\x01auth=Bearer " + c.token + "\x01\x01"), nil
}

// Next answers the only possible challenge, the details of a refusal, with an empty
// line, after which the relay refuses.
func (c *xoauth2Client) Next([]byte) ([]byte, error) { return []byte{}, nil }
