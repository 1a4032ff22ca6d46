package httpx

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"myauth.internal/kit"
)

// login is POST /login, in JSON or as a form, whose username is the email. A form with a
// grant_type makes it the token endpoint of OAuth 2.0.
func (h *handler) login(ctx context.Context, c content) (reply, error) {
	if c.grant {
		return h.grant(ctx, c)
	}
	return h.loginWithPassword(ctx, c)
}

func (h *handler) loginWithPassword(ctx context.Context, c content) (reply, error) {
	var email, password string
	name := "email"
	if c.form {
		name = "username"
	}
	if err := c.require([]field{{name: name, text: &email}, {name: "password", text: &password}}); err != nil {
		return reply{}, err
	}
	return tokensReply(h.svc.Login(ctx, email, password))
}

// refresh is POST /refresh.
func (h *handler) refresh(ctx context.Context, c content) (reply, error) {
	var token string
	if err := c.require([]field{{name: "refresh_token", text: &token}}); err != nil {
		return reply{}, err
	}
	return tokensReply(h.svc.Refresh(ctx, token))
}

// logout is POST /logout.
func (h *handler) logout(ctx context.Context, c content) (reply, error) {
	var token string
	if err := c.require([]field{{name: "refresh_token", text: &token}}); err != nil {
		return reply{}, err
	}
	return done(), h.svc.Logout(ctx, token)
}

// tokensReply builds the token response (RFC 6749, section 5.1, and the user). The
// tokens are of characters that JSON takes as they are.
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
