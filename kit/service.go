package kit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"sync/atomic"
	"time"

	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/internal/mailqueue"
	"myauth.internal/kit/password"
)

// Service has the use cases of MyAuth as Go methods; package httpx serves them over HTTP. It
// is safe for concurrent use, and any number of Services may share the same stores and keys,
// in one process or many.
//
// Every method may return ctx's error, or an error that wraps [ErrUnavailable]: a store
// cannot be reached or does not answer in time, or the queue of password hashes is full. The
// methods' comments name only the other errors. Repeating a call that failed this way is
// safe, whether or not it took effect. For a refresh that holds within its grace:
// see [Service.Refresh].
type Service struct {
	opts        Options
	users       guardedUsers
	tokens      guardedTokens
	credentials guardedTokens
	hasher      *password.Hasher
	signer      *accesstoken.Signer
	verifier    *accesstoken.Verifier
	keys        *accesstoken.Keyring
	mails       *mailqueue.Queue[*mailJob] // nil without a Mailer
	guessKey    []byte
	closed      *atomic.Bool
	outbox      *outbox  // of [Service.Within]
	tracing     *tracing // nil without a feature that traces

	// What the features bring.
	routes     []Route
	pages      []Page
	fragments  []fragment
	factors    map[string]Factor
	alternates map[string]Alternate
	waysIn     []func(context.Context, User) ([]Token, error)
	gates      []func(context.Context, User, Login) error
	observers  []func(context.Context, Event)
	mailRules  map[MailKind]MailRule
}

// New returns a Service over stores and the keys that sign access tokens. It does no I/O.
// Close leaves the stores open.
func New(stores Stores, keys *accesstoken.Keyring, opts *Options) (*Service, error) {
	switch {
	case stores.Users == nil:
		return nil, errors.New("kit: New needs Stores.Users")
	case stores.Tokens == nil:
		return nil, errors.New("kit: New needs Stores.Tokens")
	case stores.Credentials == nil:
		return nil, errors.New("kit: New needs Stores.Credentials: a second TokenStore in the database of the users")
	case keys == nil || !keys.CanSign():
		return nil, errors.New("kit: New needs a Keyring with a signing key: see accesstoken.HMAC and accesstoken.NewKeyring")
	}
	o, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Service{
		opts:        o,
		users:       guardedUsers{newStoreGuard("users", &o), stores.Users},
		tokens:      guardedTokens{storeGuard: newStoreGuard("tokens", &o)}.of(stores.Tokens, stores.Users),
		credentials: guardedTokens{storeGuard: newStoreGuard("credentials", &o), store: stores.Credentials},
		keys:        keys,
		closed:      new(atomic.Bool),
	}
	if s.hasher, err = password.NewHasher(&password.Options{Cost: o.BcryptCost, Source: func(ctx context.Context) netip.Addr { return ClientOf(ctx).IP }}); err != nil {
		return nil, fmt.Errorf("kit: %w", err)
	}
	if s.signer, err = accesstoken.NewSigner(keys, o.JWTIssuer, o.JWTAudience); err != nil {
		return nil, fmt.Errorf("kit: %w", err)
	}
	if s.verifier, err = accesstoken.NewVerifier(keys, o.JWTIssuer, o.JWTAudience, &accesstoken.VerifierOptions{Now: o.Now}); err != nil {
		return nil, fmt.Errorf("kit: %w", err)
	}
	if o.Mailer != nil {
		if _, _, err := keys.Derive(verificationType, ""); err != nil {
			return nil, fmt.Errorf("kit: New with a Mailer needs to derive the key of verification tokens: %w", err)
		}
		s.mails = s.newMailQueue()
	}
	s.guessKey = s.newGuessKey()
	if err := s.attach(o.Features); err != nil {
		return nil, err
	}
	return s, nil
}

// Format writes only the type's name, whatever the verb: package fmt would print the keys
// and the queued mails.
func (s *Service) Format(f fmt.State, _ rune) { io.WriteString(f, "kit.Service") }

// Close refuses further work and waits until an attempt has been made to send each queued
// mail, or until ctx is done. Its error says how many mails were given up. Calls after the
// first do nothing.
func (s *Service) Close(ctx context.Context) error {
	if s.closed.Swap(true) || s.mails == nil {
		return nil
	}
	if err := s.mails.Close(ctx); err != nil {
		return fmt.Errorf("kit: closing: %w", err)
	}
	return nil
}

// Ready returns nil when the stores answer, and an error that wraps [ErrUnavailable] when
// one does not. It asks only stores that implement [Pinger].
func (s *Service) Ready(ctx context.Context) error {
	if s.closed.Load() {
		return ErrClosed
	}
	if err := s.users.Ping(ctx); err != nil {
		return err
	}
	if err := s.credentials.Ping(ctx); err != nil {
		return err
	}
	return s.tokens.Ping(ctx)
}

// Stats are the counters of a [Service] since [New], and the lengths of its queues. They say
// nothing about any account.
type Stats struct {
	// Hashing is the queue of password hashes: how many run, how many wait, and how
	// many were refused with [ErrUnavailable].
	Hashing password.Stats
	// UsersUnavailable, TokensUnavailable and CredentialsUnavailable are how many calls of
	// each store ended with [ErrUnavailable].
	UsersUnavailable, TokensUnavailable, CredentialsUnavailable uint64
	// MailsReady is how many mails are queued for an attempt, MailsWaiting how many pause
	// before their next attempt. Both count mails to addresses without an account too, as
	// the queue looks up the account.
	MailsReady, MailsWaiting int
	// MailsSent is how many mails the Mailer accepted. MailsDropped were given up: refused
	// for good, expired, or dropped because a queue was full. MailsSpaced were not sent,
	// because their mailboxes had another of the kind too recently, or because a newer one
	// took their place while they waited for their next attempt.
	MailsSent, MailsDropped, MailsSpaced uint64
}

// Stats returns the counters of this Service, for metrics.
func (s *Service) Stats() Stats {
	stats := Stats{
		Hashing:                s.hasher.Stats(),
		UsersUnavailable:       s.users.outage.Failures(),
		TokensUnavailable:      s.tokens.outage.Failures(),
		CredentialsUnavailable: s.credentials.outage.Failures(),
	}
	if s.mails != nil {
		m := s.mails.Stats()
		stats.MailsReady, stats.MailsWaiting = m.Ready, m.Waiting
		stats.MailsSent, stats.MailsDropped, stats.MailsSpaced = m.Sent, m.Dropped, m.Spaced
	}
	return stats
}

// Verifier returns the verifier of access tokens, which asks no store, for stateless
// middleware. It accepts the tokens of a session that has ended until they expire,
// Options.AccessTokenTTL at most.
func (s *Service) Verifier() *accesstoken.Verifier { return s.verifier }

// ConcealsAccounts reports Options.ConcealAccounts, for HTTP layers.
func (s *Service) ConcealsAccounts() bool { return s.opts.ConcealAccounts }

func (s *Service) now() time.Time { return storable(s.opts.Now()) }

// storable returns t in UTC and to the microsecond, which every store can keep.
func storable(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// enter is the first call of each entry point.
func (s *Service) enter(ctx context.Context) error {
	if s.closed.Load() {
		return ErrClosed
	}
	return ctx.Err()
}
