package kit

import (
	"context"
	"time"
)

// noteTTL is how long a mail without a link is tried.
const noteTTL = 24 * time.Hour

// mailTo is a mail to u without a link. The username of an account whose address is
// not verified is left out: a stranger may have chosen it, and would speak to the owner
// of the address in a mail of ours.
func (s *Service) mailTo(u User, kind MailKind, validUntil time.Time) Mail {
	m := Mail{Kind: kind, To: u.Email, UserID: u.ID, ValidUntil: validUntil, Now: s.now()}
	if u.Verified {
		m.Username = u.Username
	}
	return m
}

// linkTo is where a token leads, on a page under Options.PublicURL. A token has only
// characters that need no escaping in a query.
func (s *Service) linkTo(page string, token Secret) Secret {
	return Secret(s.opts.PublicURL+page+"?token=") + token
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
	m := s.mailTo(u, MailVerification, expiresAt)
	m.Token = token
	m.Link, m.DenyLink = s.linkTo("/verify-email", token), s.linkTo("/verify-email/deny", token)
	s.mail.enqueue(mailJob{epoch: u.SessionEpoch, mail: m})
}

func (s *Service) mailPasswordChanged(u User) { s.mailNote(MailPasswordChanged, u) }

// mailEmailChanged tells the address that the account had before.
func (s *Service) mailEmailChanged(before User) { s.mailNote(MailEmailChanged, before) }

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
	s.mail.enqueue(mailJob{epoch: u.SessionEpoch, mail: s.mailTo(u, kind, s.now().Add(noteTTL))})
}
