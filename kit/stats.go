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
}

// Stats returns the counters of this Service, for metrics.
func (s *Service) Stats() Stats {
	return Stats{
		Hashing:           s.hasher.Stats(),
		UsersUnavailable:  s.users.outage.failures.Load(),
		TokensUnavailable: s.tokens.outage.failures.Load(),
	}
}
