package mailx

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/textproto"
	"strings"
	"time"

	"github.com/emersion/go-smtp"

	"myauth.internal/kit"
)

// The stages of a delivery, as errors name them.
const (
	stageConnect  = "connecting"
	stageTLS      = "TLS"
	stageSTARTTLS = "greeting and STARTTLS"
	stageGreeting = "greeting"
	stageEHLO     = "EHLO"
	stageAuth     = "AUTH"
	stageMail     = "MAIL"
	stageRcpt     = "RCPT"
	stageData     = "DATA"
	stageMessage  = "message"
)

// quitTimeout bounds the wait for the answer to QUIT.
const quitTimeout = 2 * time.Second

// deliver hands message to the relay, for one recipient.
func (m *Mailer) deliver(ctx context.Context, to string, message []byte) error {
	return m.greet(ctx, func(ctx context.Context, client *smtp.Client) error { return m.transact(ctx, client, to, message) })
}

// greet connects to the relay, secures the connection, logs in, and calls do.
func (m *Mailer) greet(ctx context.Context, do func(context.Context, *smtp.Client) error) error {
	ctx, cancel := context.WithTimeout(ctx, m.timeout)
	defer cancel()
	raw, err := new(net.Dialer).DialContext(ctx, "tcp", m.cfg.address())
	if err != nil {
		return failed(ctx, stageConnect, err)
	}
	hangUp := func() { _ = raw.Close() }
	defer hangUp()
	// Closing the connection ends every read and write, in the TLS handshake too. A
	// deadline would not do: go-smtp sets and clears its own.
	defer context.AfterFunc(ctx, hangUp)()

	client, conn, err := m.open(ctx, raw)
	if err != nil {
		return err
	}
	// The answer to QUIT decides nothing, but a relay counts a client that leaves
	// without QUIT as faulty.
	defer func() {
		client.CommandTimeout = quitTimeout
		_ = client.Quit()
	}()
	if m.cfg.Username != "" {
		if err := m.authenticate(ctx, client, conn); err != nil {
			return err
		}
	}
	return do(ctx, client)
}

// open goes through greeting and TLS to the list of what the relay can do. When it
// returns, the connection is as safe as the Config says.
func (m *Mailer) open(ctx context.Context, conn net.Conn) (*smtp.Client, *replies, error) {
	name := m.localName
	if name == "" {
		name = addressLiteral(conn.LocalAddr())
	}
	stage := stageGreeting
	if m.cfg.Security != InsecurePlaintext {
		if m.cfg.Security == STARTTLS {
			if err := startTLS(conn, name); err != nil {
				return nil, nil, failed(ctx, stageSTARTTLS, err)
			}
		}
		secured := tls.Client(conn, m.tls)
		if err := secured.HandshakeContext(ctx); err != nil {
			return nil, nil, failed(ctx, stageTLS, err)
		}
		conn = secured
		if m.cfg.Security == STARTTLS {
			conn, stage = greeted{conn, strings.NewReader("220 \r\n")}, stageEHLO
		}
	}
	answers := newReplies(conn)
	client := smtp.NewClient(answers)
	if err := client.Hello(name); err != nil {
		return nil, nil, failed(ctx, stage, err)
	}
	return client, answers, nil
}

// startTLS has the relay turn to TLS. Go-smtp can do this too, but says "EHLO localhost"
// then, which some relays refuse. What the relay sent after its answer to STARTTLS is
// dropped with the readers of this function.
func startTLS(conn net.Conn, name string) error {
	answers := newReplies(conn)
	client := smtp.NewClient(answers)
	if err := client.Hello(name); err != nil {
		return err
	}
	if ok, _ := client.Extension("STARTTLS"); !ok {
		return errors.New("the relay does not offer STARTTLS, so it got neither credentials nor mail")
	}
	text := textproto.NewConn(answers)
	if err := text.PrintfLine("STARTTLS"); err != nil {
		return err
	}
	_, _, err := text.ReadResponse(220)
	return err
}

// greeted reads a greeting before what conn has to say: go-smtp waits for one, and
// after STARTTLS none comes.
type greeted struct {
	net.Conn
	greeting io.Reader
}

func (g greeted) Read(p []byte) (int, error) {
	if n, err := g.greeting.Read(p); err == nil {
		return n, nil
	}
	return g.Conn.Read(p)
}

// addressLiteral is the EHLO name of a client without a DNS name (RFC 5321 section
// 4.1.3).
func addressLiteral(addr net.Addr) string {
	ip := addr.(*net.TCPAddr).AddrPort().Addr().Unmap().WithZone("")
	if ip.Is6() {
		return "[IPv6:" + ip.String() + "]"
	}
	return "[" + ip.String() + "]"
}

// transact is the mail transaction: one sender, one recipient, one message.
func (m *Mailer) transact(ctx context.Context, client *smtp.Client, to string, message []byte) error {
	options := &smtp.MailOptions{UTF8: !isASCII(to) || !isASCII(m.bounce) || !isASCII(m.from.address)}
	if ok, _ := client.Extension("SMTPUTF8"); options.UTF8 && !ok {
		err := failed(ctx, stageMail, errors.New("the local part of an address is not ASCII, and the relay does not offer SMTPUTF8"))
		if !isASCII(to) {
			err = kit.Permanent(err)
		}
		return err
	}
	if err := client.Mail(m.bounce, options); err != nil {
		return failed(ctx, stageMail, err)
	}
	if err := client.Rcpt(to, nil); err != nil {
		return failed(ctx, stageRcpt, err)
	}
	data, err := client.Data()
	if err != nil {
		return failed(ctx, stageData, err)
	}
	_, err = data.Write(message)
	if err == nil {
		err = data.Close()
	}
	if err != nil {
		return failed(ctx, stageMessage, err)
	}
	return nil
}
