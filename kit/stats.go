package kit

import "myauth.internal/kit/password"

// Stats is what a [Service] has counted since [New], and what it has to do now. It
// holds nothing of any account.
type Stats struct {
	// Hashing is the queue of password hashes: how many run, how many wait, and how
	// many were refused with [ErrUnavailable].
	Hashing password.Stats
	// UsersUnavailable and TokensUnavailable are how many calls of each store ended
	// with [ErrUnavailable].
	UsersUnavailable, TokensUnavailable uint64
	// MailsReady is how many mails are queued for their first attempt or their next,
	// MailsWaiting how many pause before their next attempt. They count what was asked
	// for, also for addresses without an account.
	MailsReady, MailsWaiting int
	// MailsSent is how many mails the Mailer took. MailsDropped were given up: refused
	// for good, expired, or dropped because a queue was full. MailsSpaced were not sent,
	// because their mailboxes had others of the kind too recently.
	MailsSent, MailsDropped, MailsSpaced uint64
}

// Stats returns the counters of this Service, for metrics.
func (s *Service) Stats() Stats {
	stats := Stats{
		Hashing:           s.hasher.Stats(),
		UsersUnavailable:  s.users.outage.failures.Load(),
		TokensUnavailable: s.tokens.outage.failures.Load(),
	}
	if s.mail != nil {
		s.mail.count(&stats)
	}
	return stats
}
