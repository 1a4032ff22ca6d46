package kit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"myauth.internal/kit/internal/mailqueue"
	"myauth.internal/kit/internal/turns"
	"myauth.internal/kit/throttle"
)

// mailRule is all that the kinds of mail differ in.
type mailRule struct {
	// ttl is how long the mail is of use.
	ttl time.Duration
	// spaced mails can be caused by strangers, so a mailbox gets few of them. The others are
	// notices of security: only the owner, or somebody with the owner's secrets, can cause
	// one, and it is always sent; but while the address is not verified, the owner may be a
	// stranger to its mailbox.
	spaced bool
	// subject and text are what a feature says, for mailers that have no text for the kind.
	subject, text string
	// link adds the links and their token; nil for mails without.
	link func(ctx context.Context, job *mailJob, now time.Time) error
}

func (s *Service) mailRule(kind MailKind) mailRule {
	const noticeTTL = 24 * time.Hour
	switch kind {
	case MailVerification:
		return mailRule{ttl: s.opts.EmailVerificationTTL, spaced: true, link: s.linkVerification}
	case MailPasswordReset:
		return mailRule{ttl: s.opts.PasswordResetTTL, spaced: true, link: s.linkPasswordReset}
	case MailEmailChange:
		return mailRule{ttl: s.opts.EmailVerificationTTL, spaced: true, link: s.linkEmailChange}
	case MailAccountExists, MailPasswordGuessing:
		return mailRule{ttl: noticeTTL, spaced: true}
	}
	if r, ok := s.mailRules[kind]; ok {
		return mailRule{ttl: cmp.Or(r.TTL, noticeTTL), spaced: !r.Notice, subject: r.Subject, text: r.Text}
	}
	return mailRule{ttl: noticeTTL} // such as MailPasswordChanged
}

// mailJob is one mail that may have to be sent.
type mailJob struct {
	kind    MailKind
	rule    mailRule
	email   string // the address whose account is to be looked up; empty once that is done
	user    User
	content MailContent // of a feature
	client  Client
	actor   string    // of the request: see WithActor
	asked   time.Time // zero after the first attempt
	until   time.Time
	mail    Mail   // once it is made
	row     *Token // to be stored before the mail is sent; nil: none, or stored
}

// key is the same for mails of one kind to one mailbox, if one of them is enough. Until its
// account is found, a mail may be one that is not sent, and must not replace one that is.
func (job *mailJob) key() string {
	if !job.rule.spaced || job.email != "" {
		return ""
	}
	return string(job.kind) + " " + EmailKey(job.to())
}

// to is the address that the mail goes to, once its account is known.
func (job *mailJob) to() string { return cmp.Or(job.content.To, job.user.Email) }

// queueMail queues a mail to u, at the address that u has.
func (s *Service) queueMail(ctx context.Context, kind MailKind, u User) {
	s.queueMailWith(ctx, kind, u, MailContent{})
}

func (s *Service) queueMailWith(ctx context.Context, kind MailKind, u User, content MailContent) {
	s.enqueueMail(ctx, kind, "", u, content)
}

// queueMailFor queues a mail to the account with that address, if there is one that should
// get it. The queue looks it up later, so the caller learns nothing about the account.
func (s *Service) queueMailFor(ctx context.Context, kind MailKind, email string) {
	s.enqueueMail(ctx, kind, email, User{}, MailContent{})
}

func (s *Service) enqueueMail(ctx context.Context, kind MailKind, email string, u User, content MailContent) {
	if !s.canMail(kind) {
		return
	}
	content.Data = maps.Clone(content.Data) // the queue reads it later
	if s.outbox != nil {
		s.outbox.enqueueMail(ctx, kind, email, u, content)
		return
	}
	if email == "" {
		content.locale = s.locale(u)
	}
	// No mail needs these, and the queue may hold many users.
	u.PasswordHash, u.Settings, u.Private, u.Roles = "", nil, nil, nil
	now := s.now()
	job := &mailJob{kind: kind, rule: s.mailRule(kind), email: email, user: u, content: content, client: ClientOf(ctx), actor: actorOf(ctx), asked: now}
	job.rule.spaced = job.rule.spaced || email == "" && !u.Verified
	job.until = now.Add(job.rule.ttl)
	queued := mailqueue.Job[*mailJob]{Value: job, Source: turns.SourceOf(job.client.IP), ValidUntil: job.until}
	if !job.rule.spaced {
		// A thief of a password could hide the notice of its change in a flood.
		queued.Source = queued.Source.Apart()
	}
	s.mails.Add(queued)
}

