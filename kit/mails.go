package kit

import (
	"context"
	"time"
)

// noteTTL is how long a mail without a link is tried.
const noteTTL = 24 * time.Hour

// linkMail is a mail whose link is page and token under Options.PublicURL. A token
// has only characters that need no escaping in a query.
func (s *Service) linkMail(kind MailKind, u User, page string, token Secret, validUntil time.Time) Mail {
	return Mail{
		Kind: kind, To: u.Email, UserID: u.ID, Username: u.Username, Token: token, Link: Secret(s.opts.PublicURL+page) + token,
		ValidUntil: validUntil, Now: s.now(),
	}
}

func (s *Service) mailVerification(u User) {
	if s.mail == nil {
		return
	}
	now := s.now()
	expiresAt := now.Add(s.opts.EmailVerificationTTL)
	token, err := s.signVerification(u, now, expiresAt)
	if err != nil {
		s.opts.Logger.Error("myauth: no verification mail: the token could not be signed", "user_id", u.ID, "err", err)
		return
	}
	s.mail.enqueue(mailJob{epoch: u.SessionEpoch, mail: s.linkMail(MailVerification, u, "/verify-email?token=", token, expiresAt)})
}

func (s *Service) mailPasswordChanged(u User) { s.mailNote(MailPasswordChanged, u) }

// mailAccountExists tells the owner of a taken address, at the stored spelling of it.
func (s *Service) mailAccountExists(ctx context.Context, email string) {
	if s.mail == nil {
		return
	}
	if u, err := s.users.ByEmail(ctx, email); err == nil && u.Active {
		s.mailNote(MailAccountExists, u)
	}
}

func (s *Service) mailNote(kind MailKind, u User) {
	if s.mail == nil {
		return
	}
	now := s.now()
	s.mail.enqueue(mailJob{epoch: u.SessionEpoch, mail: Mail{Kind: kind, To: u.Email, UserID: u.ID, Username: u.Username, ValidUntil: now.Add(noteTTL), Now: now}})
}
