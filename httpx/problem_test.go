package httpx

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
)

var update = flag.Bool("update", false, "write testdata/problems.txt anew")

// every is each error that there is, in the order of testdata/problems.txt.
var every = []struct {
	name string
	err  error
}{
	{"malformed_request", malformed("The body is empty; it must be one JSON object.")},
	{"two Authorization headers", errManyAuthorizations},
	{"missing_token", errMissingToken},
	{"invalid_credentials", kit.ErrInvalidCredentials},
	{"invalid_token", kit.ErrInvalidToken},
	{"invalid_token of accesstoken", accesstoken.ErrInvalid},
	{"expired_token", kit.ErrExpiredToken},
	{"expired_token of accesstoken", accesstoken.ErrExpired},
	{"revoked_token", kit.ErrRevokedToken},
	{"email_not_verified", kit.ErrEmailNotVerified},
	{"account_disabled", kit.ErrAccountDisabled},
	{"insufficient_role", errInsufficientRole},
	{"user_not_found", kit.ErrUserNotFound},
	{"not_found", errNotFound},
	{"method_not_allowed", errMethodNotAllowed},
	{"user_already_exists", kit.ErrUserExists},
	{"request_too_large", errTooLarge},
	{"unsupported_media_type", unsupported("Send application/json, in UTF-8.")},
	{"validation_failed", kit.Invalid("email", kit.CodeInvalidEmail, "must be an email address")},
	{"validation_failed twice", &kit.ValidationError{Fields: []kit.FieldError{{Field: "a", Code: "b", Message: "c"}, {Field: "d", Code: "e", Message: "<f>"}}}},
	{"too_many_requests", kit.ErrTooManyRequests},
	{"too_many_requests for a while", &kit.LimitError{RetryAfter: 90*time.Second + 1}},
	{"too_many_requests for less than a second", &kit.LimitError{}},
	{"email_not_configured", kit.ErrEmailNotConfigured},
	{"service_unavailable", kit.ErrUnavailable},
	{"closed", kit.ErrClosed},
	{"a deadline", context.DeadlineExceeded},
	{"a client that has gone", context.Canceled},
	{"internal_error", errors.New("pq: password of the database")},
	{"a store's own word", kit.ErrConflict},
	{"nil", nil},
	{"the application's own", &Problem{Status: 402, Code: "payment_required", Detail: "Pay first.", RetryAfter: time.Minute}},
	{"the application's own mistake", &Problem{Status: 200, Code: "fine", Detail: "All is well."}},
}

// What clients see of each error, and of the same error wrapped, is testdata/problems.txt,
// to the byte.
func TestProblems(t *testing.T) {
	rg := newRig(t, Options{})
	var got strings.Builder
	for _, e := range every {
		for _, authorization := range []string{"", "Bearer x"} {
			for _, err := range []error{e.err, fmt.Errorf("a store said: %w", e.err)} {
				if e.err == nil && err != nil {
					continue
				}
				r := httptest.NewRequest(http.MethodGet, "/", nil)
				if authorization != "" {
					r.Header.Set("Authorization", authorization)
				}
				w := httptest.NewRecorder()
				rg.WriteError(w, r, err)
				var one strings.Builder
				fmt.Fprintf(&one, "# %s", e.name)
				if authorization != "" {
					one.WriteString(", with a Bearer token")
				}
				fmt.Fprintf(&one, "\n%d", w.Code)
				for _, name := range []string{"WWW-Authenticate", "Retry-After"} {
					if v := w.Header().Get(name); v != "" {
						fmt.Fprintf(&one, "\n%s: %s", name, v)
					}
				}
				fmt.Fprintf(&one, "\n%s\n\n", w.Body)
				if err == e.err {
					got.WriteString(one.String())
				} else if !strings.HasSuffix(got.String(), one.String()) {
					t.Errorf("%s: wrapped it is %s", e.name, one.String())
				}
			}
		}
	}
	const file = "testdata/problems.txt"
	if *update {
		if err := os.WriteFile(file, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("%s says otherwise; got\n%s", file, got.String())
	}
}

// The examples in the OpenAPI document are what the handler really says.
func TestProblemsAreDocumented(t *testing.T) {
	var doc any
	if err := json.Unmarshal(openapi, &doc); err != nil {
		t.Fatal(err)
	}
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
	walk(doc)
	for _, e := range every {
		p := ProblemOf(e.err)
		if !strings.HasPrefix(p.Type, "urn:") || p.Code == codeInsufficientRole {
			continue // the middleware's, and the application's own
		}
		d := documented[p.Code]
		if d == nil || d["type"] != p.Type || d["title"] != p.Title || d["status"] != float64(p.Status) {
			t.Errorf("%s: the document has %v", p.Code, d)
		}
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
