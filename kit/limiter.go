package kit

import (
	"context"
	"net/netip"
)

// Action names what a [Limiter] is asked about.
type Action string

// The actions that a [Limiter] is asked about.
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

// Attempt is what a limiter decides on.
type Attempt struct {
	Action Action
	// EmailKey is the [EmailKey] of the address that was submitted, whether or
	// not an account has it; empty where none is submitted, or what was is no
	// address.
	EmailKey string
	// ClientIP is the client's address, the zero Addr when unknown.
	ClientIP netip.Addr
}

// Limiter decides whether an attempt may go on. Allow returns nil, or a
// [LimitError] that says when to try again; any other error is treated as such,
// so a limiter that cannot reach its own store decides itself whether to fail open.
type Limiter interface {
	Allow(ctx context.Context, a Attempt) error
}

// limit asks the limiter. email was checked, or is empty.
func (s *Service) limit(ctx context.Context, action Action, email string) error {
	if s.opts.Limiter == nil {
		return nil
	}
	return s.opts.Limiter.Allow(ctx, Attempt{Action: action, EmailKey: EmailKey(email), ClientIP: ClientIP(ctx)})
}
