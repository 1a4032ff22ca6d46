package kit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"myauth.internal/kit/internal/opaque"
	"myauth.internal/kit/internal/turns"
)

// noteTTL is how long the queue tries to send a mail without a link.
const noteTTL = 24 * time.Hour

// mailTTL is how long a mail of that kind is of use.
func (s *Service) mailTTL(kind MailKind) time.Duration {
	switch kind {
	case MailVerification:
		return s.opts.EmailVerificationTTL
	case MailPasswordReset:
		return s.opts.PasswordResetTTL
	default:
		return noteTTL
	}
}

// mayBeSpaced reports whether a mail of that kind is left out when the mailbox had one a
// moment ago. Strangers can cause such mails. Only the owner, or somebody with the owner's
// secrets, can cause a notice of security, and it is never left out.
func mayBeSpaced(kind MailKind) bool { return kind != MailPasswordChanged && kind != MailEmailChanged }

// probeAddress is an address that the top-level domain keeps from ever being anybody's.
const probeAddress = "probe@myauth.invalid"

// requestMail queues a mail for whatever account has that address.
func (s *Service) requestMail(ctx context.Context, action Action, kind MailKind, email string) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	if s.mail == nil {
		return ErrEmailNotConfigured
	}
	email, fields := checkEmail("email", email)
	if len(fields) > 0 {
		return &ValidationError{Fields: fields}
	}
	if err := s.limit(ctx, action, email); err != nil {
		return err
	}
	// An outage has to be told at once. The look-up that tells it must not depend on the
	// address, because a store answers sooner for a row that is not there.
	if _, err := s.users.ByEmail(ctx, probeAddress); err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	s.queueMailFor(ctx, kind, email)
	return nil
}

// queueMail queues a mail to u, at the address that u has.
func (s *Service) queueMail(ctx context.Context, kind MailKind, u User) {
	// No mail needs these, and the queue may hold many users.
	u.PasswordHash, u.Settings, u.Roles = "", nil, nil
	s.enqueueMail(ctx, &mailJob{kind: kind, user: u})
}

// queueMailFor queues a mail to the account with that address, if there is one that should
// get it. The queue finds that out later, so the caller learns nothing of it.
func (s *Service) queueMailFor(ctx context.Context, kind MailKind, email string) {
	s.enqueueMail(ctx, &mailJob{kind: kind, email: email})
}

func (s *Service) enqueueMail(ctx context.Context, job *mailJob) {
	if s.mail == nil {
		return
	}
	job.clientIP = ClientIP(ctx)
	job.source = turns.SourceOf(job.clientIP)
	if !mayBeSpaced(job.kind) {
		// A thief of a password could hide the notice of its change in a flood.
		job.source = job.source.Apart()
	}
	job.askedAt = s.now()
	job.validUntil = job.askedAt.Add(s.mailTTL(job.kind))
	s.mail.enqueue(job)
}

// lookUpMail finds the account that the mail is for, unless the job has it, and reports
// whether there is one that should get the mail.
func (s *Service) lookUpMail(ctx context.Context, job *mailJob) (wanted bool, err error) {
	if job.email == "" {
		return true, nil
	}
	u, err := s.users.ByEmail(ctx, job.email)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	job.user, job.email = u, ""
	return u.Active && (job.kind != MailVerification || !u.Verified), nil
}

// makeMail makes the mail of a job whose account is known, and what belongs to it.
func (s *Service) makeMail(ctx context.Context, job *mailJob, now time.Time) error {
	u := job.user
	m := Mail{Kind: job.kind, To: u.Email, UserID: u.ID, ValidUntil: job.validUntil}
	if u.Verified {
		// A stranger may have registered an address that is not verified. Our mails must not
		// show the owner what the stranger wrote as the name.
		m.Username = u.Username
	}
	switch job.kind {
	case MailVerification:
		token, err := mailedToken(func() (Secret, error) { return s.signVerification(u, now, job.validUntil) })
		if err != nil {
			return fmt.Errorf("signing its token: %w", err)
		}
		m.Token = token
		m.Link, m.DenyLink = s.linkTo("/verify-email", token), s.linkTo("/verify-email/deny", token)
	case MailPasswordReset:
		var token opaque.Token
		m.Token, _ = mailedToken(func() (Secret, error) {
			token = opaque.New(now)
			return Secret(token.Encode(resetPrefix)), nil
		})
		m.Link = s.linkTo("/reset-password", m.Token)
		job.row = &Token{
			ID:         token.RowID(),
			Type:       PasswordResetToken,
			UserID:     u.ID,
			Epoch:      u.SessionEpoch,
			SecretHash: token.Hash(),
			CreatedAt:  now,
			ExpiresAt:  job.validUntil,
			Version:    1,
		}
		s.emit(ctx, Event{Kind: EventPasswordResetRequested, UserID: u.ID, ClientIP: job.clientIP})
	}
	job.mail = m
	return nil
}

// linkTo is where a token leads, on a page under Options.PublicURL. A token has only
// characters that need no escaping in a query.
func (s *Service) linkTo(page string, token Secret) Secret {
	return Secret(s.opts.PublicURL+page+"?token=") + token
}
