package httpx

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"myauth.internal/httpx/cookie"
	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
)

// Cookie mode: the tokens of a browser are in cookies that no script can read, and in no body.

var errHeaderAndCookie = malformed("Send the access token in the Authorization header or in a cookie, not in both.")

var errNotSignedIn = kit.NewProblem(http.StatusUnauthorized, errMissingToken.Code, errMissingToken.Title, "Please sign in first.")

var errCrossOrigin = kit.NewProblem(http.StatusForbidden, "cross_origin", "Cross-origin request", "This request came from a page of another origin, and was refused.")

// admit refuses, in cookie mode, a request that a page of another origin makes in a browser's
// name, which adds the cookies, unless crossSite allows that; and a request with the tokens of two
// clients, of which two programs might each use another.
func (m *Middleware) admit(r *http.Request, crossSite bool) error {
	if m.crossOrigin == nil {
		return nil
	}
	if !crossSite && m.isForeign(r) {
		return errCrossOrigin
	}
	if _, err := bearerToken(r.Header); err == nil && (cookie.Sent(r, cookie.Access) || cookie.Sent(r, cookie.Refresh)) {
		return errHeaderAndCookie
	}
	return nil
}

// isForeign reports whether a page of another origin makes r, which may change something. A
// WebSocket may, although a GET opens it, and CORS keeps no page from what comes out of one.
func (m *Middleware) isForeign(r *http.Request) bool {
	if opensWebSocket(r) {
		r = r.WithContext(r.Context())
		r.Method = http.MethodPost
	}
	return m.crossOrigin.Check(r) != nil
}

func opensWebSocket(r *http.Request) bool {
	return strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
}

// RequireSameOrigin answers 403 with cross_origin to an unsafe request that a page of another
// origin makes, as [http.CrossOriginProtection] finds it out, but for Options.TrustedOrigins; and to
// the opening of a WebSocket by such a page. It is for forms of the application that neither
// [Handler.Call] a route nor stand behind other middleware of a Handler in cookie mode: these check
// it. Without Options.Cookies it lets every request through.
func (m *Middleware) RequireSameOrigin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := m.admit(r, false); err != nil {
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
	token, err := bearerToken(r.Header)
	if errors.Is(err, errMissingToken) { // of another scheme, a header is somebody else's
		if token, err = cookie.Get(r, cookie.Access), nil; token == "" {
			err = errNotSignedIn
		}
	}
	return token, err
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
	if token, err = h.renew(w, r, err); err != nil {
		return id, err
	}
	return h.identityOf(ctx, token, live)
}

// renew returns a new access token in place of one that is missing or refused, for the reason
// cause, if r has the refresh cookie of a session that lives. Any number of requests at once rotate
// it once, as [kit.Options].RefreshGrace has it. The cookies of a session that is over are removed;
// an outage leaves them.
func (h *Handler) renew(w http.ResponseWriter, r *http.Request, cause error) (string, error) {
	// The answer that opens a WebSocket often loses the cookies: see the package comment.
	if !h.options.Cookies || opensWebSocket(r) {
		return "", cause
	}
	if _, err := bearerToken(r.Header); !errors.Is(err, errMissingToken) {
		return "", cause
	}
	refresh := cookie.Get(r, cookie.Refresh)
	if refresh == "" || !renewable(cause) {
		if over(cause) {
			signOut(w, r)
		}
		return "", cause
	}
	tokens, err := h.svc.Refresh(h.clientContext(r), refresh)
	if err == nil {
		err = setTokens(w, r, tokens)
	} else if over(err) {
		signOut(w, r)
	}
	return string(tokens.AccessToken), err
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

func isRefusal(err error) bool {
	for _, refusal := range refusals {
		if errors.Is(err, refusal) {
			return true
		}
	}
	return false
}

// renewable reports whether a refresh may mend an error of the access token.
func renewable(err error) bool { return errors.Is(err, errNotSignedIn) || isRefusal(err) }

// over reports whether an error of a token says that there is no session any more. An outage
// says nothing, whatever else it made impossible to know.
func over(err error) bool {
	return (errors.Is(err, kit.ErrAccountDisabled) || isRefusal(err)) && !errors.Is(err, kit.ErrUnavailable)
}

// setTokens puts tokens into the cookies of the browser that sent r.
func setTokens(w http.ResponseWriter, r *http.Request, t kit.TokenPair) error {
	if len(cookie.Access)+len(t.AccessToken) > maxCookie {
		return fmt.Errorf("httpx: the access token of user %s is too long for a cookie, so browsers ignore it: the user has too many roles for so long an issuer and audience", t.User.ID)
	}
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	cookie.Set(header, cookie.New(r, cookie.Access, string(t.AccessToken), t.ExpiresIn, false))
	if t.RefreshToken != "" {
		cookie.Set(header, cookie.New(r, cookie.Refresh, string(t.RefreshToken), t.RefreshTokenExpiresIn, false))
	}
	if t.DeviceToken != "" {
		cookie.Set(header, cookie.New(r, cookie.Device, string(t.DeviceToken), cookie.DeviceMaxAge, false))
	}
	return nil
}

// keepSession does with the cookies what an answer, or the error err of its route, says of the
// session. A login ends the session that the browser had before, which nobody could sign out any more
// (ASVS 5.0, 7.2.4). An outage can leave it behind.
func (h *Handler) keepSession(ctx context.Context, w http.ResponseWriter, r *http.Request, a *kit.Answer, err error) error {
	if a.SignedOut {
		signOut(w, r)
	}
	t := a.Tokens
	if err != nil || t.AccessToken == "" {
		return err
	}
	if err := setTokens(w, r, t); err != nil {
		return err
	}
	before := cookie.Get(r, cookie.Refresh)
	if t.RefreshToken != "" && before != "" && !kit.SameSession(before, string(t.RefreshToken)) {
		_ = h.svc.Logout(ctx, before)
	}
	return nil
}

// signOut removes the cookies of the session, but not that of the device.
func signOut(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	for _, name := range []string{cookie.Access, cookie.Refresh} {
		cookie.Set(w.Header(), cookie.New(r, name, "", -1, false))
	}
}

// afterAnswer returns r as its browser would send it after an answer with these headers: with the
// cookies that they set, and without those that they remove.
func afterAnswer(r *http.Request, answer http.Header) *http.Request {
	if len(answer["Set-Cookie"]) == 0 {
		return r
	}
	changed := (&http.Response{Header: answer}).Cookies()
	var all []string
	for _, c := range r.Cookies() {
		if !slices.ContainsFunc(changed, func(other *http.Cookie) bool { return other.Name == c.Name }) {
			all = append(all, c.Name+"="+c.Value)
		}
	}
	for _, c := range changed {
		if c.MaxAge >= 0 {
			all = append(all, c.Name+"="+c.Value)
		}
	}
	later := r.WithContext(r.Context())
	later.Header = r.Header.Clone()
	later.Header.Set("Cookie", strings.Join(all, "; "))
	return later
}
