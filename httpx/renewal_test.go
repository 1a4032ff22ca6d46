package httpx

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"myauth.internal/httpx/cookie"
	"myauth.internal/kit"
	"myauth.internal/kit/kittest"
)

// application is an application with its pages and the API, on one instance.
func application(h *Handler) http.Handler {
	show := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u, ok := UserFrom(r.Context())
		claims, has := ClaimsFrom(r.Context())
		fmt.Fprint(w, u.Username, ok, has && claims.Subject == u.ID)
	})
	mux := http.NewServeMux()
	mux.Handle("/auth/", h)
	mux.Handle("/user", h.RequireUser(show))
	mux.Handle("/live", h.RequireLive(show))
	mux.Handle("/recent", h.RequireRecent(show))
	mux.Handle("/verified", h.RequireVerified(show))
	mux.Handle("/role", h.RequireUser(h.RequireRole("reader")(show)))
	mux.Handle("/token", h.RequireToken(show))
	mux.Handle("/twice", h.RequireUser(h.RequireLive(h.RequireToken(show))))
	mux.Handle("/page", h.RequireSignIn("/sign-in", nil)(show))
	mux.Handle("/same-origin", h.RequireSameOrigin(show))
	mux.HandleFunc("/identify", func(w http.ResponseWriter, r *http.Request) {
		u, _, err := h.Identify(w, r)
		if err != nil {
			h.WriteError(w, r, err)
			return
		}
		fmt.Fprint(w, u.Username, true, true) // as show does
	})
	return mux
}

// renewing are requests that a session must survive, whatever its access token is.
var renewing = []string{
	"GET /user", "GET /live", "GET /recent", "GET /verified", "GET /role", "GET /twice", "GET /page", "GET /identify", "POST /user", "POST /identify",
	"GET /auth/me", "GET /auth/sessions", "PATCH /auth/me", "POST /auth/reauthenticate",
}

func renewingBody(route string) string {
	switch route {
	case "PATCH /auth/me":
		return `{"username":"Ada"}`
	case "POST /auth/reauthenticate":
		return `{"password":"Engine#1843!"}`
	}
	return ""
}

