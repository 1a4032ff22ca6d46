package httpx

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/kittest"
)

// whoami writes what the middleware left in the context.
var whoami = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	user, hasUser := UserFrom(r.Context())
	claims, hasClaims := ClaimsFrom(r.Context())
	fmt.Fprintf(w, "user %v %s %v, claims %v %v", hasUser, user.Username, user.Roles, hasClaims, claims.Roles)
})

func get(h http.Handler, token string) *httptest.ResponseRecorder {
	if token == "" {
		return do(h, http.MethodGet, "/orders", "")
	}
	return do(h, http.MethodGet, "/orders", "", "Authorization", "Bearer "+token)
}

func wantText(t *testing.T, w *httptest.ResponseRecorder, text string) {
	t.Helper()
	if w.Code != http.StatusOK || w.Body.String() != text {
		t.Errorf("got %d %s, want %s", w.Code, w.Body, text)
	}
}

func TestRequireToken(t *testing.T) {
	rg := newRig(t, Options{})
	mux := http.NewServeMux()
	mux.Handle("GET /orders", rg.RequireToken(whoami))
	token := rg.accessToken(t)
	wantText(t, get(mux, token), "user false  [], claims true []")
	wantProblem(t, get(mux, ""), http.StatusUnauthorized, "missing_token")
	w := get(mux, token+"x")
	wantProblem(t, w, http.StatusUnauthorized, "invalid_token")
	if want := `Bearer realm="MyAuth", error="invalid_token", error_description="The token is not valid."`; w.Header().Get("WWW-Authenticate") != want {
		t.Errorf("got challenge %s", w.Header().Get("WWW-Authenticate"))
	}
	wantProblem(t, do(mux, http.MethodGet, "/orders", "", "Authorization", "Bearer x", "Authorization", "Bearer y"), http.StatusBadRequest, "malformed_request")

	t.Run("no store is asked", func(t *testing.T) {
		rg.faults.Inject("*", kittest.Down, -1)
		defer rg.faults.Clear()
		wantText(t, get(mux, token), "user false  [], claims true []")
	})
	t.Run("the window is the token's lifetime", func(t *testing.T) {
		if _, err := rg.svc.Deactivate(t.Context(), rg.user.ID); err != nil {
			t.Fatal(err)
		}
		wantText(t, get(mux, token), "user false  [], claims true []")
		rg.clock.Advance(30 * time.Minute)
		wantProblem(t, get(mux, token), http.StatusUnauthorized, "expired_token")
	})
}

