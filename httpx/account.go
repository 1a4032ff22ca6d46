package httpx

import (
	"context"
	"errors"
	"net/http"

	"myauth.internal/kit"
	"myauth.internal/kit/password"
)

// changeProfile is PATCH /me. A username that is the present one changes nothing, and so does one
// that is not given.
func (h *Handler) changeProfile(ctx context.Context, r kit.Request) (kit.Answer, error) {
	username := r.User.Username
	var p kit.Profile
	fields := []kit.Field{
		{Name: "username", Text: &username, Optional: true, Empty: true},
		{Name: "user_settings", Object: &p.Settings, Optional: true},
	}
	changed := func() kit.Profile {
		if username != r.User.Username {
			p.Username = &username
		}
		return p
	}
	if err := r.Body.Decode(fields, func() error { return h.svc.ValidateProfile(changed()) }); err != nil {
		return kit.Answer{}, err
	}
	u, err := h.svc.ChangeProfile(ctx, r.User.ID, changed())
	if err != nil {
		return kit.Answer{}, ofBearer(err)
	}
	return userAnswer(http.StatusOK, u)
}

// bearerError is what a route itself found out about the access token of its request.
type bearerError struct{ error }

func (e bearerError) Unwrap() error { return e.error }

// ofBearer says that a refusal of a token by err is about the access token: its session has ended
// within the request, or its account, or the session had ended and only the route looked.
func ofBearer(err error) error {
	if errors.Is(err, kit.ErrUserNotFound) {
		err = kit.ErrRevokedToken
	}
	if errors.Is(err, kit.ErrRevokedToken) {
		err = bearerError{err}
	}
	return err
}

// deleteAccount is DELETE /me. An account that another request has deleted is as wanted.
func (h *Handler) deleteAccount(ctx context.Context, r kit.Request) (kit.Answer, error) {
	err := h.svc.DeleteUser(ctx, r.User.ID)
	if errors.Is(err, kit.ErrUserNotFound) {
		err = nil
	}
	return kit.Done(), err
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
	return kit.Answer{Tokens: tokens}, ofBearer(err)
}

// requestEmailChange is POST /email-change.
func (h *Handler) requestEmailChange(ctx context.Context, r kit.Request) (kit.Answer, error) {
	email, err := r.Body.One(kit.Field{Name: "new_email", Empty: true})
	if err != nil {
		return kit.Answer{}, err
	}
	return kit.Accepted(), ofBearer(h.svc.RequestEmailChange(ctx, r.Claims, email))
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
		return kit.Answer{Tokens: tokens}, ofBearer(err)
	}
	if err := r.Body.Decode([]kit.Field{{Name: "method", Text: &method}, {Name: "state", Text: &state, Optional: true}}, nil); err != nil {
		return kit.Answer{}, err
	}
	tokens, err := h.svc.ReauthenticateWithFactor(ctx, r.Claims, token, method, state, r.Body)
	return kit.Answer{Tokens: tokens}, err
}
