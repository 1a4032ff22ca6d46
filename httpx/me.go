package httpx

import (
	"net/http"

	"myauth.internal/kit"
)

// me is GET /me: the user of the access token.
func (h *handler) me(r *http.Request) (reply, error) {
	token, err := bearerToken(r.Header)
	if err != nil {
		return reply{}, err
	}
	user, _, err := h.svc.Authenticate(r.Context(), token)
	if err != nil {
		return reply{}, err
	}
	return userReply(http.StatusOK, user)
}

func userReply(status int, u kit.User) (reply, error) {
	b, err := u.AppendJSON(make([]byte, 0, 512+len(u.Settings)))
	return reply{status: status, body: b}, err
}
