package kit

import (
	"context"
	"net/netip"
)

// Action names what a client attempts.
type Action string

// The actions that a [Limiter] decides on.
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
)

// Attempt is one call that a [Limiter] decides on.
type Attempt struct {
	Action Action
	// EmailKey is the [EmailKey] of the submitted address, whether or not an account has it.
	// It is empty if no address was submitted, or an invalid one.
	EmailKey string
	// ClientIP is the client's address, the zero Addr when unknown.
	ClientIP netip.Addr
}

// Limiter decides whether an attempt may proceed. Allow returns nil, or a [LimitError] to
// refuse. The Service returns any other error to its caller as it is, so a limiter that
// cannot reach its own store decides whether to fail open.
type Limiter interface {
	Allow(ctx context.Context, a Attempt) error
}

// limit asks the limiter. email is a valid address, or empty.
func (s *Service) limit(ctx context.Context, action Action, email string) error {
	if s.opts.Limiter == nil {
		return nil
	}
	return s.opts.Limiter.Allow(ctx, Attempt{Action: action, EmailKey: EmailKey(email), ClientIP: ClientIP(ctx)})
}
