package httpx

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/throttle"
)

// The WWW-Authenticate headers of a problem.
const (
	challengeNone   = iota
	challengeRealm  // names the realm
	challengeToken  // and, for a token in the Authorization header, the error
	challengeScope  // names the realm and insufficient_scope
	challengeRecent // asks for a recent login (RFC 9470)
)

// every is each error that there is.
var every = []struct {
	name       string
	err        error
	status     int
	code       string
	challenge  int
	retryAfter string
}{
	{"malformed_request", malformed("The request body is empty. Send a JSON object."), 400, "malformed_request", challengeNone, ""},
	{"two Authorization headers", errManyAuthorizations, 400, "malformed_request", challengeNone, ""},
	{"missing_token", errMissingToken, 401, "missing_token", challengeRealm, ""},
	{"invalid_credentials", kit.ErrInvalidCredentials, 401, "invalid_credentials", challengeRealm, ""},
	{"invalid_token", kit.ErrInvalidToken, 401, "invalid_token", challengeToken, ""},
	{"invalid_token of accesstoken", accesstoken.ErrInvalid, 401, "invalid_token", challengeToken, ""},
	{"expired_token", kit.ErrExpiredToken, 401, "expired_token", challengeToken, ""},
	{"expired_token of accesstoken", accesstoken.ErrExpired, 401, "expired_token", challengeToken, ""},
	{"revoked_token", kit.ErrRevokedToken, 401, "revoked_token", challengeToken, ""},
	{"invalid_code", kit.ErrInvalidCode, 401, "invalid_code", challengeRealm, ""},
	{"reauthentication_required", kit.ErrReauthenticationRequired, 401, "reauthentication_required", challengeRecent, ""},
	{"mfa_required", &kit.MFARequired{Token: "myauth_mf_x", Methods: []string{"totp"}, ExpiresIn: 10 * time.Minute}, 403, "mfa_required", challengeNone, ""},
	{"mfa_required of another door", kit.ErrMFARequired, 403, "mfa_required", challengeNone, ""},
	{"already_enrolled", kit.ErrAlreadyEnrolled, 409, "already_enrolled", challengeNone, ""},
	{"no such factor", kit.ErrNotEnrolled, 404, "not_found", challengeNone, ""},
	{"email_not_verified", kit.ErrEmailNotVerified, 403, "email_not_verified", challengeNone, ""},
	{"account_disabled", kit.ErrAccountDisabled, 403, "account_disabled", challengeNone, ""},
	{"insufficient_role", errInsufficientRole, 403, "insufficient_role", challengeScope, ""},
	{"user_not_found", kit.ErrUserNotFound, 404, "user_not_found", challengeNone, ""},
	{"not_found", errNotFound, 404, "not_found", challengeNone, ""},
	{"method_not_allowed", errMethodNotAllowed, 405, "method_not_allowed", challengeNone, ""},
	{"user_already_exists", kit.ErrUserExists, 409, "user_already_exists", challengeNone, ""},
	{"request_too_large", errTooLarge, 413, "request_too_large", challengeNone, ""},
	{"unsupported_media_type", unsupported("Send application/json, in UTF-8."), 415, "unsupported_media_type", challengeNone, ""},
	{"validation_failed", kit.Invalid("email", kit.CodeInvalidEmail, "must be <an> address"), 422, "validation_failed", challengeNone, ""},
	{"too_many_requests", throttle.ErrTooManyRequests, 429, "too_many_requests", challengeNone, "1"},
	{"too_many_requests for a while", &throttle.LimitError{RetryAfter: 90*time.Second + 1}, 429, "too_many_requests", challengeNone, "91"},
	{"too_many_requests for ever", &throttle.LimitError{RetryAfter: math.MaxInt64}, 429, "too_many_requests", challengeNone, "9223372037"},
	{"too_many_requests for less than a second", &throttle.LimitError{}, 429, "too_many_requests", challengeNone, "1"},
	{"email_not_configured", kit.ErrEmailNotConfigured, 501, "email_not_configured", challengeNone, ""},
	{"service_unavailable", kit.ErrUnavailable, 503, "service_unavailable", challengeNone, "1"},
	{"closed", kit.ErrClosed, 503, "service_unavailable", challengeNone, "1"},
	{"a deadline", context.DeadlineExceeded, 503, "service_unavailable", challengeNone, "1"},
	{"a client that has gone", context.Canceled, 503, "service_unavailable", challengeNone, "1"},
	{"internal_error", errors.New("pq: password of the database"), 500, "internal_error", challengeNone, ""},
	{"an error between kit and a store", kit.ErrConflict, 500, "internal_error", challengeNone, ""},
	{"nil", nil, 500, "internal_error", challengeNone, ""},
	{"the application's own", &kit.Problem{Type: "urn:myauth:error:payment_required", Status: 402, Code: "payment_required", Detail: "Pay first.", RetryAfter: time.Minute}, 402, "payment_required", challengeNone, "60"},
	{"the application's own mistake", &kit.Problem{Status: 200, Code: "fine", Detail: "All is well."}, 500, "internal_error", challengeNone, ""},
}

