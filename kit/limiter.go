package kit

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"

	"myauth.internal/kit/throttle"
)

// charge is what [Service.attempt] returns: an attempt, or nothing without a limiter.
type charge struct{ throttle.Charge }

// attempt asks the limiter. The caller ends the charge with the error that it returns itself.
// guess is the secret that is tried, or empty.
func (s *Service) attempt(ctx context.Context, a throttle.Attempt, guess string) (charge, error) {
	if s.opts.Limiter == nil {
		return charge{}, nil
	}
	a.Time, a.IP, a.Recoverable = s.now(), ClientOf(ctx).IP, s.mails != nil
	a.Guess = s.guess(a.EmailKey, guess)
	c, err := s.opts.Limiter.Begin(ctx, a)
	return charge{c}, err
}

// clear forgets what the limiter counted, if it can.
func (s *Service) clear(ctx context.Context, a throttle.Attempt) {
	if c, ok := s.opts.Limiter.(throttle.Clearer); ok {
		c.Clear(context.WithoutCancel(ctx), a)
	}
}

// ForgetGuesses lets strangers who guess the password of an account begin anew, and everybody who
// answers its second factor, for an administrator who has made sure that its owner is there.
// Errors: [ErrUserNotFound].
func (s *Service) ForgetGuesses(ctx context.Context, userID string) error {
	u, err := s.UserByID(ctx, userID)
	if err != nil {
		return err
	}
	s.clearGuesses(ctx, u.Email)
	return s.clearCodes(ctx, u)
}

// clearGuesses ends the row of wrong passwords that strangers tried for an address: its owner
// has proved to be there.
func (s *Service) clearGuesses(ctx context.Context, email string) {
	s.clear(ctx, throttle.Attempt{Action: throttle.ActionLogin, Time: s.now(), EmailKey: EmailKey(email)})
}

// clearCodes ends the rows of wrong codes, that of strangers and those of devices.
func (s *Service) clearCodes(ctx context.Context, u User) error {
	a := throttle.Attempt{Action: throttle.ActionFactor, Time: s.now(), EmailKey: EmailKey(u.Email), UserID: u.ID}
	s.clear(ctx, a)
	return eachToken(ctx, s.credentials, u.ID, func(t Token) error {
		if t.Type == deviceType {
			a.Device = t.ID
			s.clear(ctx, a)
		}
		return nil
	})
}

// guessingAt are the counts of wrong guesses in a row at which the owner is told of them: it is
// no typing error any more, and strangers are refused from now on.
var guessingAt = []int{20, 100}

// tellOfGuessing tells the owner of an account that strangers guess its password. The work is
// the same for every address.
func (s *Service) tellOfGuessing(ctx context.Context, c charge, email, userID string) {
	row, ok := c.Charge.(interface{ Failures() int })
	if !ok || !slices.Contains(guessingAt, row.Failures()) {
		return
	}
	s.emit(ctx, Event{Kind: EventPasswordGuessing, UserID: userID})
	s.queueMailFor(ctx, MailPasswordGuessing, email)
}

// end tells the limiter what became of the attempt: err is the result of the function that
// defers it. A panic, of a hook or a factor perhaps, is no success.
func (c charge) end(ctx context.Context, err *error) {
	if c.Charge == nil {
		return
	}
	outcome := outcomeOf(*err)
	if outcome == throttle.Refunded && errors.Is(ctx.Err(), context.Canceled) {
		// A client that leaves does not choose what is counted: it could leave just after the
		// comparison.
		outcome = throttle.Failed
	}
	if p := recover(); p != nil {
		outcome = throttle.Refunded
		defer panic(p)
	}
	c.Done(context.WithoutCancel(ctx), outcome)
}

// outcomeOf tells a wrong secret from what refuses without a look at it. The secret was right
// also where the account may not log in. A registration of a taken address counts: it tells that
// there is an account.
func outcomeOf(err error) throttle.Outcome {
	switch {
	case err == nil, errors.Is(err, ErrUserExists), errors.Is(err, ErrMFARequired), errors.Is(err, ErrAccountDisabled), errors.Is(err, ErrEmailNotVerified):
		return throttle.Succeeded
	case errors.Is(err, ErrInvalidCredentials), errors.Is(err, ErrInvalidCode), errors.Is(err, ErrInvalidToken):
		return throttle.Failed
	default:
		return throttle.Refunded
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
