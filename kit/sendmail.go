package kit

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"myauth.internal/kit/internal/maillink"
	"myauth.internal/kit/internal/mailqueue"
	"myauth.internal/kit/internal/opaque"
	"myauth.internal/kit/internal/spacing"
	"myauth.internal/kit/internal/turns"
)

// mailRule is all that the kinds of mail differ in.
type mailRule struct {
	// ttl is how long the mail is of use.
	ttl time.Duration
	// spaced mails can be caused by strangers, so a mailbox gets few of them. The others are
	// notices of security: only the owner, or somebody with the owner's secrets, can cause
	// one, and it is always sent.
	spaced bool
	// link adds the links and their token; nil for mails without.
	link func(ctx context.Context, job *mailJob, now time.Time) error
}

func (s *Service) mailRule(kind MailKind) mailRule {
	const noticeTTL = 24 * time.Hour
	switch kind {
	case MailVerification:
		return mailRule{s.opts.EmailVerificationTTL, true, s.linkVerification}
	case MailPasswordReset:
		return mailRule{s.opts.PasswordResetTTL, true, s.linkPasswordReset}
	case MailAccountExists:
		return mailRule{noticeTTL, true, nil}
	default: // MailPasswordChanged, MailEmailChanged
		return mailRule{noticeTTL, false, nil}
	}
}

// mailJob is one mail that may have to be sent.
type mailJob struct {
	kind     MailKind
	rule     mailRule
	email    string // the address whose account is to be looked up; empty once that is done
	user     User
	clientIP netip.Addr
	asked    time.Time // zero after the first attempt
	until    time.Time
	mail     Mail   // once it is made
	row      *Token // to be stored before the mail is sent; nil: none, or stored
}

// key is the same for mails of one kind to one mailbox, if one of them is enough. Until its
// account is found, a mail may be one that is not sent, and must not replace one that is.
func (job *mailJob) key() string {
	if !job.rule.spaced || job.email != "" {
		return ""
	}
	return string(job.kind) + " " + EmailKey(job.user.Email)
}

// queueMail queues a mail to u, at the address that u has.
func (s *Service) queueMail(ctx context.Context, kind MailKind, u User) {
	// No mail needs these, and the queue may hold many users.
	u.PasswordHash, u.Settings, u.Roles = "", nil, nil
	s.enqueueMail(ctx, kind, "", u)
}

// queueMailFor queues a mail to the account with that address, if there is one that should
// get it. The queue looks it up later, so the caller learns nothing about the account.
func (s *Service) queueMailFor(ctx context.Context, kind MailKind, email string) {
	s.enqueueMail(ctx, kind, email, User{})
}

func (s *Service) enqueueMail(ctx context.Context, kind MailKind, email string, u User) {
	if s.mails == nil {
		return
	}
	now := s.now()
	job := &mailJob{kind: kind, rule: s.mailRule(kind), email: email, user: u, clientIP: ClientIP(ctx), asked: now}
	job.until = now.Add(job.rule.ttl)
	queued := mailqueue.Job[*mailJob]{Value: job, Source: turns.SourceOf(job.clientIP), ValidUntil: job.until}
	if !job.rule.spaced {
		// A thief of a password could hide the notice of its change in a flood.
		queued.Source = queued.Source.Apart()
	}
	s.mails.Add(queued)
}

// probeAddress has no account: RFC 2606 reserves its top-level domain.
const probeAddress = "probe@myauth.invalid"

// requestMail queues a mail for the account with that address, if there is one.
func (s *Service) requestMail(ctx context.Context, action Action, kind MailKind, email string) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	if s.mails == nil {
		return ErrEmailNotConfigured
	}
	email, fields := checkEmail("email", email)
	if len(fields) > 0 {
		return &ValidationError{Fields: fields}
	}
	if err := s.limit(ctx, action, email); err != nil {
		return err
	}
	// The caller must hear of an outage at once. The look-up that finds it must not depend on
	// the address, because a store answers sooner for a row that does not exist.
	if _, err := s.users.ByEmail(ctx, probeAddress); err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	s.queueMailFor(ctx, kind, email)
	return nil
}

// newMailQueue returns the queue of s.opts.Mailer.
func (s *Service) newMailQueue() *mailqueue.Queue[*mailJob] {
	if !s.opts.InsecureUnlimitedMails {
		s.spacing = spacing.New()
	}
	return mailqueue.New(mailqueue.Options[*mailJob]{Delay: s.opts.MailDelay, Now: s.now, Send: s.sendMail, Key: (*mailJob).key, Report: s.reportMail})
}

