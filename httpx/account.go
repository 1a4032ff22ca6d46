package httpx

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"myauth.internal/kit"
	"myauth.internal/kit/password"
)

// notGiven is what no member of a JSON body is: it is not UTF-8.
const notGiven = "\xff"

// changeProfile is PATCH /me.
func (h *Handler) changeProfile(ctx context.Context, r kit.Request) (kit.Answer, error) {
	username := notGiven
	var settings json.RawMessage
	fields := []kit.Field{
		{Name: "username", Text: &username, Optional: true, Empty: true},
		{Name: "user_settings", Object: &settings, Optional: true},
	}
	profile := func() kit.Profile {
		p := kit.Profile{Settings: settings}
		if username != notGiven {
			p.Username = &username
		}
		return p
	}
	if err := r.Body.Decode(fields, func() error { return h.svc.ValidateProfile(profile()) }); err != nil {
		return kit.Answer{}, err
	}
	u, err := h.svc.ChangeOwnProfile(ctx, r.Claims, profile())
	if err != nil {
		return kit.Answer{}, ownerError(err)
	}
	return userAnswer(http.StatusOK, u)
}

// bearerError is an error about the access token of a request, not about another token.
type bearerError struct{ error }

func (e bearerError) Unwrap() error { return e.error }

// errWrongPassword does not speak of an address, as a login does: whose account it is, is known.
var errWrongPassword = kit.NewProblem(http.StatusUnauthorized, "invalid_credentials", "Invalid credentials", "The current password is wrong.")

// ownerError returns err as a route says it to the account's owner. Where the session or the
// account has ended within the request, or only the route looked at the session, it is the access
// token that is refused.
func ownerError(err error) error {
	switch {
	case errors.Is(err, kit.ErrInvalidCredentials):
		return errWrongPassword
	case errors.Is(err, kit.ErrRevokedToken):
		return bearerError{err}
	case errors.Is(err, kit.ErrUserNotFound):
		return bearerError{kit.ErrRevokedToken}
	}
	return err
}

// deleteAccount is DELETE /me. An account that another request has deleted is as wanted.
func (h *Handler) deleteAccount(ctx context.Context, r kit.Request) (kit.Answer, error) {
	return signedOut(ignore(h.svc.DeleteUser(ctx, r.User.ID), kit.ErrUserNotFound))
}

// changePassword is POST /password-change.
func (h *Handler) changePassword(ctx context.Context, r kit.Request) (kit.Answer, error) {
	var current, newPassword string
	fields := []kit.Field{
		{Name: "current_password", Text: &current},
		{Name: "new_password", Text: &newPassword, Empty: true},
	}
	rules := func() error {
		return h.svc.ValidatePassword(password.WithDraft(ctx), "new_password", newPassword, r.User.Email, r.User.Username)
	}
	if err := r.Body.Decode(fields, rules); err != nil {
		return kit.Answer{}, err
	}
	tokens, err := h.svc.ChangePassword(ctx, r.Claims, current, newPassword)
	return kit.Answer{Tokens: tokens}, ownerError(err)
}

// requestEmailChange is POST /email-change.
func (h *Handler) requestEmailChange(ctx context.Context, r kit.Request) (kit.Answer, error) {
	email, err := r.Body.One(kit.Field{Name: "new_email", Empty: true})
	if err != nil {
		return kit.Answer{}, err
	}
	return kit.Accepted(), ownerError(h.svc.RequestEmailChange(ctx, r.Claims, email))
}

// confirmEmailChange is POST /email-change/confirm.
func (h *Handler) confirmEmailChange(ctx context.Context, r kit.Request) (kit.Answer, error) {
	token, err := r.Body.One(kit.Field{Name: "token"})
	if err != nil {
		return kit.Answer{}, err
	}
	return kit.Done(), h.svc.ConfirmEmailChange(ctx, token)
}

// reauthenticate is POST /reauthenticate: with the password, or with the answer to the second
// factor that was due after it.
func (h *Handler) reauthenticate(ctx context.Context, r kit.Request) (kit.Answer, error) {
	var token, method, state string
	if err := r.Body.Decode([]kit.Field{{Name: "mfa_token", Text: &token, Optional: true, Empty: true}}, nil); err != nil {
		return kit.Answer{}, err
	}
	if token == "" {
		secret, err := r.Body.One(kit.Field{Name: "password"})
		if err != nil {
			return kit.Answer{}, err
		}
		tokens, err := h.svc.Reauthenticate(ctx, r.Claims, secret)
		return kit.Answer{Tokens: tokens}, ownerError(err)
	}
	if err := r.Body.Decode([]kit.Field{{Name: "method", Text: &method}, {Name: "state", Text: &state, Optional: true}}, nil); err != nil {
		return kit.Answer{}, err
	}
	tokens, err := h.svc.ReauthenticateWithFactor(ctx, r.Claims, token, method, state, r.Body)
	return kit.Answer{Tokens: tokens}, err
}
