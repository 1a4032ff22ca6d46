package httpx

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"myauth.internal/httpx/cookie"
	"myauth.internal/kit"
	"myauth.internal/kit/kittest"
)

var inCookies = Options{Cookies: true}

// anyAnswer is a factor that takes every answer.
type anyAnswer struct{}

func (anyAnswer) Enroll(context.Context, kit.User, kit.Body) (kit.Prompt, error) {
	return kit.Prompt{State: []byte("any")}, nil
}
func (anyAnswer) Confirm(context.Context, kit.User, []byte, kit.Body) ([]byte, error) {
	return []byte("any"), nil
}
func (anyAnswer) Challenge(context.Context, kit.User, []byte) (kit.Prompt, error) {
	return kit.Prompt{}, nil
}
func (anyAnswer) Verify(context.Context, kit.User, []byte, []byte, kit.Body) (kit.Proof, error) {
	return kit.Proof{AMR: []string{"otp"}}, nil
}

// door is a feature whose route is a login of its own, such as a passkey's.
func door(svc **kit.Service) func(*kit.Options) {
	login := func(ctx context.Context, r kit.Request) (kit.Answer, error) {
		u, err := (*svc).UserByEmail(ctx, "ada@example.com")
		if err != nil {
			return kit.Answer{}, err
		}
		tokens, err := (*svc).Grant(ctx, kit.Login{User: u})
		return kit.Answer{Tokens: tokens, Body: []byte(`{"welcome":true}`)}, err
	}
	return withProbes(
		probe{"door", kit.Extension{Routes: []kit.Route{
			{Method: "POST", Path: "/login/door", Serve: login},
			{Method: "POST", Path: "/login/elsewhere", CrossSite: true, Serve: login},
		}}},
		probe{"any", kit.Extension{Factor: anyAnswer{}}},
	)
}

// Every route that ends in tokens has them in cookies and nowhere else: browser.keep looks at each
// answer. What the body says instead is what a page needs.
func TestTokensAreInCookiesAlone(t *testing.T) {
	var svc *kit.Service
	rg := newRig(t, inCookies, door(&svc))
	svc = rg.svc
	rg.verify(t)
	b := newBrowser(t, rg)
	members := func(w *httptest.ResponseRecorder, status int, want string) {
		t.Helper()
		b.want(w, status)
		var body map[string]json.RawMessage
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
			t.Errorf("%v: %s", err, w.Body)
		}
		var names []string
		for name := range body {
			names = append(names, name)
		}
		slices.Sort(names)
		if got := strings.Join(names, " "); got != want {
			t.Errorf("got members %s, want %s", got, want)
		}
	}
	const pair = "expires_in refresh_token_expires_in user"
	login := b.send("POST", "/auth/login", loginBody)
	members(login, 200, pair)
	got := map[string]int{}
	for _, c := range login.Result().Cookies() {
		got[c.Name] = c.MaxAge
	}
	if len(got) != 3 || got[cookie.Access] != 1800 || got[cookie.Refresh] != int((7*24*time.Hour).Seconds()) || got[cookie.Device] != int(cookie.DeviceMaxAge.Seconds()) {
		t.Errorf("the cookies live for %v", got)
	}
	rg.clock.Advance(time.Minute)
	members(b.send("POST", "/auth/refresh", ""), 200, pair)
	members(b.send("POST", "/auth/refresh", `{"refresh_token":"no such token"}`), 200, pair) // it is not read
	members(b.send("POST", "/auth/reauthenticate", `{"password":"Engine#1843!"}`), 200, "expires_in")
	members(b.send("POST", "/auth/password-change", `{"current_password":"Engine#1843!","new_password":"An0ther!Secret9"}`), 200, "expires_in")
	members(b.send("POST", "/auth/sessions/revoke-others", ""), 200, "expires_in")
	members(b.send("POST", "/auth/login/door", ""), 200, pair+" welcome")
	b.want(b.send("GET", "/auth/me", ""), 200)

	enrolling := b.send("POST", "/auth/mfa/any", "")
	var state struct{ State string }
	if err := json.Unmarshal(enrolling.Body.Bytes(), &state); err != nil {
		t.Fatal(err)
	}
	members(b.send("POST", "/auth/mfa/any/confirm", `{"state":"`+state.State+`","code":"1"}`), 200, "expires_in recovery_codes")
	b.want(b.send("POST", "/auth/logout", ""), 204)
	b.has(false)
	due := b.send("POST", "/auth/login", `{"email":"ada@example.com","password":"An0ther!Secret9"}`)
	b.want(due, 403, "mfa_required")
	b.has(false)
	var challenge struct {
		Token string `json:"mfa_token"`
	}
	if err := json.Unmarshal(due.Body.Bytes(), &challenge); err != nil {
		t.Fatal(err)
	}
	members(b.send("POST", "/auth/login/mfa", `{"mfa_token":"`+challenge.Token+`","method":"any","code":"1"}`), 200, pair)
	b.has(true)
	b.want(b.send("DELETE", "/auth/me", ""), 204)
	b.has(false)
}