// The middleware of a handler answers in the handler's realm and writes to its log; so
// does that of a resource server, which has no handler.
func TestMiddlewareKeepsRealmAndLogger(t *testing.T) {
	rg := newRig(t, Options{Realm: "The Shop"})
	log := &logs{}
	server, err := NewMiddleware(rg.svc.Verifier(), &Options{Realm: "The Shop", Logger: slog.New(slog.NewJSONHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	bug := errors.New("a bug")
	for name, h := range map[string]http.Handler{
		"RequireUser":     rg.RequireUser(whoami),
		"RequireVerified": rg.RequireVerified(whoami),
		"RequireToken":    rg.RequireToken(whoami),
		"RequireRole":     rg.RequireUser(rg.RequireRole("admin")(whoami)),
		"WriteError":      http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { rg.WriteError(w, r, kit.ErrInvalidToken) }),
		"a server's":      server.RequireToken(server.RequireRole("admin")(whoami)),
	} {
		token := "" // refused by all but a role
		if name == "RequireRole" {
			token = rg.accessToken(t)
		}
		if got := get(h, token).Header().Get("WWW-Authenticate"); !strings.HasPrefix(got, `Bearer realm="The Shop"`) {
			t.Errorf("%s: got challenge %s", name, got)
		}
	}
	for _, m := range []*Middleware{&rg.Middleware, server} {
		m.WriteError(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/orders", nil), bug)
	}
	wantLogged(t, rg.log, bug.Error())
	wantLogged(t, log, bug.Error())
}

func TestRequireUser(t *testing.T) {
	rg := newRig(t, Options{})
	h := rg.RequireUser(whoami)
	token := rg.accessToken(t)
	wantText(t, get(h, token), "user true Ada [], claims true []")
	wantProblem(t, get(h, ""), http.StatusUnauthorized, "missing_token")
	wantProblem(t, get(h, "x.y.z"), http.StatusUnauthorized, "invalid_token")

	t.Run("store down", func(t *testing.T) {
		rg.faults.Inject("*", kittest.Down, -1)
		defer rg.faults.Clear()
		w := get(h, token)
		wantProblem(t, w, http.StatusServiceUnavailable, "service_unavailable")
		if w.Header().Get("Retry-After") != "1" || w.Header()["Www-Authenticate"] != nil {
			t.Errorf("got %v", w.Header())
		}
	})
	t.Run("store panics", func(t *testing.T) {
		rg.faults.Inject("*", kittest.Panic, 1)
		wantProblem(t, get(h, token), http.StatusInternalServerError, "internal_error")
		wantLogged(t, rg.log)
	})
	t.Run("deactivated", func(t *testing.T) {
		if _, err := rg.svc.Deactivate(t.Context(), rg.user.ID); err != nil {
			t.Fatal(err)
		}
		w := get(h, token)
		wantProblem(t, w, http.StatusForbidden, "account_disabled")
		if w.Header()["Www-Authenticate"] != nil {
			t.Errorf("got challenge %v", w.Header())
		}
	})
	t.Run("activated again", func(t *testing.T) {
		if _, err := rg.svc.Activate(t.Context(), rg.user.ID); err != nil {
			t.Fatal(err)
		}
		wantProblem(t, get(h, token), http.StatusUnauthorized, "revoked_token")
	})
}

func TestRequireVerified(t *testing.T) {
	mailer := &kittest.Mailer{}
	rg := newRig(t, Options{}, func(o *kit.Options) { o.Mailer, o.PublicURL = mailer, "https://app.example.com" })
	h := rg.RequireVerified(whoami)
	token := rg.accessToken(t)
	wantProblem(t, get(h, token), http.StatusForbidden, "email_not_verified")
	wantProblem(t, get(h, ""), http.StatusUnauthorized, "missing_token")
	mail, err := mailer.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if w := post(rg, "/auth/verify-email", `{"token":"`+string(mail.Token)+`"}`); w.Code != http.StatusNoContent {
		t.Fatalf("verify: %d %s", w.Code, w.Body)
	}
	wantText(t, get(h, token), "user true Ada [], claims true []")
}

func TestRequireRecent(t *testing.T) {
	rg := newRig(t, Options{}, func(o *kit.Options) { o.RecentLogin = 5 * time.Minute })
	h := rg.RequireRecent(whoami)
	token := rg.accessToken(t)
	wantProblem(t, get(h, ""), http.StatusUnauthorized, "missing_token")
	rg.clock.Advance(5 * time.Minute)
	wantText(t, get(h, token), "user true Ada [], claims true []")
	rg.clock.Advance(time.Second)
	w := get(h, token)
	wantProblem(t, w, http.StatusUnauthorized, "reauthentication_required")
	if want := `Bearer realm="MyAuth", error="insufficient_user_authentication", max_age="300"`; w.Header().Get("WWW-Authenticate") != want {
		t.Errorf("got challenge %s", w.Header().Get("WWW-Authenticate"))
	}
	wantText(t, get(rg.RequireUser(whoami), token), "user true Ada [], claims true []")
	wantText(t, get(h, rg.accessToken(t)), "user true Ada [], claims true []")
	if _, err := rg.svc.Deactivate(t.Context(), rg.user.ID); err != nil {
		t.Fatal(err)
	}
	wantProblem(t, get(h, token), http.StatusForbidden, "account_disabled")
}

// RequireLive sees the end of one session, which RequireUser does not.
func TestRequireLive(t *testing.T) {
	rg := newRig(t, Options{})
	h := rg.RequireLive(whoami)
	token, other := rg.accessToken(t), rg.accessToken(t)
	wantText(t, get(h, token), "user true Ada [], claims true []")
	wantProblem(t, get(h, ""), http.StatusUnauthorized, "missing_token")
	claims, err := rg.svc.Verifier().Verify(token)
	if err != nil {
		t.Fatal(err)
	}
	if err := rg.svc.EndSession(t.Context(), rg.user.ID, claims.SessionID); err != nil {
		t.Fatal(err)
	}
	w := get(h, token)
	wantProblem(t, w, http.StatusUnauthorized, "revoked_token")
	if got := w.Header().Get("WWW-Authenticate"); !strings.Contains(got, `error="invalid_token"`) {
		t.Errorf("got challenge %s", got)
	}
	wantText(t, get(rg.RequireUser(whoami), token), "user true Ada [], claims true []")
	wantText(t, get(h, other), "user true Ada [], claims true []")
	rg.faults.Inject("tokens.ByUser", kittest.Down, 1)
	wantProblem(t, get(h, other), http.StatusServiceUnavailable, "service_unavailable")
	if _, err := rg.svc.Deactivate(t.Context(), rg.user.ID); err != nil {
		t.Fatal(err)
	}
	wantProblem(t, get(h, other), http.StatusForbidden, "account_disabled")
}

// A middleware of the application's own refuses in the shape of the handler: with its realm,
// to its log, and with problems and challenges like its own.
func TestMiddlewareOfTheApplication(t *testing.T) {
	rg := newRig(t, Options{Realm: "The Shop"})
	var refusal error
	own := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if refusal != nil {
				rg.WriteError(w, r, refusal)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
	h := rg.WithClient(rg.RequireUser(own(whoami)))
	token := rg.accessToken(t)
	wantText(t, get(h, token), "user true Ada [], claims true []")
	refusal = kit.NewProblem(402, "payment_required", "Payment required", "Pay first.")
	wantProblem(t, get(h, token), 402, "payment_required")
	refusal = kit.ErrReauthenticationRequired
	w := get(h, token)
	wantProblem(t, w, 401, "reauthentication_required")
	if want := `Bearer realm="The Shop", error="insufficient_user_authentication", max_age="600"`; w.Header().Get("WWW-Authenticate") != want {
		t.Errorf("got challenge %s", w.Header().Get("WWW-Authenticate"))
	}
	refusal = errors.New("a bug")
	wantProblem(t, get(h, token), 500, "internal_error")
	wantLogged(t, rg.log, "a bug")
}

func TestRequireRole(t *testing.T) {
	rg := newRig(t, Options{})
	token := rg.accessToken(t) // without roles
	if _, err := rg.svc.AddRole(t.Context(), rg.user.ID, "editor"); err != nil {
		t.Fatal(err)
	}
	editor := rg.RequireRole("owner", "editor")
	byUser := rg.RequireUser(editor(whoami))
	byToken := rg.RequireToken(editor(whoami))

	t.Run("the roles of now and of then", func(t *testing.T) {
		wantText(t, get(byUser, token), "user true Ada [editor], claims true []")
		w := get(byToken, token)
		wantProblem(t, w, http.StatusForbidden, "insufficient_role")
		if want := `Bearer realm="MyAuth", error="insufficient_scope"`; w.Header().Get("WWW-Authenticate") != want {
			t.Errorf("got challenge %s", w.Header().Get("WWW-Authenticate"))
		}
		wantText(t, get(byToken, rg.accessToken(t)), "user false  [], claims true [editor]")
	})
	t.Run("both kinds around it", func(t *testing.T) {
		stateless, user := rg.RequireToken, rg.RequireUser
		wantText(t, get(user(stateless(editor(whoami))), token), "user true Ada [editor], claims true []")
		wantText(t, get(stateless(user(editor(whoami))), token), "user true Ada [editor], claims true []")
	})
	t.Run("all of several are nested", func(t *testing.T) {
		both := rg.RequireUser(rg.RequireRole("editor")(rg.RequireRole("owner")(whoami)))
		wantProblem(t, get(both, token), http.StatusForbidden, "insufficient_role")
		if _, err := rg.svc.AddRole(t.Context(), rg.user.ID, "owner"); err != nil {
			t.Fatal(err)
		}
		wantText(t, get(both, token), "user true Ada [editor owner], claims true []")
	})
	t.Run("exactly as spelled, and no role is none", func(t *testing.T) {
		for _, roles := range [][]string{{"Owner", "edit", "owner "}, {""}, nil} {
			wantProblem(t, get(rg.RequireUser(rg.RequireRole(roles...)(whoami)), token), http.StatusForbidden, "insufficient_role")
		}
	})
	t.Run("after a removal at once", func(t *testing.T) {
		fresh := rg.accessToken(t)
		other, err := rg.svc.Register(t.Context(), kit.Registration{Email: "grace@example.com", Username: "Grace", Password: goodPassword})
		if err == nil {
			_, err = rg.svc.AddRole(t.Context(), other.ID, "admin") // or Ada would be the last
		}
		if err == nil {
			_, err = rg.svc.SetRoles(t.Context(), rg.user.ID)
		}
		if err != nil {
			t.Fatal(err)
		}
		wantProblem(t, get(byUser, fresh), http.StatusForbidden, "insufficient_role")
	})
	t.Run("wired wrongly it lets no request through", func(t *testing.T) {
		for _, h := range []http.Handler{editor(whoami), editor(rg.RequireUser(whoami))} {
			wantProblem(t, get(h, token), http.StatusInternalServerError, "internal_error")
		}
		if entries := rg.log.entries(t); len(entries) != 2 || entries[0]["err"] != errNoIdentity.Error() {
			t.Errorf("logged: %v", entries)
		}
	})
}
