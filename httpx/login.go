package httpx

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"myauth.internal/httpx/cookie"
	"myauth.internal/kit"
)

// login is POST /login, in JSON or as a form, whose username is the email. With a
// grant_type in the form it is a token endpoint of OAuth 2.0 for the password grant and
// the refresh of its tokens (RFC 6749, sections 4.3.2 and 6), so that the tools of that
// flow need one URL only. There are no clients to tell apart and no scopes: client_id,
// client_secret, scope and client credentials in the Authorization header are ignored.
func (h *Handler) login(ctx context.Context, r kit.Request) (kit.Answer, error) {
	if !isGrant(r.Body) {
		return h.loginWithPassword(ctx, r)
	}
	kind, err := r.Body.One(kit.Field{Name: "grant_type"})
	if err != nil {
		return kit.Answer{}, err
	}
	switch kind {
	case "password":
		return h.loginWithPassword(ctx, r)
	case "refresh_token":
		return h.refresh(ctx, r)
	default:
		return kit.Answer{}, errUnsupportedGrant
	}
}

func (h *Handler) loginWithPassword(ctx context.Context, r kit.Request) (kit.Answer, error) {
	var email, password, device string
	fields := []kit.Field{{Name: "email", Text: &email}, {Name: "password", Text: &password}}
	if r.Body.Form != nil {
		fields[0].Name = "username"
	} else if !h.options.Cookies {
		fields = append(fields, kit.Field{Name: "device_token", Text: &device, Optional: true, Empty: true})
	}
	if err := r.Body.Decode(fields, nil); err != nil {
		return kit.Answer{}, err
	}
	if device != "" {
		ctx = kit.WithDevice(ctx, device)
	}
	tokens, err := h.svc.Login(ctx, email, password)
	return kit.Answer{Tokens: tokens}, err
}

// refresh is POST /refresh.
func (h *Handler) refresh(ctx context.Context, r kit.Request) (kit.Answer, error) {
	token, err := h.refreshToken(r)
	if err != nil {
		return kit.Answer{}, err
	}
	tokens, err := h.svc.Refresh(ctx, token)
	return kit.Answer{Tokens: tokens, SignedOut: over(err)}, err
}

// refreshToken returns the refresh token of the body, or in cookie mode that of the cookie.
func (h *Handler) refreshToken(r kit.Request) (string, error) {
	if !h.options.Cookies {
		return r.Body.One(kit.Field{Name: "refresh_token"})
	}
	if token := r.CookieValue(cookie.Refresh); token != "" {
		return token, nil
	}
	return "", errNotSignedIn
}

// logout is POST /logout.
func (h *Handler) logout(ctx context.Context, r kit.Request) (kit.Answer, error) {
	token, err := h.refreshToken(r)
	if err == nil {
		err = h.svc.Logout(ctx, token)
	}
	return signedOut(ignore(err, errNotSignedIn))
}

// signedOut is the answer of a route that ends the session of its request, unless err says that
// it may not have.
func signedOut(err error) (kit.Answer, error) {
	return kit.Answer{Status: http.StatusNoContent, SignedOut: err == nil}, err
}

func ignore(err, ignored error) error {
	if errors.Is(err, ignored) {
		return nil
	}
	return err
}

// noCache is the Pragma header of the answers of a token endpoint (RFC 6749, section 5.1).
const noCache = "no-cache"

// isGrant reports whether b is a form with a grant_type, whose errors have the shape of
// RFC 6749. A parameter without a value counts as left out (section 3.2).
func isGrant(b kit.Body) bool { return b.Form["grant_type"] != "" }

// grantError is an error that is answered in the terms of RFC 6749, section 5.2.
type grantError struct{ err error }

func (e *grantError) Error() string { return e.err.Error() }
func (e *grantError) Unwrap() error { return e.err }

// grantProblem returns p as a token endpoint says it: with status 400 and one of the
// error codes of section 5.2 for what the client can change. Section 5.2 has nothing for
// faults of the server: these keep their status, so that Retry-After goes with it, and
// have the codes of section 4.1.2.1.
func grantProblem(p kit.Problem) kit.Problem {
	g := kit.Problem{Status: http.StatusBadRequest, Detail: p.Detail, RetryAfter: p.RetryAfter}
	switch {
	case p.Status == http.StatusTooManyRequests, p.Status == http.StatusServiceUnavailable:
		g.Status, g.Code = p.Status, "temporarily_unavailable"
	case p.Status >= http.StatusInternalServerError:
		g.Status, g.Code = p.Status, "server_error"
	case p.Code == errUnsupportedGrant.Code:
		g.Code = p.Code
	case p.Status == http.StatusBadRequest, p.Status == http.StatusUnprocessableEntity:
		g.Code = "invalid_request"
	default:
		g.Code = "invalid_grant"
	}
	if p.Code == codeMFARequired {
		g.Detail = "The account needs a second factor, which this grant has no place for. Log in with JSON."
	}
	if len(p.Errors) > 0 {
		var parts []string
		for _, f := range p.Errors {
			parts = append(parts, f.Field+" "+f.Message+".")
		}
		g.Detail = strings.Join(parts, " ")
	}
	return g
}

// encodeGrantError returns the body of section 5.2. A description with characters that
// it does not allow, which only an application's own errors can have, is left out.
func encodeGrantError(p kit.Problem) []byte {
	body := struct {
		Error       string `json:"error"`
		Description string `json:"error_description,omitempty"`
	}{p.Code, p.Detail}
	if !quotable(body.Description) {
		body.Description = ""
	}
	encoded, err := encode(body)
	if err != nil {
		panic(err) // two strings
	}
	return encoded
}
