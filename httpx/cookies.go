package httpx

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"myauth.internal/httpx/cookie"
	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
)

// Cookie mode: the tokens of a browser are in cookies that no script can read, and in no body.

var errHeaderAndCookie = malformed("Send the access token in the Authorization header or in a cookie, not in both.")

var errCrossOrigin = kit.NewProblem(http.StatusForbidden, "cross_origin", "Cross-origin request", "This request came from a page of another origin, and was refused.")

// sameOrigin refuses a request that a page of another origin makes in a browser's name, which adds
// the cookies.
func (m *Middleware) sameOrigin(r *http.Request) error {
	if m.crossOrigin != nil && m.crossOrigin.Check(r) != nil {
		return errCrossOrigin
	}
	return nil
}

// RequireSameOrigin answers 403 with cross_origin to an unsafe request that a page of another
// origin makes, as [http.CrossOriginProtection] finds it out, but for Options.TrustedOrigins. The
// routes of a Handler in cookie mode, and what its middleware protects, need it no more: it is for
// other forms, such as a login page's. Without Options.Cookies it lets every request through.
func (m *Middleware) RequireSameOrigin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := m.sameOrigin(r); err != nil {
			m.writeError(w, r, err, false)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// accessToken returns the access token of r: that of the Authorization header, or in cookie mode
// of the cookie.
func (m *Middleware) accessToken(r *http.Request) (string, error) {
	if m.crossOrigin == nil {
		return bearerToken(r.Header)
	}
	token := cookie.Get(r, cookie.Access)
	if _, given := r.Header["Authorization"]; given {
		if token != "" || cookie.Get(r, cookie.Refresh) != "" {
			return "", errHeaderAndCookie
		}
		return bearerToken(r.Header)
	}
	if token == "" {
		return "", errMissingToken
	}
	return token, nil
}

// authenticate returns whose access token r carries, or whose token is, if it is not empty. With
// live, its session must not have ended. In cookie mode an access token that is missing or refused
// is renewed.
func (h *Handler) authenticate(ctx context.Context, w http.ResponseWriter, r *http.Request, token string, live bool) (id identity, err error) {
	if token == "" {
		token, err = h.accessToken(r)
	}
	if err == nil {
		id, err = h.identityOf(ctx, token, live)
	}
	if err == nil {
		return id, nil
	}
	if token, err = h.renew(ctx, w, r, err); err != nil {
		return id, err
	}
	return h.identityOf(ctx, token, live)
}

// renew returns a new access token in place of one that is missing or refused, for the reason
// cause, if r has the refresh cookie of a session that lives. Any number of requests at once get
// the same, as [kit.Options].RefreshGrace has it. The cookies of a session that is over are removed;
// an outage leaves them.
func (h *Handler) renew(ctx context.Context, w http.ResponseWriter, r *http.Request, cause error) (string, error) {
	if !h.options.Cookies || r.Header["Authorization"] != nil {
		return "", cause
	}
	refresh := cookie.Get(r, cookie.Refresh)
	if refresh == "" || !renewable(cause) {
		if over(cause) {
			signOut(w, r)
		}
		return "", cause
	}
	tokens, err := h.svc.Refresh(ctx, refresh)
	if err != nil {
		if over(err) {
			signOut(w, r)
		}
		return "", err
	}
	setTokens(w, r, tokens)
	return string(tokens.AccessToken), nil
}

func (h *Handler) identityOf(ctx context.Context, token string, live bool) (identity, error) {
	authenticate := h.svc.Authenticate
	if live {
		authenticate = h.svc.AuthenticateLive
	}
	user, claims, err := authenticate(ctx, token)
	return identity{claims, user, true}, err
}

// refusals are the errors of a token that another may replace.
var refusals = []error{accesstoken.ErrInvalid, accesstoken.ErrExpired, kit.ErrInvalidToken, kit.ErrExpiredToken, kit.ErrRevokedToken}

func isOneOf(err error, list []error) bool {
	return slices.ContainsFunc(list, func(e error) bool { return errors.Is(err, e) })
}

// renewable reports whether a refresh may mend an error of the access token.
func renewable(err error) bool { return errors.Is(err, errMissingToken) || isOneOf(err, refusals) }

// over reports whether an error of a token says that there is no session any more.
func over(err error) bool { return errors.Is(err, kit.ErrAccountDisabled) || isOneOf(err, refusals) }

// sessionOver is what POST /refresh answers when there is no session any more.
type sessionOver struct{ error }

func (e sessionOver) Unwrap() error { return e.error }

// keepTokens puts the tokens of an answer into cookies, and removes those of a session that ended.
func keepTokens(w http.ResponseWriter, r *http.Request, a *kit.Answer) {
	if a.SignedOut {
		signOut(w, r)
	}
	if a.Tokens.AccessToken != "" {
		setTokens(w, r, a.Tokens)
	}
}

// setTokens puts tokens into the cookies of the browser that sent r.
func setTokens(w http.ResponseWriter, r *http.Request, t kit.TokenPair) {
	header := w.Header()
	cookie.Set(header, cookie.New(r, cookie.Access, string(t.AccessToken), t.ExpiresIn, false))
	if t.RefreshToken != "" {
		cookie.Set(header, cookie.New(r, cookie.Refresh, string(t.RefreshToken), t.RefreshTokenExpiresIn, false))
	}
	if t.DeviceToken != "" {
		cookie.Set(header, cookie.New(r, cookie.Device, string(t.DeviceToken), cookie.DeviceMaxAge, false))
	}
}

// signOut removes the cookies of the session, but not that of the device.
func signOut(w http.ResponseWriter, r *http.Request) {
	for _, name := range []string{cookie.Access, cookie.Refresh} {
		cookie.Set(w.Header(), cookie.New(r, name, "", -1, false))
	}
}
