package httpx

import (
	"context"
	"errors"
	"net/http"

	"myauth.internal/kit"
)

// register is POST /register. Where accounts are concealed, a taken address gets
// the answer of a free one.
func (h *handler) register(ctx context.Context, c content) (reply, error) {
	var in kit.Registration
	fields := []field{
		{name: "email", text: &in.Email, empty: true},
		{name: "username", text: &in.Username, empty: true},
		{name: "password", text: (*string)(&in.Password), empty: true},
		{name: "user_settings", object: &in.Settings, optional: true},
	}
	if err := c.decode(fields); err != nil {
		return reply{}, err
	}
	if !complete(fields) {
		return reply{}, merge(fields, h.svc.ValidateRegistration(in))
	}
	user, err := h.svc.Register(ctx, in)
	if h.svc.ConcealsAccounts() && (err == nil || errors.Is(err, kit.ErrUserExists)) {
		return accepted(), nil
	}
	if err != nil {
		return reply{}, err
	}
	a, err := userReply(http.StatusCreated, user)
	a.location = h.public + "/me"
	return a, err
}
