package httpx

import (
	"context"
	"net/http"
	"net/url"
	"strings"
)

// The values of grant_type that are answered.
const (
	grantPassword = "password"
	grantRefresh  = "refresh_token"
)

// noCache is the Pragma header of the answers of a token endpoint (RFC 6749, section 5.1).
const noCache = "no-cache"

// errUnsupportedGrant is a grant_type that is not answered.
var errUnsupportedGrant = problem(http.StatusBadRequest, "unsupported_grant_type", "Unsupported grant type", "The grant_type must be password or refresh_token.")

// hasGrantType reports whether a form has a grant_type that is not empty: a parameter
// without a value counts as left out (RFC 6749, section 3.2). The rest of the form may
// still be wrong.
func hasGrantType(form []byte) bool {
	for pair := range strings.SplitSeq(string(form), "&") {
		name, value, _ := strings.Cut(pair, "=")
		if name, err := url.QueryUnescape(name); err == nil && name == "grant_type" && value != "" {
			return true
		}
	}
	return false
}

// grant is the token endpoint of OAuth 2.0 for the password grant and the refresh of its
// tokens (RFC 6749, sections 4.3.2 and 6), so that the tools of that flow have the one
// URL that they know. There are no clients to tell apart and no scopes: client_id,
// client_secret, scope and client credentials in the Authorization header are ignored.
func (h *handler) grant(ctx context.Context, c content) (answer reply, err error) {
	var kind string
	if err := c.require([]field{{name: "grant_type", text: &kind}}); err != nil {
		return reply{}, err
	}
	switch kind {
	case grantPassword:
		answer, err = h.loginWithPassword(ctx, c)
	case grantRefresh:
		answer, err = h.refresh(ctx, c)
	default:
		err = errUnsupportedGrant
	}
	answer.pragma = noCache
	return answer, err
}

// grantError is an error that is answered in the terms of RFC 6749, section 5.2.
type grantError struct{ err error }

func (e *grantError) Error() string { return e.err.Error() }
func (e *grantError) Unwrap() error { return e.err }

// grantProblem returns p as a token endpoint says it: with status 400 and one of the
// error codes of section 5.2 for what the client can change. For what it cannot, section
// 5.2 has nothing: the status stays, so that Retry-After goes with it, and the code is the one
// that section 4.1.2.1 has for it.
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
		g.Detail = ""
		for _, f := range p.Errors {
			g.Detail += f.Field + " " + f.Message + ". "
		}
		g.Detail = strings.TrimSuffix(g.Detail, " ")
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
	if strings.ContainsFunc(body.Description, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }) {
		body.Description = ""
	}
	return encode(body)
}