// version returns how often the one session of the account was written.
func (rg *rig) version(t *testing.T) int64 {
	t.Helper()
	rows, err := rg.stores.Tokens.ByUser(t.Context(), rg.user.ID, "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	rows = slices.DeleteFunc(rows, func(row kit.Token) bool { return row.Type != kit.RefreshToken })
	if len(rows) != 1 {
		t.Fatalf("%d sessions", len(rows))
	}
	return rows[0].Version
}

func (rg *rig) reader(t *testing.T) {
	t.Helper()
	rg.verify(t)
	if _, err := rg.svc.SetRoles(t.Context(), rg.user.ID, "reader"); err != nil {
		t.Fatal(err)
	}
}

// Each route and middleware takes the cookie, and renews a session whose access token has expired,
// has gone or was revoked.
func TestRenewal(t *testing.T) {
	for _, route := range renewing {
		for name, age := range map[string]func(*rig, *browser){
			"fresh":   func(*rig, *browser) {},
			"expired": func(rg *rig, _ *browser) { rg.clock.Advance(31 * time.Minute) },
			"gone":    func(_ *rig, b *browser) { b.expire() },
			"damaged": func(_ *rig, b *browser) { b.cookies[cookie.Access] += "x" },
		} {
			rg := newRig(t, inCookies, func(o *kit.Options) { o.RecentLogin = time.Hour })
			rg.reader(t)
			b := signedIn(t, application(rg.Handler))
			before := b.cookies[cookie.Access]
			age(rg, b)
			method, path, _ := strings.Cut(route, " ")
			w := b.send(method, path, renewingBody(route))
			if w.Code != 200 || !strings.HasPrefix(path, "/auth/") && w.Body.String() != "Adatrue true" {
				t.Errorf("%s, %s: %d %s", route, name, w.Code, w.Body)
			}
			renewed := name != "fresh" || strings.Contains(route, "reauthenticate")
			if (b.cookies[cookie.Access] != before) != renewed {
				t.Errorf("%s, %s: a new access token: %t, want %t", route, name, !renewed, renewed)
			}
			b.want(b.send("GET", "/live", ""), 200)
		}
	}
}

// RequireToken asks no store, so it renews nothing, and ends nothing.
func TestRequireTokenRenewsNothing(t *testing.T) {
	rg := newRig(t, inCookies)
	b := signedIn(t, application(rg.Handler))
	b.want(b.send("GET", "/token", ""), 200)
	rg.clock.Advance(31 * time.Minute)
	calls := rg.faults.Calls("tokens.ByID")
	b.want(b.send("GET", "/token", ""), 401, "expired_token")
	b.has(true)
	if rg.faults.Calls("tokens.ByID") != calls {
		t.Error("it asked the store")
	}
}

// Twenty requests at once with an access token that has expired: all are served, and the session
// is rotated once; over two instances, and five times in a row.
func TestParallelRenewal(t *testing.T) {
	rg := newRig(t, inCookies, func(o *kit.Options) { o.RecentLogin = 24 * time.Hour })
	rg.reader(t)
	instances := []http.Handler{application(rg.Handler), application(rg.another(t))}
	b := signedIn(t, instances[0])
	for round := range 5 {
		rg.clock.Advance(31 * time.Minute)
		if round%2 == 1 {
			b.expire()
		}
		before := rg.version(t)
		var group sync.WaitGroup
		start := make(chan struct{})
		answers := make([]*httptest.ResponseRecorder, 20)
		for i := range answers {
			route := renewing[i%len(renewing)]
			if renewingBody(route) != "" {
				route = "GET /auth/me" // that writes
			}
			method, path, _ := strings.Cut(route, " ")
			r := b.request(method, path, "")
			group.Go(func() {
				<-start
				answers[i] = httptest.NewRecorder()
				instances[i%2].ServeHTTP(answers[i], r)
			})
		}
		close(start)
		group.Wait()
		refresh := map[string]bool{}
		for i, w := range answers {
			b.want(w, 200)
			b.keep(w)
			for _, c := range w.Result().Cookies() {
				if c.Name == cookie.Refresh {
					refresh[c.Value] = true
				}
			}
			if t.Failed() {
				t.Fatalf("round %d, request %d", round, i)
			}
		}
		if after := rg.version(t); after != before+1 || len(refresh) != 1 {
			t.Errorf("round %d: %d rotations, %d refresh tokens", round, after-before, len(refresh))
		}
	}
}

// A store that fails at any call of a renewal, or whose answer is lost, costs no session: 503, the
// cookies stay, and the next request is served.
func TestOutageKeepsTheCookies(t *testing.T) {
	for _, route := range append(slices.Clone(renewing), "POST /auth/refresh", "POST /auth/logout") {
		t.Run(route, func(t *testing.T) {
			t.Parallel()
			outageKeepsTheCookies(t, route)
		})
	}
}

func outageKeepsTheCookies(t *testing.T, route string) {
	for _, fault := range []kittest.Fault{kittest.Down, kittest.Lost} {
		refused := 0
		for n := 1; ; n++ {
			rg := newRig(t, inCookies, func(o *kit.Options) { o.RecentLogin = time.Hour })
			rg.reader(t)
			b := signedIn(t, application(rg.Handler))
			rg.clock.Advance(31 * time.Minute)
			fired := false
			calls := 0
			var mu sync.Mutex
			rg.faults.Each(func(context.Context, string, any) kittest.Fault {
				mu.Lock()
				defer mu.Unlock()
				if calls++; calls == n {
					fired = true
					return fault
				}
				return 0
			})
			method, path, _ := strings.Cut(route, " ")
			w := b.send(method, path, renewingBody(route))
			rg.faults.Clear()
			if !fired {
				break
			}
			switch {
			case w.Code == 503:
				refused++
				b.has(true)
				if w.Header().Get("Retry-After") == "" {
					t.Errorf("%s: no Retry-After", route)
				}
			case w.Code >= 300:
				t.Errorf("%s, fault %d at call %d: %d %s", route, fault, n, w.Code, w.Body)
			}
			if route == "POST /auth/logout" {
				b.want(b.send("POST", "/auth/logout", ""), 204)
				b.has(false)
				continue
			}
			if w := b.send("GET", "/live", ""); w.Code != 200 {
				t.Errorf("%s, fault %d at call %d: the next request: %d %s", route, fault, n, w.Code, w.Body)
			}
		}
		if refused == 0 && fault == kittest.Down {
			t.Errorf("%s: no call was refused", route)
		}
	}
}

// Two tabs have the same cookies, so one that renews does it for both. A request that was under way
// meanwhile is served; a copy of the cookies that is used later is a theft, and ends the session.
func TestOldAndNewTab(t *testing.T) {
	rg := newRig(t, inCookies)
	b := signedIn(t, application(rg.Handler))
	rg.clock.Advance(31 * time.Minute)
	late, thief := b.another(), b.another()
	b.want(b.send("GET", "/live", ""), 200)
	rg.clock.Advance(9 * time.Second)
	late.want(late.send("GET", "/live", ""), 200)
	if late.cookies[cookie.Refresh] != b.cookies[cookie.Refresh] {
		t.Error("two tabs have two refresh tokens")
	}
	b.want(b.send("GET", "/live", ""), 200)
	late.want(late.send("GET", "/live", ""), 200)
	rg.clock.Advance(2 * time.Second)
	thief.want(thief.send("GET", "/live", ""), 401, "revoked_token")
	thief.has(false)
	b.want(b.send("GET", "/live", ""), 401, "revoked_token")
	b.has(false)
}

// A renewal has the client of its request, as POST /refresh has: its throttling and its events need
// to know it.
func TestRenewalHasTheClient(t *testing.T) {
	var renewed []kit.Event
	rg := newRig(t, inCookies, func(o *kit.Options) {
		o.OnEvent = func(_ context.Context, e kit.Event) {
			if e.Kind == kit.EventSessionRefreshed {
				renewed = append(renewed, e)
			}
		}
	})
	b := signedIn(t, application(rg.Handler))
	for _, path := range []string{"/user", "/page", "/identify", "/auth/me"} {
		rg.clock.Advance(31 * time.Minute)
		b.want(b.send("GET", path, "", "User-Agent", "Tester"), 200)
	}
	if len(renewed) != 4 {
		t.Errorf("%d renewals", len(renewed))
	}
	for _, e := range renewed {
		if !e.Client.IP.IsValid() || e.Client.UserAgent != "Tester" {
			t.Errorf("the client is %v", e.Client)
		}
	}
}

// What middleware inside another renews, it renews once.
func TestNestedMiddleware(t *testing.T) {
	rg := newRig(t, inCookies)
	b := signedIn(t, application(rg.Handler))
	rg.clock.Advance(31 * time.Minute)
	calls := rg.faults.Calls("tokens.ByID")
	b.want(b.send("GET", "/twice", ""), 200)
	if n := rg.faults.Calls("tokens.ByID") - calls; n != 1 {
		t.Errorf("%d look-ups of the session for its renewal, want 1", n)
	}
}

// Libraries that open a WebSocket write headers of their own only. A renewal there would lose its
// cookies, and the session as stolen; so a page renews it by another request.
func TestWebSocketRenewsNothing(t *testing.T) {
	rg := newRig(t, inCookies)
	b := signedIn(t, application(rg.Handler))
	for code, age := range map[string]func(){
		"expired_token": func() { rg.clock.Advance(31 * time.Minute) },
		"missing_token": func() { b.expire() },
	} {
		b.want(b.send("GET", "/live", "", "Upgrade", "websocket"), 200)
		age()
		before, cookies := rg.version(t), len(b.cookies)
		b.want(b.send("GET", "/live", "", "Upgrade", "websocket"), 401, code)
		if rg.version(t) != before || len(b.cookies) != cookies {
			t.Errorf("%s: it changed the session: %v", code, b.cookies)
		}
		rg.clock.Advance(time.Minute)
		b.want(b.send("GET", "/auth/me", ""), 200)
	}
}
