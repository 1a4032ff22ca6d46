package httpx

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/throttle"
)

// The codes that package httpx adds to those of kit's errors, and the one that it
// looks for.
const (
	codeInvalidToken     = "invalid_token"
	codeExpiredToken     = "expired_token"
	codeRevokedToken     = "revoked_token"
	codeInsufficientRole = "insufficient_role"
	codeReauthentication = "reauthentication_required"
	codeMFARequired      = "mfa_required"
	codeInternal         = "internal_error"
)

// unavailableRetry is the Retry-After of an error that has none.
const unavailableRetry = time.Second

// malformed is a 400 that says what is wrong with the form of the request.
func malformed(detail string) *kit.Problem {
	return kit.NewProblem(http.StatusBadRequest, "malformed_request", "Malformed request", detail)
}

// unsupported is a 415 that says what to send instead.
func unsupported(detail string) *kit.Problem {
	return kit.NewProblem(http.StatusUnsupportedMediaType, "unsupported_media_type", "Unsupported media type", detail)
}

// What no error of kit stands for.
var (
	errMissingToken     = kit.NewProblem(http.StatusUnauthorized, "missing_token", "Missing token", "Send the access token in the header Authorization: Bearer TOKEN.")
	errInsufficientRole = kit.NewProblem(http.StatusForbidden, codeInsufficientRole, "Insufficient role", "This requires a role that the account does not have.")
	errNotFound         = kit.NewProblem(http.StatusNotFound, "not_found", "Not found", "There is no route with this path.")
	errMethodNotAllowed = kit.NewProblem(http.StatusMethodNotAllowed, "method_not_allowed", "Method not allowed", "This route does not accept this method. The Allow header lists those that it does.")
	errTooLarge         = kit.NewProblem(http.StatusRequestEntityTooLarge, "request_too_large", "Request too large", "The request body must be at most 64 KiB.")
	errUnsupportedGrant = kit.NewProblem(http.StatusBadRequest, "unsupported_grant_type", "Unsupported grant type", "The grant_type must be password or refresh_token.")
	errInternal         = kit.NewProblem(http.StatusInternalServerError, codeInternal, "Internal error", "Something went wrong on our side. Please try again later.")
)

var (
	tooManyRequests = kit.NewProblem(http.StatusTooManyRequests, "too_many_requests", "Too many requests", "Too many attempts. Please try again later.")
	unavailable     = kit.NewProblem(http.StatusServiceUnavailable, "service_unavailable", "Service unavailable", "The service is temporarily unavailable. Please try again in a moment.")
	invalidToken    = kit.NewProblem(http.StatusUnauthorized, codeInvalidToken, "Invalid token", "The token is not valid.")
	expiredToken    = kit.NewProblem(http.StatusUnauthorized, codeExpiredToken, "Expired token", "The token has expired.")
	mfaRequired     = kit.NewProblem(http.StatusForbidden, codeMFARequired, "Second factor required", "Complete the login with one of the methods and the mfa_token.")
)

