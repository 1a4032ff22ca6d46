package httpx

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
)

// Problem is an error as clients see it: problem details (RFC 9457) with a code for
// programs. A pointer to one is an error too, which [Middleware.WriteError] writes as it
// is, so an application's handlers and hooks can refuse requests in the same shape for
// their own reasons.
type Problem struct {
	// Type is a URI for the kind of problem: urn:myauth:error: and the code. Empty
	// means about:blank (RFC 9457, section 4.2.1).
	Type string `json:"type"`
	// Title names the kind of problem; empty means the status's usual text.
	Title string `json:"title"`
	// Status is the HTTP status, 400 to 599.
	Status int `json:"status"`
	// Detail says what is wrong with this request, for people.
	Detail string `json:"detail"`
	// Code says what is wrong, for programs.
	Code string `json:"code"`
	// Errors lists the rules that the input breaks, with validation_failed only.
	Errors []kit.FieldError `json:"errors,omitempty"`
	// RetryAfter is when to try again, rounded up to seconds in the Retry-After
	// header; 0 means no such header.
	RetryAfter time.Duration `json:"-"`
}

// Error names the status, the code and the detail.
func (p *Problem) Error() string { return fmt.Sprintf("httpx: %d %s: %s", p.Status, p.Code, p.Detail) }

// The codes that package httpx adds to those of kit's errors, and the one that it
// looks for.
const (
	codeInvalidToken     = "invalid_token"
	codeExpiredToken     = "expired_token"
	codeRevokedToken     = "revoked_token"
	codeInsufficientRole = "insufficient_role"
	codeInternal         = "internal_error"
)

// unavailableRetry is the Retry-After of an error that has none.
const unavailableRetry = time.Second

func problem(status int, code, title, detail string) *Problem {
	return &Problem{Type: "urn:myauth:error:" + code, Title: title, Status: status, Detail: detail, Code: code}
}

// malformed is a 400 that says what is wrong with the form of the request.
func malformed(detail string) *Problem {
	return problem(http.StatusBadRequest, "malformed_request", "Malformed request", detail)
}

// unsupported is a 415 that says what to send instead.
func unsupported(detail string) *Problem {
	return problem(http.StatusUnsupportedMediaType, "unsupported_media_type", "Unsupported media type", detail)
}

// What no error of kit stands for.
var (
	errMissingToken     = problem(http.StatusUnauthorized, "missing_token", "Missing token", "Send the access token in the header Authorization: Bearer TOKEN.")
	errInsufficientRole = problem(http.StatusForbidden, codeInsufficientRole, "Insufficient role", "This requires a role that the account does not have.")
	errNotFound         = problem(http.StatusNotFound, "not_found", "Not found", "There is no route with this path.")
	errMethodNotAllowed = problem(http.StatusMethodNotAllowed, "method_not_allowed", "Method not allowed", "This route does not accept this method. The Allow header lists those that it does.")
	errTooLarge         = problem(http.StatusRequestEntityTooLarge, "request_too_large", "Request too large", "The request body must be at most 64 KiB.")
	errUnsupportedGrant = problem(http.StatusBadRequest, "unsupported_grant_type", "Unsupported grant type", "The grant_type must be password or refresh_token.")
	errInternal         = problem(http.StatusInternalServerError, codeInternal, "Internal error", "Something went wrong on our side. Please try again later.")
)

var (
	tooManyRequests = problem(http.StatusTooManyRequests, "too_many_requests", "Too many requests", "Too many attempts. Please try again later.")
	unavailable     = problem(http.StatusServiceUnavailable, "service_unavailable", "Service unavailable", "The service is temporarily unavailable. Please try again in a moment.")
	invalidToken    = problem(http.StatusUnauthorized, codeInvalidToken, "Invalid token", "The token is not valid.")
	expiredToken    = problem(http.StatusUnauthorized, codeExpiredToken, "Expired token", "The token has expired.")
)

// known lists what each sentinel becomes. A store that did not answer comes first,
// so that nothing it made impossible to know passes for a refusal.
var known = []struct {
	err     error
	problem *Problem
}{
	{kit.ErrUnavailable, unavailable},
	{context.Canceled, unavailable},
	{context.DeadlineExceeded, unavailable},
	{kit.ErrTooManyRequests, tooManyRequests},
	{kit.ErrInvalidCredentials, problem(http.StatusUnauthorized, "invalid_credentials", "Invalid credentials", "The email address or the password is wrong.")},
	{kit.ErrInvalidToken, invalidToken},
	{accesstoken.ErrInvalid, invalidToken},
	{kit.ErrExpiredToken, expiredToken},
	{accesstoken.ErrExpired, expiredToken},
	{kit.ErrRevokedToken, problem(http.StatusUnauthorized, codeRevokedToken, "Revoked token", "The token has been revoked.")},
	{kit.ErrEmailNotVerified, problem(http.StatusForbidden, "email_not_verified", "Email not verified", "Please verify your email address first.")},
	{kit.ErrAccountDisabled, problem(http.StatusForbidden, "account_disabled", "Account disabled", "This account is disabled.")},
	{kit.ErrUserNotFound, problem(http.StatusNotFound, "user_not_found", "User not found", "There is no such account.")},
	{kit.ErrUserExists, problem(http.StatusConflict, "user_already_exists", "User already exists", "There is already an account with this email address.")},
	{kit.ErrEmailNotConfigured, problem(http.StatusNotImplemented, "email_not_configured", "Email not configured", "This service does not send email.")},
}

// ProblemOf returns err as clients may see it: a [Problem] as it is, each error of
// packages kit and accesstoken by its kind, and a context that has ended as
// service_unavailable. Every other error, nil included, becomes internal_error and shows
// nothing of its text.
func ProblemOf(err error) Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p.complete()
	}
	var invalid *kit.ValidationError
	if errors.As(err, &invalid) {
		return *validationFailed(invalid.Fields)
	}
	var limit *kit.LimitError
	if errors.As(err, &limit) {
		refused := *tooManyRequests
		refused.RetryAfter = max(limit.RetryAfter, time.Second)
		return refused
	}
	for _, k := range known {
		if errors.Is(err, k.err) {
			found := *k.problem
			if found.Status == http.StatusServiceUnavailable || found.Status == http.StatusTooManyRequests {
				found.RetryAfter = unavailableRetry
			}
			return found
		}
	}
	return *errInternal
}

func validationFailed(fields []kit.FieldError) *Problem {
	p := problem(http.StatusUnprocessableEntity, "validation_failed", "Validation failed", "Some fields are not valid. See errors.")
	p.Errors = fields
	return p
}

// retrySeconds is RetryAfter rounded up.
func (p *Problem) retrySeconds() int { return int((p.RetryAfter + time.Second - 1) / time.Second) }

// complete returns p with what an application may leave out.
func (p *Problem) complete() Problem {
	if p.Status < 400 || p.Status > 599 {
		return *errInternal
	}
	c := *p
	if c.Type == "" {
		c.Type = "about:blank"
	}
	if c.Title == "" {
		c.Title = http.StatusText(c.Status)
	}
	return c
}
