package kit

import (
	"context"
	"fmt"
	"time"

	"myauth.internal/kit/internal/maillink"
	"myauth.internal/kit/internal/opaque"
)

// makeMail makes the mail of a job whose account is known.
func (s *Service) makeMail(ctx context.Context, job *mailJob, now time.Time) error {
	u := job.user
	job.mail = Mail{
		Kind: job.kind, To: job.to(), UserID: u.ID, Locale: job.content.locale, ValidUntil: job.until,
		Data: job.content.Data, Token: job.content.Token, Subject: job.rule.subject, Text: job.rule.text,
	}
	if job.content.Page != "" {
		job.mail.Link = s.linkTo(job.content.Page, string(job.content.Token))
	}
	if u.Verified && EmailKey(job.mail.To) == EmailKey(u.Email) {
		// A stranger may have registered an address that is not verified, or want to have it.
		// Our mails must not show the owner what the stranger wrote as the name.
		job.mail.Username = u.Username
	}
	if job.rule.link == nil {
		return nil
	}
	return job.rule.link(ctx, job, now)
}

func (s *Service) linkVerification(_ context.Context, job *mailJob, now time.Time) error {
	token, err := maillink.Draw(func() (string, error) { return s.signVerification(job.user, now, job.until) })
	if err != nil {
		return fmt.Errorf("signing its token: %w", err)
	}
	m := &job.mail
	m.Token, m.Link, m.DenyLink = Secret(token), s.linkTo("/verify-email", token), s.linkTo("/verify-email/deny", token)
	return nil
}

func (s *Service) linkPasswordReset(ctx context.Context, job *mailJob, now time.Time) error {
	s.linkOpaque(job, now, PasswordResetToken, resetPrefix, "/reset-password")
	s.emit(ctx, Event{Kind: EventPasswordResetRequested, UserID: job.user.ID, Actor: job.actor, Client: job.client})
	return nil
}

func (s *Service) linkEmailChange(_ context.Context, job *mailJob, now time.Time) error {
	s.linkOpaque(job, now, EmailChangeToken, emailChangePrefix, "/change-email")
	job.row.Data = []byte(job.mail.To)
	return nil
}

// linkOpaque adds the link of an opaque token, and the row to store before the mail is sent.
func (s *Service) linkOpaque(job *mailJob, now time.Time, kind TokenType, prefix, page string) {
	var token opaque.Token
	text, _ := maillink.Draw(func() (string, error) {
		token = opaque.New(now)
		return token.Encode(prefix), nil
	})
	job.mail.Token, job.mail.Link = Secret(text), s.linkTo(page, text)
	job.row = &Token{
		ID:         token.RowID(),
		Type:       kind,
		UserID:     job.user.ID,
		Epoch:      job.user.SessionEpoch,
		SecretHash: token.Hash(),
		CreatedAt:  now,
		ExpiresAt:  job.until,
		Version:    1,
	}
}

// linkTo is where a token leads, on a page under Options.PublicURL. A token has only
// characters that need no escaping in a query.
func (s *Service) linkTo(page, token string) Secret {
	return Secret(s.opts.PublicURL + page + "?token=" + token)
}
