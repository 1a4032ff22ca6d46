package httpx

import "context"

// requestPasswordReset is POST /password-reset-request.
func (h *handler) requestPasswordReset(ctx context.Context, c content) (reply, error) {
	var email string
	if err := c.require([]field{{name: "email", text: &email, empty: true}}); err != nil {
		return reply{}, err
	}
	return accepted(), h.svc.RequestPasswordReset(ctx, email)
}

// resetPassword is POST /password-reset.
func (h *handler) resetPassword(ctx context.Context, c content) (reply, error) {
	var token, password string
	fields := []field{
		{name: "token", text: &token},
		{name: "new_password", text: &password, empty: true},
	}
	if err := c.decode(fields); err != nil {
		return reply{}, err
	}
	if !complete(fields) {
		return reply{}, merge(fields, h.svc.ValidatePassword("new_password", password))
	}
	return done(), h.svc.ResetPassword(ctx, token, password)
}
