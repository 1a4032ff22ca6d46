package httpx

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
)

// Middleware protects routes by access tokens alone, without a store. A [Handler] has
// one; a resource server, which has the keys and not the users, makes its own with
// [NewMiddleware]. A zero Middleware panics when it is used.
type Middleware struct {
	verifier *accesstoken.Verifier
	realm    string
	logger   *slog.Logger
	// recentLogin is kit.Options.RecentLogin; zero without a Service.
	recentLogin time.Duration
	crossOrigin *http.CrossOriginProtection // in cookie mode; nil without
}

// NewMiddleware returns the middleware of a resource server:
//
//	verifier, err := accesstoken.NewVerifier(keys, "myauth", "myauth", nil)
//	auth, err := httpx.NewMiddleware(verifier, nil)
//	mux.Handle("GET /prices", auth.RequireToken(prices))
//
// An error names the option that is out of bounds.
func NewMiddleware(v *accesstoken.Verifier, opts *Options) (*Middleware, error) {
	if v == nil {
		return nil, errors.New("httpx: NewMiddleware needs a Verifier: see accesstoken.NewVerifier")
	}
	o, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	m := &Middleware{verifier: v, realm: o.Realm, logger: o.Logger}
	if o.Cookies {
		m.crossOrigin = http.NewCrossOriginProtection()
		for _, origin := range o.TrustedOrigins {
			if err := m.crossOrigin.AddTrustedOrigin(origin); err != nil {
				return nil, fmt.Errorf("httpx: Options.TrustedOrigins: %w", err)
			}
		}
	}
	return m, nil
}

// identity is what middleware has found out about a request.
type identity struct {
	claims  accesstoken.Claims
	user    kit.User
	hasUser bool
}

type identityKey struct{}

// UserFrom returns the user that [Handler.RequireUser], or another middleware that replaces it,
// let through, as stored when the request came. It is false under [Middleware.RequireToken],
// which looks no user up. The user's slices are shared within the request: do not write
// to them.
func UserFrom(ctx context.Context) (kit.User, bool) {
	id, ok := ctx.Value(identityKey{}).(*identity)
	if !ok || !id.hasUser {
		return kit.User{}, false
	}
	return id.user, true
}

// ClaimsFrom returns the claims of the access token that [Middleware.RequireToken],
// [Handler.RequireUser], or another middleware that replaces it, let through.
func ClaimsFrom(ctx context.Context) (accesstoken.Claims, bool) {
	id, ok := ctx.Value(identityKey{}).(*identity)
	if !ok {
		return accesstoken.Claims{}, false
	}
	return id.claims, true
}

// RequireToken lets requests through that carry a valid access token in the
// Authorization header, or with Options.Cookies in a cookie, and gives next [ClaimsFrom]. It asks
// no store, so it renews no session either: it is fast, and works in services that have none. The
// price is a window: after a password reset, a deactivation, a change of roles or a logout, a token that was
// handed out before is accepted until it expires, which is at most
// kit.Options.AccessTokenTTL, 30 minutes unless set. Where that is too long, use
// [Handler.RequireUser].
//
// Otherwise it answers 401 with missing_token, invalid_token or expired_token, and 400 for two
// Authorization headers. With Options.Cookies it and the others here answer 400 for a token in the
// header and one in a cookie, and 403 with cross_origin, as [Middleware.RequireSameOrigin] does.
func (m *Middleware) RequireToken(next http.Handler) http.Handler {
	return m.require(next, func(_ http.ResponseWriter, r *http.Request) (identity, error) {
		claims, err := m.verify(r)
		if err != nil {
			return identity{}, err
		}
		id := identity{claims: claims}
		if user, ok := UserFrom(r.Context()); ok && user.ID == id.claims.Subject {
			id.user, id.hasUser = user, true // RequireUser stands outside
		}
		return id, nil
	})
}

// verify verifies the access token of r, and asks no store.
func (m *Middleware) verify(r *http.Request) (accesstoken.Claims, error) {
	token, err := m.accessToken(r)
	if err != nil {
		return accesstoken.Claims{}, err
	}
	return m.verifier.Verify(token)
}

// RequireUser lets requests through that carry a valid access token of a user who
// exists, is active, and whose sessions have not been ended since by a reset, a change
// of password or a deactivation; it gives next [UserFrom] and [ClaimsFrom]. It costs one
// look-up of the user. It does not see the end of one session: [Handler.RequireLive] does.
//
// Otherwise it answers 401 with missing_token, invalid_token, expired_token or
// revoked_token, 403 with account_disabled, 503 when the store does not answer, and 400
// for two Authorization headers.
func (h *Handler) RequireUser(next http.Handler) http.Handler {
	return h.require(next, h.identifyUser)
}

func (h *Handler) identifyUser(w http.ResponseWriter, r *http.Request) (identity, error) {
	return h.authenticate(r.Context(), w, r, "", false)
}