func (s *Service) canMail(kind MailKind) bool {
	return s.mails != nil && !slices.Contains(s.opts.WithoutMails, kind)
}

func (s *Service) locale(u User) string {
	if s.opts.Locale == nil {
		return ""
	}
	return s.opts.Locale(u)
}

// probeAddress has no account: RFC 2606 reserves its top-level domain.
const probeAddress = "probe@myauth.invalid"

// requestMail queues a mail for the account with that address, if there is one.
func (s *Service) requestMail(ctx context.Context, action throttle.Action, kind MailKind, email string, content MailContent) (err error) {
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
	c, err := s.attempt(ctx, throttle.Attempt{Action: action, EmailKey: EmailKey(email)}, "")
	if err != nil {
		return err
	}
	defer c.end(ctx, &err)
	// The caller must hear of an outage at once. The look-up that finds it must not depend on
	// the address, because a store answers sooner for a row that does not exist.
	if _, err := s.users.ByEmail(ctx, probeAddress); err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	s.enqueueMail(ctx, kind, email, User{}, content)
	return nil
}

// newMailQueue returns the queue of s.opts.Mailer.
func (s *Service) newMailQueue() *mailqueue.Queue[*mailJob] {
	return mailqueue.New(mailqueue.Options[*mailJob]{Delay: s.opts.MailDelay, Now: s.now, Send: s.sendMail, Key: (*mailJob).key, Report: s.reportMail})
}

// sendMail makes one attempt to send a mail, and first does what an earlier attempt has not
// done.
func (s *Service) sendMail(ctx context.Context, job *mailJob) (err error) {
	ctx, span := s.tracing.begin(ctx, Operation{OperationMail, string(job.kind)})
	var outcome string
	defer span.end(ctx, &outcome)
	defer func() { outcome = mailOutcome(err) }()
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
		if err := s.spaceMail(ctx, job, asked); err != nil {
			return err
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

// spaceMail asks the limiter whether a mailbox may have a mail that strangers can cause.
func (s *Service) spaceMail(ctx context.Context, job *mailJob, asked time.Time) error {
	if !job.rule.spaced || job.content.Spaced || s.opts.Limiter == nil {
		return nil
	}
	c, err := s.opts.Limiter.Begin(ctx, mailAttempt(job.kind, EmailKey(job.to()), asked))
	switch {
	case errors.Is(err, throttle.ErrTooManyRequests):
		return mailqueue.ErrSpaced
	case err == nil && c != nil:
		c.Done(ctx, throttle.Succeeded)
	}
	return err
}

func mailAttempt(kind MailKind, mailbox string, at time.Time) throttle.Attempt {
	return throttle.Attempt{Action: throttle.ActionMail, Time: at, EmailKey: mailbox, MailKind: string(kind)}
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
	content := MailContent{}
	if fill := job.content.fill; fill != nil {
		if content, err = fill(ctx, u.Clone()); err != nil && !errors.Is(err, ErrUnavailable) {
			err = Permanent(err)
		}
		if err != nil {
			return err
		}
		content.To = ""
	}
	content.locale = s.locale(u)
	job.user, job.email, job.content = u, "", content
	return nil
}

// reportMail emits the event of mails that were not sent.
func (s *Service) reportMail(ctx context.Context, outcome mailqueue.Outcome, job *mailJob, n int, err error) {
	e := Event{UserID: job.user.ID, Client: job.client}
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