// sendMail makes one attempt to send a mail, and first does what an earlier attempt has not
// done.
func (s *Service) sendMail(ctx context.Context, job *mailJob) (err error) {
	defer func() {
		if p := recover(); p != nil {
			logPanic(ctx, s.opts.Logger, "the sending of a mail", p)
			err = Permanent(errors.New("its sending panicked"))
		}
	}()
	now := s.now()
	asked := job.asked
	if asked.IsZero() {
		asked = now
	}
	job.asked = time.Time{}
	if job.mail.Kind == "" {
		if err := s.lookUpMail(ctx, job); err != nil {
			return err
		}
		// At first by the time of the request: the tick of the queue depends on other requests.
		if s.spacing != nil && job.rule.spaced && !s.spacing.Allow(string(job.kind), EmailKey(job.user.Email), asked) {
			return mailqueue.ErrSpaced
		}
		if err := s.makeMail(ctx, job, now); err != nil {
			return Permanent(err)
		}
	}
	if job.row != nil {
		if err := s.createToken(ctx, *job.row); err != nil {
			return err
		}
		job.row = nil
	}
	job.mail.Now = now
	return s.opts.Mailer.Send(ctx, job.mail)
}

// lookUpMail finds the account that the mail is for, unless the job has it.
func (s *Service) lookUpMail(ctx context.Context, job *mailJob) error {
	if job.email == "" {
		return nil
	}
	u, err := s.users.ByEmail(ctx, job.email)
	switch {
	case errors.Is(err, ErrNotFound):
		return mailqueue.ErrSkip
	case err != nil:
		return err
	case !u.Active, job.kind == MailVerification && u.Verified:
		return mailqueue.ErrSkip
	}
	job.user, job.email = u, ""
	return nil
}

// makeMail makes the mail of a job whose account is known.
func (s *Service) makeMail(ctx context.Context, job *mailJob, now time.Time) error {
	u := job.user
	job.mail = Mail{Kind: job.kind, To: u.Email, UserID: u.ID, ValidUntil: job.until}
	if u.Verified {
		// A stranger may have registered an address that is not verified. Our mails must not
		// show the owner what the stranger wrote as the name.
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
	var token opaque.Token
	text, _ := maillink.Draw(func() (string, error) {
		token = opaque.New(now)
		return token.Encode(resetPrefix), nil
	})
	job.mail.Token, job.mail.Link = Secret(text), s.linkTo("/reset-password", text)
	job.row = &Token{
		ID:         token.RowID(),
		Type:       PasswordResetToken,
		UserID:     job.user.ID,
		Epoch:      job.user.SessionEpoch,
		SecretHash: token.Hash(),
		CreatedAt:  now,
		ExpiresAt:  job.until,
		Version:    1,
	}
	s.emit(ctx, Event{Kind: EventPasswordResetRequested, UserID: job.user.ID, ClientIP: job.clientIP})
	return nil
}

// linkTo is where a token leads, on a page under Options.PublicURL. A token has only
// characters that need no escaping in a query.
func (s *Service) linkTo(page, token string) Secret {
	return Secret(s.opts.PublicURL + page + "?token=" + token)
}

// reportMail emits the event of mails that were not sent.
func (s *Service) reportMail(ctx context.Context, outcome mailqueue.Outcome, job *mailJob, n int, err error) {
	e := Event{UserID: job.user.ID, ClientIP: job.clientIP}
	switch outcome {
	case mailqueue.Failed:
		e.Kind, e.Err = EventMailFailed, fmt.Errorf("%s mail, retrying: %w", job.kind, err)
	case mailqueue.Dropped:
		e.Kind, e.Err = EventMailDropped, fmt.Errorf("%s mail, given up: %w", job.kind, err)
	case mailqueue.Crowded:
		e.UserID = ""
		e.Kind, e.Err = EventMailDropped, fmt.Errorf("the mail queue is full: dropped %d mails of the clients with the most in it", n)
	case mailqueue.Spaced:
		e.Kind, e.Err = EventMailSpaced, fmt.Errorf("%d mails were not sent: their mailboxes had or get another of the same kind", n)
	}
	s.emit(ctx, e)
}