// RequireLive is [Handler.RequireUser], and also refuses the access tokens of a session that has
// ended, by a logout for example: 401 with revoked_token. The price is a second look-up, the list
// of the user's tokens. It replaces RequireUser; there is no need for both.
func (h *Handler) RequireLive(next http.Handler) http.Handler {
	return h.require(next, h.identifyLive)
}

func (h *Handler) identifyLive(w http.ResponseWriter, r *http.Request) (identity, error) {
	return h.authenticate(r.Context(), w, r, "", true)
}

// RequireRecent is [Handler.RequireLive], and lets only users through whose login is recent
// enough for what could take the account away, as [kit.Service.CheckRecent] says. Others get
// 401 with reauthentication_required, and a WWW-Authenticate header that says how old a login
// may be (RFC 9470). It replaces RequireLive; there is no need for both.
func (h *Handler) RequireRecent(next http.Handler) http.Handler {
	return h.require(next, func(w http.ResponseWriter, r *http.Request) (identity, error) {
		return h.recently(r.Context(), w, r, "")
	})
}

func (h *Handler) recently(ctx context.Context, w http.ResponseWriter, r *http.Request, token string) (identity, error) {
	id, err := h.authenticate(ctx, w, r, token, true)
	if err == nil {
		err = h.svc.CheckRecent(id.user, id.claims)
	}
	return id, err
}

// RequireVerified is [Handler.RequireUser], and answers 403 with email_not_verified to a
// user whose address is not verified. It replaces RequireUser; there is no need for both.
func (h *Handler) RequireVerified(next http.Handler) http.Handler {
	return h.require(next, func(w http.ResponseWriter, r *http.Request) (identity, error) {
		id, err := h.identifyUser(w, r)
		if err == nil && !id.user.Verified {
			err = kit.ErrEmailNotVerified
		}
		return id, err
	})
}

// require hands a request on to next, with its identity, if identify returns no error.
func (m *Middleware) require(next http.Handler, identify func(http.ResponseWriter, *http.Request) (identity, error)) http.Handler {
	return m.requireOr(next, identify, func(w http.ResponseWriter, r *http.Request, err error) { m.writeError(w, r, err, true) })
}

// requireOr is require; an error is written by refuse.
func (m *Middleware) requireOr(next http.Handler, identify func(http.ResponseWriter, *http.Request) (identity, error), refuse func(http.ResponseWriter, *http.Request, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := new(identity)
		err := catchPanic(func() (err error) {
			now := r
			if m.crossOrigin != nil {
				now = afterAnswer(r, w.Header()) // middleware outside may have renewed the session
			}
			if err := m.admit(now, false); err != nil {
				return err
			}
			*id, err = identify(w, now)
			return err
		})
		if err != nil {
			refuse(w, r, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), identityKey{}, id)))
	})
}

// errNoIdentity is a mistake in the wiring, which must not open a route.
var errNoIdentity = errors.New("httpx: RequireRole must stand inside RequireUser, RequireToken or the like, as in auth.RequireUser(auth.RequireRole(\"admin\")(handler))")

// RequireRole lets users through who have at least one of the roles, exactly as
// spelled, and answers 403 with insufficient_role to others. It stands inside
// [Handler.RequireUser], or another middleware that replaces it, and then looks at the roles that
// the user has now; or inside [Middleware.RequireToken], and then at the roles when the token
// was made:
//
//	auth.RequireUser(auth.RequireRole("admin", "support")(handler))
//
// Inside none of them it lets no request through: it answers 500, and the log says why.
// Without roles it lets no user through.
func (m *Middleware) RequireRole(roles ...string) func(http.Handler) http.Handler {
	roles = slices.Clone(roles)
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			id, ok := r.Context().Value(identityKey{}).(*identity)
			if !ok {
				m.writeError(w, r, errNoIdentity, true)
				return
			}
			has := id.claims.Roles
			if id.hasUser {
				has = id.user.Roles
			}
			if !slices.ContainsFunc(roles, func(role string) bool { return slices.Contains(has, role) }) {
				m.writeError(w, r, errInsufficientRole, true)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// errManyAuthorizations: two programs might each use another of the headers.
var errManyAuthorizations = malformed("Send only one Authorization header.")

// bearerToken returns the access token of the Authorization header, and looks
// nowhere else for one (RFC 6750, section 2.1). The scheme's name may be in any case
// (RFC 9110, section 11.1). No header, an empty one, and one of another scheme all
// mean that no token was presented.
func bearerToken(header http.Header) (string, error) {
	values := header["Authorization"]
	switch {
	case len(values) > 1:
		return "", errManyAuthorizations
	case len(values) == 0:
		return "", errMissingToken
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", errMissingToken
	}
	return strings.TrimLeft(token, " "), nil // whatever it is, the verifier checks it
}

func isLetterOrDigit(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}
