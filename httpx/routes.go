package httpx

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"

	"myauth.internal/kit"
)

// register is POST /register. Where accounts are concealed, a taken address gets
// the answer of a free one.
func (h *Handler) register(ctx context.Context, c call) (reply, error) {
	var in kit.Registration
	fields := []field{
		{name: "email", text: &in.Email, empty: true},
		{name: "username", text: &in.Username, empty: true},
		{name: "password", text: (*string)(&in.Password), empty: true},
		{name: "user_settings", object: &in.Settings, optional: true},
	}
	if err := c.body.decode(fields, func() error { return h.svc.ValidateRegistration(ctx, in) }); err != nil {
		return reply{}, err
	}
	user, err := h.svc.Register(ctx, in)
	if h.svc.ConcealsAccounts() && (err == nil || errors.Is(err, kit.ErrUserExists)) {
		return accepted(), nil
	}
	if err != nil {
		return reply{}, err
	}
	a, err := userReply(http.StatusCreated, user)
	a.location = h.options.PublicPrefix + "/me"
	return a, err
}

// requestPasswordReset is POST /password-reset-request.
func (h *Handler) requestPasswordReset(ctx context.Context, c call) (reply, error) {
	email, err := c.body.one(field{name: "email", empty: true})
	if err != nil {
		return reply{}, err
	}
	return accepted(), h.svc.RequestPasswordReset(ctx, email)
}

// resetPassword is POST /password-reset.
func (h *Handler) resetPassword(ctx context.Context, c call) (reply, error) {
	var token, password string
	fields := []field{
		{name: "token", text: &token},
		{name: "new_password", text: &password, empty: true},
	}
	if err := c.body.decode(fields, func() error { return h.svc.ValidatePassword(ctx, "new_password", password) }); err != nil {
		return reply{}, err
	}
	return done(), h.svc.ResetPassword(ctx, token, password)
}

// requestEmailVerification is POST /verify-email-request.
func (h *Handler) requestEmailVerification(ctx context.Context, c call) (reply, error) {
	email, err := c.body.one(field{name: "email", empty: true})
	if err != nil {
		return reply{}, err
	}
	return accepted(), h.svc.RequestEmailVerification(ctx, email)
}

// verifyEmail is POST /verify-email.
func (h *Handler) verifyEmail(ctx context.Context, c call) (reply, error) {
	token, err := c.body.one(field{name: "token"})
	if err != nil {
		return reply{}, err
	}
	return done(), h.svc.VerifyEmail(ctx, token)
}

// denyEmail is POST /verify-email/deny.
func (h *Handler) denyEmail(ctx context.Context, c call) (reply, error) {
	token, err := c.body.one(field{name: "token"})
	if err != nil {
		return reply{}, err
	}
	return done(), h.svc.DenyEmail(ctx, token)
}

// me is GET /me: the user of the access token.
func (h *Handler) me(_ context.Context, c call) (reply, error) {
	return userReply(http.StatusOK, c.user)
}

func userReply(status int, u kit.User) (reply, error) {
	b, err := u.AppendJSON(make([]byte, 0, 512+len(u.Settings)))
	return reply{status: status, body: b}, err
}

//go:embed openapi.json
var openapi []byte

// openapiDocument returns the OpenAPI document with the paths that they have under
// prefix. In the file each begins a JSON string with /auth/.
func openapiDocument(prefix string) []byte {
	return bytes.ReplaceAll(openapi, []byte(`"/auth/`), []byte(`"`+prefix+`/`))
}

// serveOpenAPI is GET /openapi.json.
func (h *Handler) serveOpenAPI(context.Context, call) (reply, error) {
	return reply{status: http.StatusOK, body: h.openapi}, nil
}

// keySetCaching is for how long a key set may be kept. Resource servers fetch it often
// and it changes rarely; it is public. After publishing a key, wait at least as long
// before signing with it.
const keySetCaching = "public, max-age=300"

// serveJWKS is GET /.well-known/jwks.json: the public keys, or 304 when the client has
// them already.
func (h *Handler) serveJWKS(_ context.Context, c call) (reply, error) {
	keys := h.svc.JWKS()
	sum := sha256.Sum256(keys)
	a := reply{status: http.StatusOK, body: keys, caching: keySetCaching, etag: `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`}
	if noneMatch(c.header["If-None-Match"], a.etag) {
		a.status, a.body = http.StatusNotModified, nil
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
