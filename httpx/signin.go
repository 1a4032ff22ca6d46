package httpx

import (
	"net/http"
	"net/url"
	"strings"

	"myauth.internal/httpx/cookie"
	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
)

// Identify returns who is signed in to a page of the application, and the claims of the session,
// as [Handler.RequireLive] finds it out, and in cookie mode renews the session. The error of a
// request without a session has the status 401 as a [ProblemOf].
func (h *Handler) Identify(w http.ResponseWriter, r *http.Request) (user kit.User, claims accesstoken.Claims, err error) {
	signedIn := func(_ http.ResponseWriter, r *http.Request) {
		user, _ = UserFrom(r.Context())
		claims, _ = ClaimsFrom(r.Context())
	}
	h.requireOr(http.HandlerFunc(signedIn), h.identifyLive, func(_ http.ResponseWriter, _ *http.Request, refused error) { err = refused }).ServeHTTP(w, r)
	return user, claims, err
}

// RequireSignIn is [Handler.RequireLive] for pages: a browser without a session is sent to the
// page signIn, with the address that it wanted as the parameter next, which [cookie.Next] reads.
// What else goes wrong, such as an outage of the store, is shown by fail, which writes the
// whole answer with the status of the problem; nil writes it as JSON. Pages are not cached, so
// that the button "back" shows nothing after a sign-out.
func (h *Handler) RequireSignIn(signIn string, fail func(http.ResponseWriter, *http.Request, kit.Problem)) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Cache-Control", "no-store")
			next.ServeHTTP(w, r)
		})
		return h.requireOr(page, h.identifyLive, func(w http.ResponseWriter, r *http.Request, err error) {
			w.Header().Set("Cache-Control", "no-store")
			p := h.problemOf(r, err)
			switch {
			case p.Status == http.StatusUnauthorized:
				http.Redirect(w, r, signInAddress(signIn, r), http.StatusSeeOther)
			case fail == nil:
				h.writeError(w, r, err, false)
			default:
				fail(w, r, p)
			}
		})
	}
}

// signInAddress adds where a browser wanted to go, if it can go there again.
func signInAddress(signIn string, r *http.Request) string {
	next := cookie.Next(r.URL.RequestURI())
	if r.Method != http.MethodGet && r.Method != http.MethodHead || next == "/" {
		return signIn
	}
	separator := "?"
	if strings.Contains(signIn, "?") {
		separator = "&"
	}
	return signIn + separator + url.Values{"next": {next}}.Encode()
}
