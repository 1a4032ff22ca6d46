package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"os"

	"myauth.internal/kit"
	"myauth.internal/mailx"
)

func setSMTP(s *settings, v string) error {
	cfg, err := mailx.ParseURL(v)
	if err != nil {
		return err // which quotes no part of v
	}
	s.smtp = &cfg
	return nil
}

// newMailer returns the mailer of MYAUTH_SMTP_URL, or without one a mailer that
// prints. In a log of JSON lines a printed mail is one of them.
func newMailer(s *settings, logger *slog.Logger, stderr io.Writer) (kit.Mailer, error) {
	opts := &s.mail
	if s.mail.Templates != nil {
		if _, err := mailx.NewLog(io.Discard, opts); err != nil {
			return nil, &settingError{"MYAUTH_MAIL_TEMPLATES", err}
		}
	}
	if s.smtp != nil {
		roots, err := readRoots(s.smtpCAFile)
		if err != nil {
			return nil, &settingError{"MYAUTH_SMTP_CA_FILE", err}
		}
		opts.TLS = &tls.Config{RootCAs: roots}
		mailer, err := mailx.New(*s.smtp, opts)
		if err != nil {
			return nil, s.bad("MYAUTH_SMTP_URL", err)
		}
		return mailer, nil
	}
	if s.logFormat == "json" {
		stderr = mailLines{logger}
	}
	mailer, err := mailx.NewLog(stderr, opts)
	if err != nil {
		return nil, s.bad("MYAUTH_MAIL_FROM", err)
	}
	return mailer, nil
}

// readRoots returns the certificates of a file, or nil without a file.
func readRoots(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s has no certificate in PEM form", shown(file))
	}
	return roots, nil
}

// mailLines logs what is written to it, each write as one line.
type mailLines struct{ logger *slog.Logger }

func (l mailLines) Write(mail []byte) (int, error) {
	l.logger.Info("mail, printed and not sent", "mail", string(mail))
	return len(mail), nil
}
