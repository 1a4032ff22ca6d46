package httpx

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/password"
)

// register is POST /register. Where accounts are concealed, a taken address gets
// the answer of a free one.
func (h *Handler) register(ctx context.Context, r kit.Request) (kit.Answer, error) {
	if h.svc.Registration() != kit.RegistrationOpen { // whatever is in the body
		return kit.Answer{}, kit.ErrRegistrationClosed
	}
	var in kit.Registration
	fields := []kit.Field{
		{Name: "email", Text: &in.Email, Empty: true},
		{Name: "username", Text: &in.Username, Empty: true},
		{Name: "password", Text: (*string)(&in.Password), Empty: true},
		{Name: "user_settings", Object: &in.Settings, Optional: true},
	}
	if err := r.Body.Decode(fields, func() error { return h.svc.ValidateRegistration(ctx, in) }); err != nil {
		return kit.Answer{}, err
	}
	user, err := h.svc.Register(ctx, in)
	if h.svc.ConcealsAccounts() && (err == nil || errors.Is(err, kit.ErrUserExists)) {
		return kit.Accepted(), nil
	}
	if err != nil {
		return kit.Answer{}, err
	}
	a, err := userAnswer(http.StatusCreated, user)
	a.Location = h.options.PublicPrefix + "/me"
	return a, err
}

// requestPasswordReset is POST /password-reset-request.
func (h *Handler) requestPasswordReset(ctx context.Context, r kit.Request) (kit.Answer, error) {
	email, err := r.Body.One(kit.Field{Name: "email", Empty: true})
	if err != nil {
		return kit.Answer{}, err
	}
	return kit.Accepted(), h.svc.RequestPasswordReset(ctx, email)
}

// resetPassword is POST /password-reset.
func (h *Handler) resetPassword(ctx context.Context, r kit.Request) (kit.Answer, error) {
	var token, newPassword string
	fields := []kit.Field{
		{Name: "token", Text: &token},
		{Name: "new_password", Text: &newPassword, Empty: true},
	}
	rules := func() error { return h.svc.ValidatePassword(password.WithDraft(ctx), "new_password", newPassword) }
	if err := r.Body.Decode(fields, rules); err != nil {
		return kit.Answer{}, err
	}
	return kit.Done(), h.svc.ResetPassword(ctx, token, newPassword)
}

// requestEmailVerification is POST /verify-email-request.
func (h *Handler) requestEmailVerification(ctx context.Context, r kit.Request) (kit.Answer, error) {
	email, err := r.Body.One(kit.Field{Name: "email", Empty: true})
	if err != nil {
		return kit.Answer{}, err
	}
	return kit.Accepted(), h.svc.RequestEmailVerification(ctx, email)
}

// verifyEmail is POST /verify-email.
func (h *Handler) verifyEmail(ctx context.Context, r kit.Request) (kit.Answer, error) {
	token, err := r.Body.One(kit.Field{Name: "token"})
	if err != nil {
		return kit.Answer{}, err
	}
	return kit.Done(), h.svc.VerifyEmail(ctx, token)
}

// denyEmail is POST /verify-email/deny.
func (h *Handler) denyEmail(ctx context.Context, r kit.Request) (kit.Answer, error) {
	token, err := r.Body.One(kit.Field{Name: "token"})
	if err != nil {
		return kit.Answer{}, err
	}
	return kit.Done(), h.svc.DenyEmail(ctx, token)
}

// me is GET /me: the user of the access token.
func (h *Handler) me(_ context.Context, r kit.Request) (kit.Answer, error) {
	return userAnswer(http.StatusOK, r.User)
}

func userAnswer(status int, u kit.User) (kit.Answer, error) {
	b, err := u.AppendJSON(make([]byte, 0, 512+len(u.Settings)))
	return kit.Answer{Status: status, Body: b}, err
}

// serveOpenAPI is GET /openapi.json.
func (h *Handler) serveOpenAPI(context.Context, kit.Request) (kit.Answer, error) {
	body, err := h.openapi()
	return kit.Answer{Status: http.StatusOK, Body: body}, err
}

// keySetCaching lets others keep a key set, which they fetch often and changes rarely.
var keySetCaching = fmt.Sprintf("public, max-age=%d", int(accesstoken.KeySetMaxAge.Seconds()))

// serveJWKS is GET /.well-known/jwks.json: the public keys, or 304 when the client has
// them already.
func (h *Handler) serveJWKS(_ context.Context, r kit.Request) (kit.Answer, error) {
	keys := h.svc.JWKS()
	sum := sha256.Sum256(keys)
	a := kit.Answer{Status: http.StatusOK, Body: keys, CacheControl: keySetCaching, ETag: `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`}
	if noneMatch(r.HeaderValues("If-None-Match"), a.ETag) {
		a.Status, a.Body = http.StatusNotModified, nil
	}
	return a, nil
}

// noneMatch reports whether the values of If-None-Match name the entity tag etag (RFC
// 9110, section 13.1.2), by weak comparison.
func noneMatch(values []string, etag string) bool {
	for _, v := range values {
		for tag := range strings.SplitSeq(v, ",") {
			if tag = strings.Trim(tag, " \t"); tag == "*" || strings.TrimPrefix(tag, "W/") == etag {
				return true
			}
		}
	}
	return false
}
