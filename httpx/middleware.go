package httpx

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
)

// Authenticator checks an access token against the user as stored; [kit.Service] is
// one. Its errors are written as [ProblemOf] has them.
type Authenticator interface {
	Authenticate(ctx context.Context, accessToken string) (kit.User, accesstoken.Claims, error)
}

var _ Authenticator = (*kit.Service)(nil)

// identity is what middleware has found out about a request.
type identity struct {
	claims  accesstoken.Claims
	user    kit.User
	hasUser bool
}

type identityKey struct{}

// UserFrom returns the user that [RequireUser] or [RequireVerified] let through, as
// stored when the request came. It is false under [RequireToken], which knows none.
// The user's slices are shared within the request: do not write to them.
func UserFrom(ctx context.Context) (kit.User, bool) {
	id, ok := ctx.Value(identityKey{}).(*identity)
	if !ok || !id.hasUser {
		return kit.User{}, false
	}
	return id.user, true
}

// ClaimsFrom returns the claims of the access token that [RequireToken],
// [RequireUser] or [RequireVerified] let through.
func ClaimsFrom(ctx context.Context) (accesstoken.Claims, bool) {
	id, ok := ctx.Value(identityKey{}).(*identity)
	if !ok {
		return accesstoken.Claims{}, false
	}
	return id.claims, true
}

// RequireToken lets requests through that carry a valid access token in the
// Authorization header, and gives the handler [ClaimsFrom]. It asks no store: it is
// fast, and works in services that have none. The price is a window: after a
// password reset, a deactivation, a change of roles or a logout, a token that was
// handed out before is let through until it expires, which is at most
// kit.Options.AccessTokenTTL, 30 minutes unless set. Where that is too long, use
// [RequireUser].
//
// It answers 401 otherwise, with missing_token, invalid_token or expired_token, and
// 400 for two Authorization headers. It panics when v is nil.
func RequireToken(v *accesstoken.Verifier) func(http.Handler) http.Handler {
	if v == nil {
		panic("httpx: RequireToken needs a Verifier: see kit.Service.Verifier and accesstoken.NewVerifier")
	}
	return require(func(ctx context.Context, token string) (*identity, error) {
		claims, err := v.Verify(token)
		if err != nil {
			return nil, err
		}
		id := &identity{claims: claims}
		if user, ok := UserFrom(ctx); ok && user.ID == claims.Subject {
			id.user, id.hasUser = user, true // RequireUser stands outside
		}
		return id, nil
	})
}

// RequireUser lets requests through that carry a valid access token of a user who
// exists, is active, and whose sessions have not been ended since by a reset, a change
// of password or a deactivation; it gives the handler [UserFrom] and [ClaimsFrom]. It
// costs one look-up of the user.
//
// It answers otherwise 401 with missing_token, invalid_token, expired_token or
// revoked_token, 403 with account_disabled, 503 when the store does not answer, and 400
// for two Authorization headers. It panics when a is nil.
func RequireUser(a Authenticator) func(http.Handler) http.Handler {
	return requireUser("RequireUser", a, func(kit.User) error { return nil })
}

// RequireVerified is [RequireUser], and answers 403 with email_not_verified to a user
// whose address is not verified. It stands alone, not inside a RequireUser.
func RequireVerified(a Authenticator) func(http.Handler) http.Handler {
	return requireUser("RequireVerified", a, func(u kit.User) error {
		if !u.Verified {
			return kit.ErrEmailNotVerified
		}
		return nil
	})
}

func requireUser(name string, a Authenticator, check func(kit.User) error) func(http.Handler) http.Handler {
	if svc, ok := a.(*kit.Service); a == nil || ok && svc == nil {
		panic("httpx: " + name + " needs a kit.Service")
	}
	return require(func(ctx context.Context, token string) (*identity, error) {
		user, claims, err := a.Authenticate(ctx, token)
		if err == nil {
			err = check(user)
		}
		return &identity{claims, user, true}, err
	})
}

// require is the middleware that lets a request through when identify, given its
// access token, says whose it is.
func require(identify func(ctx context.Context, token string) (*identity, error)) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var id *identity
			err := guard(func() error {
				token, err := bearerToken(r.Header)
				if err == nil {
					id, err = identify(r.Context(), token)
				}
				return err
			})
			if err != nil {
				standalone().write(w, r, err, true)
				return
			}
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), identityKey{}, id)))
		})
	}
}

// errNoIdentity is a mistake in the wiring, which must not open a route.
var errNoIdentity = errors.New("httpx: RequireRole must stand inside RequireUser, RequireVerified or RequireToken, as in RequireUser(svc)(RequireRole(\"admin\")(handler))")

// RequireRole lets users through who have at least one of the roles, exactly as
// spelled, and answers 403 with insufficient_role to others. It stands inside
// [RequireUser] or [RequireVerified], and then looks at the roles that the user has now;
// or inside [RequireToken], and then at the roles when the token was made:
//
//	httpx.RequireUser(svc)(httpx.RequireRole("admin", "support")(handler))
//
// Inside neither it lets nobody through: it answers 500, and the log says why. It
// panics when there are no roles, or an empty one.
func RequireRole(roles ...string) func(http.Handler) http.Handler {
	if len(roles) == 0 || slices.Contains(roles, "") {
		panic("httpx: RequireRole needs at least one role, and none that is empty")
	}
	roles = slices.Clone(roles)
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			id, ok := r.Context().Value(identityKey{}).(*identity)
			if !ok {
				standalone().write(w, r, errNoIdentity, true)
				return
			}
			has := id.claims.Roles
			if id.hasUser {
				has = id.user.Roles
			}
			if !slices.ContainsFunc(roles, func(role string) bool { return slices.Contains(has, role) }) {
				standalone().write(w, r, errInsufficientRole, true)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}
