package httpx

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"myauth.internal/kit"
)

// login is POST /login, in JSON or as a form, whose username is the email. With a
// grant_type in the form it is a token endpoint of OAuth 2.0 for the password grant and
// the refresh of its tokens (RFC 6749, sections 4.3.2 and 6), so that the tools of that
// flow need one URL only. There are no clients to tell apart and no scopes: client_id,
// client_secret, scope and client credentials in the Authorization header are ignored.
func (h *Handler) login(ctx context.Context, c call) (answer reply, err error) {
	if !c.body.isGrant() {
		return h.loginWithPassword(ctx, c)
	}
	kind, err := c.body.one(field{name: "grant_type"})
	if err != nil {
		return reply{}, err
	}
	switch kind {
	case "password":
		answer, err = h.loginWithPassword(ctx, c)
	case "refresh_token":
		answer, err = h.refresh(ctx, c)
	default:
		err = errUnsupportedGrant
	}
	answer.pragma = noCache
	return answer, err
}

func (h *Handler) loginWithPassword(ctx context.Context, c call) (reply, error) {
	var email, password string
	name := "email"
	if c.body.form != nil {
		name = "username"
	}
	if err := c.body.decode([]field{{name: name, text: &email}, {name: "password", text: &password}}, nil); err != nil {
		return reply{}, err
	}
	return tokensReply(h.svc.Login(ctx, email, password))
}

// refresh is POST /refresh.
func (h *Handler) refresh(ctx context.Context, c call) (reply, error) {
	token, err := c.body.one(field{name: "refresh_token"})
	if err != nil {
		return reply{}, err
	}
	return tokensReply(h.svc.Refresh(ctx, token))
}

// logout is POST /logout.
func (h *Handler) logout(ctx context.Context, c call) (reply, error) {
	token, err := c.body.one(field{name: "refresh_token"})
	if err != nil {
		return reply{}, err
	}
	return done(), h.svc.Logout(ctx, token)
}

// tokensReply builds the token response (RFC 6749, section 5.1, and the user). The
// tokens are of characters that need no escaping in JSON.
func tokensReply(t kit.TokenPair, err error) (reply, error) {
	if err != nil {
		return reply{}, err
	}
	b := make([]byte, 0, 640+len(t.AccessToken)+len(t.RefreshToken)+len(t.User.Settings))
	b = append(b, `{"access_token":"`...)
	b = append(b, t.AccessToken...)
	b = append(b, `","token_type":"bearer","expires_in":`...)
	b = appendSeconds(b, t.ExpiresIn)
	b = append(b, `,"refresh_token":"`...)
	b = append(b, t.RefreshToken...)
	b = append(b, `","refresh_token_expires_in":`...)
	b = appendSeconds(b, t.RefreshTokenExpiresIn)
	b = append(b, `,"user":`...)
	b, err = t.User.AppendJSON(b)
	return reply{status: http.StatusOK, body: append(b, '}')}, err
}

// appendSeconds rounds down: a client that waits until then is not too late.
func appendSeconds(b []byte, d time.Duration) []byte {
	return strconv.AppendInt(b, int64(d/time.Second), 10)
}

// noCache is the Pragma header of the answers of a token endpoint (RFC 6749, section 5.1).
const noCache = "no-cache"

// grantError is an error that is answered in the terms of RFC 6749, section 5.2.
type grantError struct{ err error }

func (e *grantError) Error() string { return e.err.Error() }
func (e *grantError) Unwrap() error { return e.err }

// grantProblem returns p as a token endpoint says it: with status 400 and one of the
// error codes of section 5.2 for what the client can change. Section 5.2 has nothing for
// faults of the server: these keep their status, so that Retry-After goes with it, and
// have the codes of section 4.1.2.1.
func grantProblem(p Problem) Problem {
	g := Problem{Status: http.StatusBadRequest, Detail: p.Detail, RetryAfter: p.RetryAfter}
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
func encodeGrantError(p Problem) []byte {
	body := struct {
		Error       string `json:"error"`
		Description string `json:"error_description,omitempty"`
	}{p.Code, p.Detail}
	if !quotable(body.Description) {
		body.Description = ""
	}
	return encode(body)
}