// known lists what each sentinel becomes. A store that did not answer comes first,
// so that nothing it made impossible to know passes for a refusal.
var known = []struct {
	err     error
	problem *kit.Problem
}{
	{kit.ErrUnavailable, unavailable},
	{context.Canceled, unavailable},
	{context.DeadlineExceeded, unavailable},
	{throttle.ErrTooManyRequests, tooManyRequests},
	{kit.ErrInvalidCredentials, kit.NewProblem(http.StatusUnauthorized, "invalid_credentials", "Invalid credentials", "The email address or the password is wrong.")},
	{kit.ErrInvalidToken, invalidToken},
	{accesstoken.ErrInvalid, invalidToken},
	{kit.ErrExpiredToken, expiredToken},
	{accesstoken.ErrExpired, expiredToken},
	{kit.ErrRevokedToken, kit.NewProblem(http.StatusUnauthorized, codeRevokedToken, "Revoked token", "The token has been revoked.")},
	{kit.ErrInvalidCode, kit.NewProblem(http.StatusUnauthorized, "invalid_code", "Invalid code", "The code is wrong or has been used.")},
	{kit.ErrReauthenticationRequired, kit.NewProblem(http.StatusUnauthorized, codeReauthentication, "Reauthentication required", "Please sign in again first, with your second factor if you have one.")},
	{kit.ErrMFARequired, mfaRequired},
	{kit.ErrAlreadyEnrolled, kit.NewProblem(http.StatusConflict, "already_enrolled", "Already enrolled", "This second factor is set up already.")},
	{kit.ErrNotEnrolled, kit.NewProblem(http.StatusNotFound, errNotFound.Code, errNotFound.Title, "There is no such second factor.")},
	{kit.ErrEmailNotVerified, kit.NewProblem(http.StatusForbidden, "email_not_verified", "Email not verified", "Please verify your email address first.")},
	{kit.ErrAccountDisabled, kit.NewProblem(http.StatusForbidden, "account_disabled", "Account disabled", "This account is disabled.")},
	{kit.ErrUserNotFound, kit.NewProblem(http.StatusNotFound, "user_not_found", "User not found", "There is no such account.")},
	{kit.ErrUserExists, kit.NewProblem(http.StatusConflict, "user_already_exists", "User already exists", "There is already an account with this email address.")},
	{kit.ErrEmailNotConfigured, kit.NewProblem(http.StatusNotImplemented, "email_not_configured", "Email not configured", "This service does not send email.")},
}

// ProblemOf returns err as clients may see it: a [kit.Problem] as it is, each error of
// packages kit and accesstoken by its kind, and a context that has ended as
// service_unavailable. Every other error, nil included, becomes internal_error and shows
// nothing of its text.
func ProblemOf(err error) kit.Problem {
	var p *kit.Problem
	if errors.As(err, &p) {
		return complete(*p)
	}
	var invalid *kit.ValidationError
	if errors.As(err, &invalid) {
		return *validationFailed(invalid.Fields)
	}
	var limit *throttle.LimitError
	if errors.As(err, &limit) {
		refused := *tooManyRequests
		refused.RetryAfter = max(limit.RetryAfter, time.Second)
		return refused
	}
	var factor *kit.MFARequired
	if errors.As(err, &factor) {
		due := *mfaRequired
		due.Members = map[string]any{
			"mfa_token": factor.Token, "methods": factor.Methods, "expires_in": int(factor.ExpiresIn / time.Second),
		}
		return due
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

func validationFailed(fields []kit.FieldError) *kit.Problem {
	p := kit.NewProblem(http.StatusUnprocessableEntity, "validation_failed", "Validation failed", "Some fields are not valid. See errors.")
	p.Errors = fields
	return p
}

// seconds rounds up, and returns 0 for what is negative.
func seconds(d time.Duration) int {
	if d <= 0 {
		return 0
	}
	return int((d-1)/time.Second) + 1
}

// complete returns p with what an application may leave out.
func complete(p kit.Problem) kit.Problem {
	if p.Status < 400 || p.Status > 599 {
		return *errInternal
	}
	if p.Type == "" {
		p.Type = "about:blank"
	}
	if p.Title == "" {
		p.Title = http.StatusText(p.Status)
	}
	return p
}

// encodeProblem returns the body of p. Members never replace what every problem has. A
// [kit.Secret] among them is written out: the client needs it.
func encodeProblem(p kit.Problem) ([]byte, error) {
	body, err := encode(struct {
		Type   string           `json:"type"`
		Title  string           `json:"title"`
		Status int              `json:"status"`
		Detail string           `json:"detail"`
		Code   string           `json:"code"`
		Errors []kit.FieldError `json:"errors,omitempty"`
	}{p.Type, p.Title, p.Status, p.Detail, p.Code, p.Errors})
	if err != nil || len(p.Members) == 0 {
		return body, err
	}
	others := map[string]any{}
	for name, value := range p.Members {
		if secret, ok := value.(kit.Secret); ok {
			value = string(secret)
		}
		if !slices.Contains([]string{"type", "title", "status", "detail", "instance", "code", "errors"}, name) {
			others[name] = value
		}
	}
	members, err := encode(others)
	if err != nil {
		return nil, fmt.Errorf("httpx: Problem.Members of %s: %w", p.Code, err)
	}
	return joinObjects(body, members), nil
}