// Each error, and the same one wrapped, becomes one problem, with and without a token in
// the Authorization header.
func TestProblems(t *testing.T) {
	rg := newRig(t, Options{})
	for _, e := range every {
		for _, authorization := range []string{"", "Bearer x"} {
			for _, err := range []error{e.err, fmt.Errorf("a store said: %w", e.err)} {
				r := httptest.NewRequest(http.MethodGet, "/", nil)
				if authorization != "" {
					r.Header.Set("Authorization", authorization)
				}
				w := httptest.NewRecorder()
				rg.WriteError(w, r, err)
				p := wantProblem(t, w, e.status, e.code)
				challenge := map[int]string{
					challengeRealm: `Bearer realm="MyAuth"`, challengeToken: `Bearer realm="MyAuth"`,
					challengeScope:  `Bearer realm="MyAuth", error="insufficient_scope"`,
					challengeRecent: `Bearer realm="MyAuth", error="insufficient_user_authentication", max_age="600"`,
				}[e.challenge]
				if e.challenge == challengeToken && authorization != "" {
					challenge += `, error="invalid_token", error_description="` + p.Detail + `"`
				}
				if got := w.Header().Get("WWW-Authenticate"); got != challenge {
					t.Errorf("%s: challenge %q, want %q", e.name, got, challenge)
				}
				if got := w.Header().Get("Retry-After"); got != e.retryAfter {
					t.Errorf("%s: Retry-After %q, want %q", e.name, got, e.retryAfter)
				}
				if strings.Contains(w.Body.String(), "pq:") || strings.Contains(w.Body.String(), "store said") {
					t.Errorf("%s: the answer shows the error: %s", e.name, w.Body)
				}
				if _, ok := e.err.(*kit.MFARequired); ok && !strings.Contains(w.Body.String(), `"code":"mfa_required","expires_in":600,"methods":["totp"],"mfa_token":"myauth_mf_x"}`) {
					t.Errorf("%s: %s", e.name, w.Body)
				}
				if len(p.Errors) > 0 && !strings.Contains(w.Body.String(), `"errors":[{"field":"email","code":"invalid_email","message":"must be <an> address"}]`) {
					t.Errorf("%s: %s", e.name, w.Body)
				}
			}
		}
	}
}

// The examples in the OpenAPI document are what the handler really says.
func TestProblemsAreDocumented(t *testing.T) {
	doc := served(t, newRig(t, Options{}, withProbes(probe{"pin", kit.Extension{Factor: crashing{}}})).Handler)
	documented := map[string]map[string]any{}
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if code, ok := v["code"].(string); ok && v["title"] != nil && v["status"] != nil {
				documented[code] = v
			}
			for _, w := range v {
				walk(w)
			}
		case []any:
			for _, w := range v {
				walk(w)
			}
		}
	}
	walk(any(doc))
	for _, e := range every {
		p := ProblemOf(e.err)
		if p.Code == codeInsufficientRole || p.Code == "payment_required" {
			continue // the middleware's, and the application's own
		}
		d := documented[p.Code]
		if d == nil || d["type"] != p.Type || d["title"] != p.Title || d["status"] != float64(p.Status) {
			t.Errorf("%s: the document has %v", p.Code, d)
		}
	}
}

// A resource server has no Service that says how old a login may be.
func TestReauthenticationAtAResourceServer(t *testing.T) {
	server, err := NewMiddleware(newRig(t, Options{}).svc.Verifier(), nil)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	server.WriteError(w, httptest.NewRequest(http.MethodGet, "/", nil), kit.ErrReauthenticationRequired)
	if got := w.Header().Get("WWW-Authenticate"); got != `Bearer realm="MyAuth", error="insufficient_user_authentication"` {
		t.Errorf("got challenge %s", got)
	}
}

// The description in a challenge is quoted, whatever an application's problem says.
func TestChallengeOfAStrangeProblem(t *testing.T) {
	rg := newRig(t, Options{})
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Authorization", "Bearer x")
	w := httptest.NewRecorder()
	rg.WriteError(w, r, kit.NewProblem(401, "invalid_token", "x", `a "quoted" word`))
	if got := w.Header().Get("WWW-Authenticate"); got != `Bearer realm="MyAuth"` {
		t.Errorf("got challenge %s", got)
	}
}

// A write of the application's that an error replaces leaves nothing behind.
func TestWriteErrorReplacesHeaders(t *testing.T) {
	w := httptest.NewRecorder()
	w.Header().Set("Content-Type", "text/csv")
	w.Header().Set("Content-Length", "7")
	w.Header().Set("Content-Encoding", "gzip")
	w.Header().Set("ETag", `"x"`)
	w.Header().Set("Cache-Control", "public, max-age=60")
	w.Header().Set("X-Request-Id", "1")
	newRig(t, Options{}).WriteError(w, httptest.NewRequest(http.MethodGet, "/", nil), kit.ErrUserNotFound)
	wantProblem(t, w, http.StatusNotFound, "user_not_found")
	if h := w.Header(); h["Content-Encoding"] != nil || h["Etag"] != nil || h.Get("X-Request-Id") != "1" || h.Get("Content-Length") != fmt.Sprint(w.Body.Len()) {
		t.Errorf("got %v", h)
	}
}
