package httpx

import "context"

// requestEmailVerification is POST /verify-email-request.
func (h *handler) requestEmailVerification(ctx context.Context, c content) (reply, error) {
	var email string
	if err := c.require([]field{{name: "email", text: &email, empty: true}}); err != nil {
		return reply{}, err
	}
	return accepted(), h.svc.RequestEmailVerification(ctx, email)
}

// verifyEmail is POST /verify-email.
func (h *handler) verifyEmail(ctx context.Context, c content) (reply, error) {
	var token string
	if err := c.require([]field{{name: "token", text: &token}}); err != nil {
		return reply{}, err
	}
	return done(), h.svc.VerifyEmail(ctx, token)
}

// denyEmail is POST /verify-email/deny.
func (h *handler) denyEmail(ctx context.Context, c content) (reply, error) {
	var token string
	if err := c.require([]field{{name: "token", text: &token}}); err != nil {
		return reply{}, err
	}
	return done(), h.svc.DenyEmail(ctx, token)
}