func TestWithoutCookieMode(t *testing.T) {
	rg := newRig(t, Options{TrustedOrigins: []string{"https://app.example.com"}})
	tokens, err := rg.svc.Login(t.Context(), "ada@example.com", goodPassword)
	if err != nil {
		t.Fatal(err)
	}
	cookies := cookie.Access + "=" + string(tokens.AccessToken) + "; " + cookie.Refresh + "=" + string(tokens.RefreshToken)
	for _, tc := range []struct {
		route, body string
		status      int
	}{
		{"GET /auth/me", "", 401},
		{"POST /auth/login", loginBody, 200},
		{"POST /auth/refresh", "", 415},
		{"POST /auth/refresh", `{"refresh_token":"x"}`, 401},
		{"POST /auth/logout", `{"refresh_token":"x"}`, 204},
	} {
		method, path, _ := strings.Cut(tc.route, " ")
		header := []string{"Cookie", cookies, "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}
		if tc.body != "" {
			header = append(header, "Content-Type", "application/json")
		}
		w := do(rg, method, path, tc.body, header...)
		if w.Code != tc.status || w.Header()["Set-Cookie"] != nil {
			t.Errorf("%s: %d %v", tc.route, w.Code, w.Header())
		}
	}
	if w := do(rg, "GET", "/auth/me", "", "Cookie", cookies, "Authorization", "Bearer "+string(tokens.AccessToken)); w.Code != 200 {
		t.Errorf("a header beside cookies that mean nothing: %d", w.Code)
	}
}

func TestHeaderAndCookie(t *testing.T) {
	rg := newRig(t, inCookies)
	b := signedIn(t, rg)
	bearer := "Bearer " + b.cookies[cookie.Access]
	for _, rt := range rg.routes() {
		path := "/auth" + strings.ReplaceAll(rt.Path, "{id}", "x")
		for _, only := range []string{cookie.Access, cookie.Refresh} {
			other := newBrowser(t, rg)
			other.cookies[only] = "x"
			other.want(other.send(rt.Method, path, "", "Authorization", bearer), 400, "malformed_request")
		}
	}
	reached := rg.RequireUser(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for _, h := range []http.Handler{rg, reached} {
		b.h = h
		b.want(b.send("GET", "/auth/me", "", "Authorization", bearer), 400, "malformed_request")
		b.want(b.send("GET", "/auth/me", "", "Authorization", "Basic YTpi"), 200) // a proxy's, for a site under test
		b.want(b.send("GET", "/auth/me", "", "Authorization", "Basic YTpi", "Authorization", bearer), 400, "malformed_request")
		b.has(true)
		alone := newBrowser(t, h)
		alone.cookies[cookie.Device] = b.cookies[cookie.Device]
		alone.want(alone.send("GET", "/auth/me", "", "Authorization", bearer), 200)
		alone.want(alone.send("GET", "/auth/me", "", "Authorization", "Bearer x"), 401, "invalid_token")
	}
}

func TestCookiesThatAreNone(t *testing.T) {
	rg := newRig(t, inCookies)
	b := signedIn(t, rg)
	access, refresh := b.cookies[cookie.Access], b.cookies[cookie.Refresh]
	for name, tc := range map[string]struct {
		cookies, code string
		removed       bool
	}{
		"none":              {"", "missing_token", false},
		"empty":             {cookie.Access + "=; " + cookie.Refresh + "=", "missing_token", false},
		"another's name":    {"myauth_at=" + access + "; myauth_rt=" + refresh, "missing_token", false},
		"two access tokens": {cookie.Access + "=x; " + cookie.Access + "=" + access, "missing_token", false},
		"two of both":       {strings.Repeat(cookie.Refresh+"="+refresh+"; ", 2) + strings.Repeat(cookie.Access+"="+access+"; ", 2), "missing_token", false},
		"a bad one":         {cookie.Access + "=x", "invalid_token", true},
		"a bad one beside":  {cookie.Access + "=x; " + cookie.Refresh + "=y", "invalid_token", true},
		"exchanged":         {cookie.Access + "=" + refresh + "; " + cookie.Refresh + "=" + access, "invalid_token", true},
	} {
		w := do(rg, "GET", site+"/auth/me", "", "Cookie", tc.cookies)
		wantProblem(t, w, 401, tc.code)
		if removed := len(w.Result().Cookies()) == 2; removed != tc.removed {
			t.Errorf("%s: %v", name, w.Header())
		}
	}
	b.want(b.send("GET", "/auth/me", ""), 200)
	plain := do(rg, "GET", "http://localhost:8080/auth/me", "", "Cookie", "myauth_at="+access)
	if plain.Code != 200 {
		t.Errorf("on http://localhost: %d", plain.Code)
	}
	if w := do(rg, "GET", "http://localhost.evil.example/auth/me", "", "Cookie", "myauth_at="+access); w.Code != 401 {
		t.Errorf("elsewhere: %d", w.Code)
	}
}

// Sign-out clears and revokes: with an access token that has expired, without one, twice, and
// without a session.
func TestLogout(t *testing.T) {
	for name, prepare := range map[string]func(*rig, *browser){
		"fresh":               func(*rig, *browser) {},
		"access expired":      func(rg *rig, _ *browser) { rg.clock.Advance(time.Hour) },
		"access gone":         func(_ *rig, b *browser) { b.expire() },
		"access is nonsense":  func(_ *rig, b *browser) { b.cookies[cookie.Access] = "x" },
		"rotated by a thief":  func(rg *rig, b *browser) { rg.clock.Advance(time.Hour); b.another().send("POST", "/auth/refresh", "") },
		"a form without JSON": func(_ *rig, b *browser) {},
	} {
		t.Run(name, func(t *testing.T) {
			rg := newRig(t, inCookies)
			b := signedIn(t, rg)
			device := b.cookies[cookie.Device]
			prepare(rg, b)
			thief := b.another()
			header := []string{"Sec-Fetch-Site", "same-origin", "Origin", site}
			if name == "a form without JSON" {
				header = append(header, "Content-Type", "application/x-www-form-urlencoded")
			}
			b.want(b.send("POST", "/auth/logout", "", header...), 204)
			b.has(false)
			if b.cookies[cookie.Device] != device {
				t.Error("the device is forgotten")
			}
			thief.want(thief.send("POST", "/auth/refresh", ""), 401)
			if sessions, err := rg.svc.Sessions(t.Context(), rg.user.ID); err != nil || len(sessions) > 0 {
				t.Errorf("sessions: %v, %v", sessions, err)
			}
			for range 2 {
				again := b.send("POST", "/auth/logout", "", header...)
				b.want(again, 204)
			}
			b.want(b.send("POST", "/auth/refresh", ""), 401, "missing_token")
		})
	}
}

// A login ends the session that the browser had, whoever's it was, and no other; a refresh does not.
func TestLoginReplacesTheSession(t *testing.T) {
	var svc *kit.Service
	rg := newRig(t, inCookies, door(&svc))
	svc = rg.svc
	b, other := signedIn(t, rg), signedIn(t, rg)
	for _, again := range []string{"/auth/login", "/auth/login/door"} {
		thief := b.another()
		rg.clock.Advance(31 * time.Minute)
		for range 2 {
			b.want(b.send("POST", "/auth/refresh", ""), 200)
		}
		b.want(b.send("POST", again, loginBody), 200)
		b.want(b.send("GET", "/auth/sessions", ""), 200)
		thief.want(thief.send("POST", "/auth/refresh", ""), 401, "revoked_token")
		if sessions, err := svc.Sessions(t.Context(), rg.user.ID); err != nil || len(sessions) != 2 {
			t.Errorf("after %s: %d sessions, %v", again, len(sessions), err)
		}
	}
	b.want(b.send("POST", "/auth/login", `{"email":"ada@example.com","password":"wrong"}`), 401)
	b.want(b.send("GET", "/auth/me", ""), 200)
	other.want(other.expire().send("GET", "/auth/me", ""), 200)
	rg.clock.Advance(31 * time.Minute)
	b.want(b.expire().send("POST", "/auth/sessions/revoke-others", ""), 200)
	b.want(b.expire().send("GET", "/auth/me", ""), 200)
}

func TestOwnSessionEnded(t *testing.T) {
	rg := newRig(t, inCookies)
	b, other := signedIn(t, rg), signedIn(t, rg)
	sessions, err := rg.svc.Sessions(t.Context(), rg.user.ID)
	if err != nil || len(sessions) != 2 {
		t.Fatalf("%v, %v", sessions, err)
	}
	_, claims, err := rg.svc.Authenticate(t.Context(), b.cookies[cookie.Access])
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range sessions {
		if s.ID != claims.SessionID {
			b.want(b.send("DELETE", "/auth/sessions/"+s.ID, ""), 204)
			b.has(true)
		}
	}
	other.want(other.expire().send("GET", "/auth/me", ""), 401, "revoked_token")
	other.has(false)
	b.want(b.send("DELETE", "/auth/sessions/"+claims.SessionID, ""), 204)
	b.has(false)
}

// What ends a session elsewhere ends it here at the next page, and takes the cookies along.
func TestDeadSessions(t *testing.T) {
	for name, tc := range map[string]struct {
		end func(*testing.T, *rig, *browser)
		// seen says that RequireUser sees it too, before the access token expires.
		seen   bool
		status int
	}{
		"logout elsewhere": {func(t *testing.T, _ *rig, b *browser) { b.another().send("POST", "/auth/logout", "") }, false, 401},
		"revoke-others elsewhere": {func(t *testing.T, rg *rig, _ *browser) {
			other := signedIn(t, rg)
			other.want(other.send("POST", "/auth/sessions/revoke-others", ""), 200)
			other.want(other.send("GET", "/auth/me", ""), 200)
		}, true, 401},
		"new password elsewhere": {func(t *testing.T, rg *rig, _ *browser) {
			other := signedIn(t, rg)
			other.want(other.send("POST", "/auth/password-change", `{"current_password":"Engine#1843!","new_password":"An0ther!Secret9"}`), 200)
		}, true, 401},
		"reset elsewhere": {func(t *testing.T, rg *rig, _ *browser) {
			if err := rg.svc.RequestPasswordReset(t.Context(), rg.user.Email); err != nil {
				t.Fatal(err)
			}
			sent, err := rg.kit.Mailer.(*kittest.Mailer).Next(t.Context())
			for err == nil && sent.Kind != kit.MailPasswordReset {
				sent, err = rg.kit.Mailer.(*kittest.Mailer).Next(t.Context())
			}
			if err == nil {
				err = rg.svc.ResetPassword(t.Context(), string(sent.Token), "An0ther!Secret9")
			}
			if err != nil {
				t.Fatal(err)
			}
		}, true, 401},
		"deactivated": {func(t *testing.T, rg *rig, _ *browser) {
			if _, err := rg.svc.Deactivate(t.Context(), rg.user.ID); err != nil {
				t.Fatal(err)
			}
		}, true, 403},
		"deleted": {func(t *testing.T, rg *rig, _ *browser) {
			if err := rg.svc.DeleteUser(t.Context(), rg.user.ID); err != nil {
				t.Fatal(err)
			}
		}, true, 401},
		"after its lifetime": {func(_ *testing.T, rg *rig, _ *browser) { rg.clock.Advance(31 * 24 * time.Hour) }, true, 401},
	} {
		t.Run(name, func(t *testing.T) {
			rg := newRig(t, inCookies, func(o *kit.Options) {
				o.Mailer, o.PublicURL, o.MailDelay = &kittest.Mailer{}, site, time.Millisecond
			})
			b := signedIn(t, rg)
			twin := b.another()
			tc.end(t, rg, b)
			never := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a dead session got in") })
			b.h = rg.RequireLive(never)
			b.want(b.send("GET", "/page", ""), tc.status)
			b.has(false)
			if b.cookies[cookie.Device] == "" {
				t.Error("the device is forgotten")
			}
			b.want(b.send("GET", "/page", ""), 401, "missing_token")
			if tc.seen {
				twin.want(twin.send("GET", "/auth/me", ""), tc.status)
			} else {
				twin.want(twin.send("GET", "/auth/me", ""), 200)
				rg.clock.Advance(time.Hour)
				twin.want(twin.send("GET", "/auth/me", ""), tc.status)
			}
			twin.has(false)
		})
	}
}

// The device cookie survives a sign-out, and lets its owner in while strangers guess.
func TestDeviceCookie(t *testing.T) {
	rg := newRig(t, inCookies, func(o *kit.Options) { o.InsecureUnlimited = false })
	b := signedIn(t, rg)
	device := b.cookies[cookie.Device]
	b.send("POST", "/auth/logout", "")
	stranger := newBrowser(t, rg)
	for n := range 12 {
		stranger.send("POST", "/auth/login", `{"email":"ada@example.com","password":"wrong`+strings.Repeat("x", n)+`"}`)
	}
	stranger.want(stranger.send("POST", "/auth/login", loginBody), 429)
	body := strings.Replace(loginBody, "}", `,"device_token":"`+device+`"}`, 1)
	stranger.want(stranger.send("POST", "/auth/login", body), 429) // not from a body
	b.want(b.send("POST", "/auth/login", loginBody), 200)
	b.has(true)
	if b.cookies[cookie.Device] != device {
		t.Error("a known device became another")
	}
}

func TestTokensFitCookies(t *testing.T) {
	// What is left is for the issuer, the audience and a signature of RSA.
	for issuer, status := range map[string]int{"myauth": 200, strings.Repeat("i", 1000): 500} {
		rg := newRig(t, inCookies, func(o *kit.Options) { o.JWTIssuer, o.JWTAudience = issuer, issuer })
		var roles []string
		for i := range 31 {
			roles = append(roles, strings.Repeat("r", 60)+string(rune('A'+i)))
		}
		if _, err := rg.svc.SetRoles(t.Context(), rg.user.ID, roles...); err != nil {
			t.Fatal(err)
		}
		if _, err := rg.svc.AddRole(t.Context(), rg.user.ID, strings.Repeat("s", 64)); err == nil {
			t.Fatal("these are not all the roles that there may be")
		}
		b := newBrowser(t, rg)
		b.want(b.send("POST", "/auth/login", loginBody), status)
		if status == 500 {
			wantLogged(t, rg.log, "too many roles", rg.user.ID)
		}
	}
}

func TestBadCookieOptions(t *testing.T) {
	rg := newRig(t, inCookies, func(o *kit.Options) { o.RefreshGrace = time.Nanosecond })
	rg.kit.RefreshGrace = -1
	svc, err := kit.New(rg.stores, rg.keys, &rg.kit)
	if err != nil {
		t.Fatal(err)
	}
	defer svc.Close(context.Background())
	if _, err := New(svc, &inCookies); err == nil || !strings.Contains(err.Error(), "RefreshGrace") {
		t.Errorf("the grace is off: %v", err)
	}
	if _, err := New(svc, nil); err != nil {
		t.Errorf("without cookies: %v", err)
	}
	for _, origin := range []string{"", "example.com", "https://", "https://example.com/", "https://example.com/x", "*"} {
		if _, err := New(rg.svc, &Options{Cookies: true, TrustedOrigins: []string{origin}}); err == nil || !strings.HasPrefix(err.Error(), "httpx: Options.TrustedOrigins") {
			t.Errorf("%q: %v", origin, err)
		}
	}
}

// No form is a login in cookie mode: tools of OAuth 2.0 read tokens from a body.
func TestNoFormInCookieMode(t *testing.T) {
	rg := newRig(t, inCookies)
	for _, body := range []string{"", "grant_type=password&"} {
		w := do(rg, "POST", site+"/auth/login", body+"username=ada@example.com&password="+goodPassword, "Content-Type", "application/x-www-form-urlencoded")
		wantProblem(t, w, 415, "unsupported_media_type")
		if bytes.Contains(w.Body.Bytes(), []byte("urlencoded")) {
			t.Errorf("it suggests a form: %s", w.Body)
		}
	}
}

func TestAfterAnswer(t *testing.T) {
	r := httptest.NewRequest("GET", site, nil)
	r.Header = http.Header{"Cookie": {"a=1; b=2", "c=3"}, "X": {"y"}}
	if afterAnswer(r, http.Header{}) != r {
		t.Error("a copy for nothing")
	}
	answer := http.Header{}
	cookie.Set(answer, cookie.New(r, "a", "", -1, false))
	cookie.Set(answer, cookie.New(r, "b", "new", time.Minute, false))
	cookie.Set(answer, cookie.New(r, "d", "4", 0, false))
	later := afterAnswer(r, answer)
	if got := strings.Join(later.Header["Cookie"], "|"); got != "c=3; b=new; d=4" || later.Header.Get("X") != "y" {
		t.Errorf("got %s %v", got, later.Header)
	}
	if got := strings.Join(r.Header["Cookie"], "|"); got != "a=1; b=2|c=3" {
		t.Errorf("it changed the request: %s", got)
	}
}
