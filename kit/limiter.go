package kit

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
)

// Action names what a client attempts.
type Action string

// The actions that a [Limiter] decides on. The set is open: features add actions.
const (
	ActionRegister             Action = "register"
	ActionLogin                Action = "login"
	ActionRefresh              Action = "refresh"
	ActionPasswordResetRequest Action = "password_reset_request"
	ActionPasswordReset        Action = "password_reset"
	ActionChangePassword       Action = "change_password"
	ActionVerifyEmailRequest   Action = "verify_email_request"
	ActionVerifyEmail          Action = "verify_email"
	ActionDenyEmail            Action = "deny_email"
	ActionFactor               Action = "factor"           // the answer to a second factor
	ActionFactorChallenge      Action = "factor_challenge" // a message or a challenge of a second factor
)

// Attempt is one call that a [Limiter] decides on.
type Attempt struct {
	Action Action
	// EmailKey is the [EmailKey] of the submitted address, whether or not an account has it,
	// or of the account. It is empty if no address was submitted, or an invalid one.
	EmailKey string
	// UserID is the account, where it is known before the attempt.
	UserID string
	// Client is where the attempt comes from.
	Client Client
	// Guess is a keyed hash of the secret that is tried and of EmailKey, and zero where there
	// is no secret. Equal guesses for one account have the same, so a limiter can count a typing
	// error that is repeated, or many right logins at once, as one. One password that is tried
	// on many accounts is as many guesses.
	Guess uint64
}

// Limiter decides whether an attempt may proceed.
//
// Begin is called before the secret is compared, and counts the attempt: parallel guesses
// never share a slot. It returns a [LimitError] to refuse. The Service returns any other error
// to its caller as it is, so a limiter that cannot reach its own store decides whether to fail
// open. The Service calls Done of the Charge exactly once; a limiter that need not hear of it
// returns nil.
type Limiter interface {
	Begin(ctx context.Context, a Attempt) (Charge, error)
}

// Charge is an attempt that a [Limiter] let through. Done tells it what became of it. ctx may
// be done.
type Charge interface {
	Done(ctx context.Context, o Outcome)
}

// Outcome is what became of an [Attempt].
type Outcome int

// The outcomes.
const (
	// Refunded: no secret was compared, because of an outage or of invalid input.
	Refunded Outcome = iota
	// Failed: the secret was wrong.
	Failed
	// Succeeded: the secret was right, or there was none.
	Succeeded
)

// charge is what [Service.attempt] returns: an attempt, or nothing without a limiter.
type charge struct{ Charge }

// attempt asks the limiter. The caller ends the charge with the error that it returns itself.
// email is a valid address, or empty; guess is the secret that is tried, or empty.
func (s *Service) attempt(ctx context.Context, action Action, email, userID, guess string) (charge, error) {
	if s.opts.Limiter == nil {
		return charge{}, nil
	}
	key := EmailKey(email)
	c, err := s.opts.Limiter.Begin(ctx, Attempt{Action: action, EmailKey: key, UserID: userID, Client: ClientOf(ctx), Guess: s.guess(key, guess)})
	return charge{c}, err
}

// end tells the limiter what became of the attempt: err is the result of the function that
// defers it. A panic, of a hook or a factor perhaps, is no success.
func (c charge) end(ctx context.Context, err *error) {
	if c.Charge == nil {
		return
	}
	outcome := outcomeOf(*err)
	if p := recover(); p != nil {
		outcome = Refunded
		defer panic(p)
	}
	c.Done(context.WithoutCancel(ctx), outcome)
}

// outcomeOf tells a wrong secret from what refuses without a look at it. The secret was right
// also where the account may not log in. A registration of a taken address counts: it tells that
// there is an account.
func outcomeOf(err error) Outcome {
	switch {
	case err == nil, errors.Is(err, ErrUserExists), errors.Is(err, ErrMFARequired), errors.Is(err, ErrAccountDisabled), errors.Is(err, ErrEmailNotVerified):
		return Succeeded
	case errors.Is(err, ErrInvalidCredentials), errors.Is(err, ErrInvalidCode), errors.Is(err, ErrInvalidToken):
		return Failed
	default:
		return Refunded
	}
}

// newGuessKey returns the key of guesses, which all instances share. With a signing key that
// secrets cannot be derived from, each instance has its own.
func (s *Service) newGuessKey() []byte {
	key, _, err := s.keys.Derive("guesses", "")
	if err != nil {
		key = []byte(rand.Text())
	}
	return key
}

// guess returns the tag of a secret that is tried for an address.
func (s *Service) guess(emailKey, secret string) uint64 {
	if secret == "" {
		return 0
	}
	mac := hmac.New(sha256.New, s.guessKey)
	mac.Write([]byte(emailKey + "\x00")) // which no address has
	mac.Write([]byte(secret))
	return max(1, binary.BigEndian.Uint64(mac.Sum(nil)))
}
