package main

import (
	"fmt"
	"io"
	"log/slog"

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

func setMailFrom(s *settings, v string) error {
	if _, err := mailx.NewLog(io.Discard, &mailx.Options{From: v}); err != nil {
		return fmt.Errorf("%s is not a mail address: write for example MyAuth <no-reply@example.com>", shown(v))
	}
	s.mailFrom = v
	return nil
}

// newMailer returns the mailer of MYAUTH_SMTP_URL, or without one a mailer that
// prints. In a log of JSON lines a printed mail is one of them.
func newMailer(s *settings, logger *slog.Logger, stderr io.Writer) (kit.Mailer, error) {
	opts := &mailx.Options{From: s.mailFrom}
	if s.smtp != nil {
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

// mailLines logs what is written to it, each write as one line.
type mailLines struct{ logger *slog.Logger }

func (l mailLines) Write(mail []byte) (int, error) {
	l.logger.Info("mail, printed and not sent", "mail", string(mail))
	return len(mail), nil
}
