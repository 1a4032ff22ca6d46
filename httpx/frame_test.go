package httpx

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/memstore"
	"myauth.internal/kit/seal"
)

// probe is a feature that a test puts together.
type probe struct {
	name string
	kit.Extension
}

func (p probe) Name() string                            { return p.name }
func (p probe) Attach(*kit.Core) (kit.Extension, error) { return p.Extension, nil }
func withProbe(e kit.Extension) func(*kit.Options)      { return withProbes(probe{"probe", e}) }
func answerStatus(status int) func() (kit.Answer, error) {
	return func() (kit.Answer, error) { return kit.Answer{Status: status}, nil }
}
func serving(f func() (kit.Answer, error)) func(context.Context, kit.Request) (kit.Answer, error) {
	return func(context.Context, kit.Request) (kit.Answer, error) { return f() }
}

// withProbes adds features; a fragment that describes no more than their routes is made for
// those that have none.
func withProbes(probes ...probe) func(*kit.Options) {
	return func(o *kit.Options) {
		o.DataKeys, _ = seal.NewKeyring([]byte("a data key of tests, of 32 bytes"))
		for _, p := range probes {
			if p.OpenAPI == nil {
				p.OpenAPI = describe(p.Routes...)
			}
			o.Features = append(o.Features, p)
		}
	}
}

// describe returns a fragment that says nothing about its routes.
func describe(routes ...kit.Route) []byte {
	if len(routes) == 0 {
		return nil
	}
	paths := map[string]map[string]any{}
	for _, rt := range routes {
		if paths[rt.Path] == nil {
			paths[rt.Path] = map[string]any{}
		}
		parameters := []map[string]any{}
		for segment := range strings.SplitSeq(rt.Path, "/") {
			if name := strings.Trim(segment, "{}"); name != segment {
				parameters = append(parameters, map[string]any{"name": name, "in": "path", "required": true})
			}
		}
		paths[rt.Path][strings.ToLower(rt.Method)] = map[string]any{"parameters": parameters}
	}
	text, err := json.Marshal(map[string]any{"paths": paths})
	if err != nil {
		panic(err)
	}
	return text
}

func newService(t *testing.T, change ...func(*kit.Options)) *kit.Service {
	t.Helper()
	keys, err := accesstoken.HMAC([]byte("a secret for tests, 32 bytes or more"))
	if err != nil {
		t.Fatal(err)
	}
	opts := kit.Options{OnEvent: func(context.Context, kit.Event) {}}
	for _, c := range change {
		c(&opts)
	}
	svc, err := kit.New(memstore.New().Stores(), keys, &opts)
	if err != nil {
		t.Fatal(err)
	}
	return svc
}

func TestWildcards(t *testing.T) {
	show := func(name string) func(context.Context, kit.Request) (kit.Answer, error) {
		return func(_ context.Context, r kit.Request) (kit.Answer, error) {
			return kit.JSON(200, name+" "+r.PathValue("id")+r.QueryValue("q")+r.CookieValue("c")+strings.Join(r.HeaderValues("X-Test"), ","))
		}
	}
	rg := newRig(t, Options{}, withProbe(kit.Extension{Routes: []kit.Route{
		{Method: "GET", Path: "/things/{id}", Serve: show("get")},
		{Method: "DELETE", Path: "/things/{id}", Serve: show("delete")},
		{Method: "POST", Path: "/things/new", Serve: show("new")},
		{Method: "GET", Path: "/things/{id}/parts", Serve: show("parts")},
	}}))
	for _, tc := range []struct{ method, target, want string }{
		{"GET", "/things/7", "get 7"},
		{"GET", "/things/a%2Fb?q=1&q=2", "get a/b1"},
		{"GET", "/things/new", "get new"},
		{"POST", "/things/new", "new "},
		{"DELETE", "/things/new", "delete new"},
		{"GET", "/things/x/parts", "parts x"},
		{"POST", "/things/7", "405 DELETE, GET, HEAD"},
		{"PUT", "/things/new", "405 DELETE, GET, HEAD, POST"},
		{"POST", "/things/x/parts", "405 GET, HEAD"},
		{"GET", "/things", "404"},
		{"GET", "/things/", "404"},
		{"GET", "/things/7/", "404"},
		{"GET", "/things/7/parts/8", "404"},
		{"GET", "/things/a%00", "404"},
		{"GET", "/things/a%ff", "404"},
		{"GET", "/things/%2e%2e", "get .."},
	} {
		w := do(rg, tc.method, "/auth"+tc.target, "")
		got := fmt.Sprint(w.Code)
		switch w.Code {
		case 200:
			got = strings.Trim(w.Body.String(), `"`)
		case 405:
			wantProblem(t, w, 405, "method_not_allowed")
			got += " " + w.Header().Get("Allow")
		default:
			wantProblem(t, w, 404, "not_found")
		}
		if got != tc.want {
			t.Errorf("%s %s: got %q, want %q", tc.method, tc.target, got, tc.want)
		}
	}
	w := do(rg, "GET", "/auth/things/7", "", "Cookie", "c=one", "X-Test", "a", "X-Test", "b")
	if got := w.Body.String(); got != `"get 7onea,b"` {
		t.Errorf("got %s", got)
	}
	if w := do(rg, "GET", "/auth/things/7", "", "Cookie", "c=one; c=two"); w.Body.String() != `"get 7"` {
		t.Errorf("two cookies of a name: got %s", w.Body)
	}
}

// Routes that cannot be served are found when the program starts.
func TestRoutesThatNewRefuses(t *testing.T) {
	route := func(method, path string) kit.Route {
		return kit.Route{Method: method, Path: path, Serve: serving(answerStatus(204))}
	}
	for _, tc := range []struct {
		name   string
		routes []kit.Route
		says   []string
	}{
		{"conflict", []kit.Route{route("GET", "/a/{x}/c"), route("GET", "/a/b/{y}")}, []string{"GET /a/{x}/c", "GET /a/b/{y}", "conflict"}},
		{"conflict with MyAuth's own", []kit.Route{route("POST", "/verify-email/{what}"), route("POST", "/{what}/deny")}, []string{"POST /verify-email/{what}", "POST /{what}/deny", "conflict"}},
		{"the same as MyAuth's own", []kit.Route{route("GET", "/me")}, []string{"GET /me", "conflict"}},
		{"the same but for a name", []kit.Route{route("GET", "/a/{x}"), route("GET", "/a/{y}")}, []string{"GET /a/{x}", "GET /a/{y}"}},
		{"one name twice", []kit.Route{route("GET", "/a/{x}/{x}")}, []string{"GET /a/{x}/{x}"}},
		{"HEAD", []kit.Route{route("HEAD", "/a")}, []string{"HEAD /a", "method"}},
		{"OPTIONS", []kit.Route{route("OPTIONS", "/a")}, []string{"OPTIONS /a", "method"}},
		{"a slash at the end", []kit.Route{route("GET", "/a/")}, []string{"GET /a/"}},
		{"the end of a path", []kit.Route{route("GET", "/a/{$}")}, []string{"GET /a/{$}"}},
		{"the rest of a path", []kit.Route{route("GET", "/a/{x...}")}, []string{"GET /a/{x...}"}},
		{"two slashes", []kit.Route{route("GET", "/a//b")}, []string{"GET /a//b"}},
		{"dots", []kit.Route{route("GET", "/a/../b")}, []string{"GET /a/../b"}},
		{"a part of a segment", []kit.Route{route("GET", "/a/x{y}")}, []string{"GET /a/x{y}"}},
		{"a host", []kit.Route{route("GET", "/a b")}, []string{"GET /a b"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			svc := newService(t, withProbe(kit.Extension{Routes: tc.routes}))
			_, err := New(svc, nil)
			if err == nil {
				t.Fatal("New takes it")
			}
			for _, part := range tc.says {
				if !strings.Contains(err.Error(), part) || !strings.HasPrefix(err.Error(), "httpx: ") {
					t.Errorf("got %q, want %q in it", err, part)
				}
			}
		})
	}
}

func TestAnswers(t *testing.T) {
	pair := kit.TokenPair{AccessToken: "a.b.c", ExpiresIn: 1800500 * time.Millisecond}
	full := pair
	full.RefreshToken, full.RefreshTokenExpiresIn = "myauth_rt_x", time.Hour
	full.User = kit.User{ID: "1", Settings: json.RawMessage("{}")}
	const user = `{"id":"1","email":"","username":"","roles":[],"user_settings":{},"is_verified":false,"is_active":false,"created_at":"0001-01-01T00:00:00.000000Z","updated_at":"0001-01-01T00:00:00.000000Z"}`
	for _, tc := range []struct {
		name   string
		answer kit.Answer
		status int
		body   string
		header map[string]string
	}{
		{"tokens", kit.Answer{Tokens: full}, 200, `{"access_token":"a.b.c","token_type":"bearer","expires_in":1800,"refresh_token":"myauth_rt_x","refresh_token_expires_in":3600,"user":` + user + `}`, nil},
		{"an access token", kit.Answer{Tokens: pair}, 200, `{"access_token":"a.b.c","token_type":"bearer","expires_in":1800}`, nil},
		{"tokens and more", kit.Answer{Tokens: pair, Status: 201, Body: []byte(` {"codes":["x"]} `)}, 201, `{"access_token":"a.b.c","token_type":"bearer","expires_in":1800,"codes":["x"]}`, nil},
		{"tokens and nothing more", kit.Answer{Tokens: pair, Body: []byte(`{}`)}, 200, `{"access_token":"a.b.c","token_type":"bearer","expires_in":1800}`, nil},
		{"caching", kit.Answer{Status: 200, Body: []byte("{}"), CacheControl: "public", ETag: `"x"`}, 200, "{}", map[string]string{"Cache-Control": "public", "Etag": `"x"`}},
		{"a redirection", kit.Answer{Status: 303, Location: "https://example.com/"}, 303, "", map[string]string{"Location": "https://example.com/", "Cache-Control": "no-store", "Content-Type": "", "Referrer-Policy": "no-referrer"}},
		{"a cookie", kit.Answer{Status: 204, Cookies: []kit.Cookie{{Name: "__Host-a", Value: "b", MaxAge: time.Minute + 1}}}, 204, "", map[string]string{"Set-Cookie": "__Host-a=b; Path=/; Max-Age=61; HttpOnly; Secure; SameSite=Lax"}},
		{"a cookie of the session", kit.Answer{Status: 204, Cookies: []kit.Cookie{{Name: "__Host-a", Value: "b", CrossSite: true}}}, 204, "", map[string]string{"Set-Cookie": "__Host-a=b; Path=/; HttpOnly; Secure; SameSite=None"}},
		{"a cookie for ever", kit.Answer{Status: 204, Cookies: []kit.Cookie{{Name: "__Host-a", Value: "b", MaxAge: math.MaxInt64}}}, 204, "", map[string]string{"Set-Cookie": "__Host-a=b; Path=/; Max-Age=9223372037; HttpOnly; Secure; SameSite=Lax"}},
		{"no cookie", kit.Answer{Status: 204, Cookies: []kit.Cookie{{Name: "__Host-a", MaxAge: -1}}}, 204, "", map[string]string{"Set-Cookie": "__Host-a=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax"}},
		{"tokens and no members", kit.Answer{Tokens: pair, Body: []byte("{ }\n")}, 200, `{"access_token":"a.b.c","token_type":"bearer","expires_in":1800}`, nil},
		{"a long cookie", kit.Answer{Status: 204, Cookies: []kit.Cookie{{Name: "__Host-a", Value: strings.Repeat("x", 4096)}}}, 500, "", nil},
		{"two lines in Location", kit.Answer{Status: 303, Location: "/\r\nX: y"}, 500, "", nil},
		{"two lines in CacheControl", kit.Answer{Status: 204, CacheControl: "public\nX: y"}, 500, "", nil},
		{"a control character in ETag", kit.Answer{Status: 204, ETag: "\"\x7f\""}, 500, "", nil},
		{"no status", kit.Answer{Body: []byte("{}")}, 500, "", nil},
		{"a status of a refusal", kit.Answer{Status: 404, Body: []byte("{}")}, 500, "", nil},
		{"a body with 204", kit.Answer{Status: 204, Body: []byte("{}")}, 500, "", nil},
		{"a bad cookie", kit.Answer{Status: 204, Cookies: []kit.Cookie{{Name: "a b"}}}, 500, "", nil},
		{"tokens twice", kit.Answer{Tokens: pair, Body: []byte(`{"access_token":"x"}`)}, 500, "", nil},
		{"tokens and a list", kit.Answer{Tokens: pair, Body: []byte(`[]`)}, 500, "", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rg := newRig(t, Options{}, withProbe(kit.Extension{Routes: []kit.Route{
				{Method: "GET", Path: "/x", Serve: serving(func() (kit.Answer, error) { return tc.answer, nil })},
			}}))
			w := do(rg, "GET", "/auth/x", "")
			if tc.status == 500 {
				wantProblem(t, w, 500, "internal_error")
				wantLogged(t, rg.log)
				return
			}
			if w.Code != tc.status || w.Body.String() != tc.body || w.Header().Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("got %d %v\n%s\nwant %d\n%s", w.Code, w.Header(), w.Body, tc.status, tc.body)
			}
			for name, want := range tc.header {
				if got := w.Header().Get(name); got != want {
					t.Errorf("%s: got %q, want %q", name, got, want)
				}
			}
		})
	}
}

// The frame reads, bounds and refuses the bodies of features as those of MyAuth's own routes.
func TestBodiesOfFeatures(t *testing.T) {
	var got kit.Body
	serve := func(_ context.Context, r kit.Request) (kit.Answer, error) { got = r.Body; return kit.Done(), nil }
	rg := newRig(t, Options{}, withProbe(kit.Extension{Routes: []kit.Route{
		{Method: "POST", Path: "/none", Body: kit.NoBody, Serve: serve},
		{Method: "POST", Path: "/json", Body: kit.JSONBody, Serve: serve},
		{Method: "POST", Path: "/optional", Body: kit.OptionalJSON, Serve: serve},
		{Method: "POST", Path: "/form", Body: kit.JSONOrForm, Serve: serve},
		{Method: "POST", Path: "/mine", Access: kit.SignedIn, Body: kit.JSONBody, Serve: serve},
	}}))
	large := strings.Repeat("x", maxBody+1)
	for _, tc := range []struct {
		path, body, kind string
		status           int
		want             string
	}{
		{"none", large, "", 204, ""},
		{"json", `{"a":1}`, mediaJSON, 204, `{"a":1}`},
		{"json", large, mediaJSON, 413, ""},
		{"json", "a=1", mediaForm, 415, ""},
		{"json", "{}", "", 415, ""},
		{"optional", "", "", 204, "{}"},
		{"optional", `{"a":1}`, mediaJSON, 204, `{"a":1}`},
		{"optional", "", mediaJSON, 204, "{}"},
		{"optional", "", mediaForm, 415, ""},
		{"optional", `{"a":1}`, "", 415, ""},
		{"optional", large, "", 413, ""},
		{"optional", "a=1", mediaForm, 415, ""},
		{"form", "a=1", mediaForm, 204, "map[a:1]"},
		{"form", large, mediaForm, 413, ""},
		{"mine", large, mediaJSON, 401, ""}, // before the body is looked at
	} {
		got = kit.Body{}
		var header []string
		if tc.kind != "" {
			header = []string{"Content-Type", tc.kind}
		}
		w := do(rg, "POST", "/auth/"+tc.path, tc.body, header...)
		text := string(got.JSON)
		if got.Form != nil {
			text = fmt.Sprint(got.Form)
		}
		if w.Code != tc.status || text != tc.want {
			t.Errorf("%s with %.20q as %q: got %d and %.20q, want %d and %q", tc.path, tc.body, tc.kind, w.Code, text, tc.status, tc.want)
		}
	}
}

// What a feature's route finds out about its caller.
func TestAccessOfFeatures(t *testing.T) {
	who := func(_ context.Context, r kit.Request) (kit.Answer, error) {
		return kit.JSON(200, r.User.Username+" "+fmt.Sprint(r.Claims.Subject == r.User.ID))
	}
	rg := newRig(t, Options{Realm: "The Shop"}, withProbe(kit.Extension{Routes: []kit.Route{
		{Method: "GET", Path: "/public", Serve: who},
		{Method: "GET", Path: "/mine", Access: kit.SignedIn, Serve: who},
		{Method: "GET", Path: "/recent", Access: kit.RecentlySignedIn, Serve: who},
		{Method: "GET", Path: "/perhaps", Access: kit.PublicOrRecent, Serve: func(ctx context.Context, r kit.Request) (kit.Answer, error) {
			if r.QueryValue("as") == "user" && r.NotSignedIn != nil {
				return kit.Answer{}, r.NotSignedIn
			}
			return who(ctx, r)
		}},
		{Method: "GET", Path: "/refuses", Access: kit.SignedIn, Serve: serving(func() (kit.Answer, error) { return kit.Answer{}, kit.ErrExpiredToken })},
	}}), func(o *kit.Options) { o.RecentLogin = 5 * time.Minute })
	bearer := "Bearer " + rg.accessToken(t)
	get := func(path string, header ...string) (string, string) {
		w := do(rg, "GET", "/auth/"+path, "", header...)
		return strings.Trim(w.Body.String(), `"`), w.Header().Get("WWW-Authenticate")
	}
	if body, _ := get("public", "Authorization", bearer); body != " true" {
		t.Errorf("a public route knows %q", body)
	}
	if body, _ := get("perhaps"); body != " true" {
		t.Errorf("without a token: %s", body)
	}
	if body, _ := get("perhaps", "Authorization", "Bearer x"); body != " true" {
		t.Errorf("with a bad token that it does not need: %s", body)
	}
	for _, path := range []string{"mine", "recent", "perhaps?as=user"} {
		if body, _ := get(path, "Authorization", bearer); body != "Ada true" {
			t.Errorf("%s: got %s", path, body)
		}
		if body, challenge := get(path); !strings.Contains(body, "missing_token") || challenge != `Bearer realm="The Shop"` {
			t.Errorf("%s: got %s, %s", path, body, challenge)
		}
	}
	// The token that the route refuses is another than that in the header.
	if body, challenge := get("refuses", "Authorization", bearer); !strings.Contains(body, "expired_token") || challenge != `Bearer realm="The Shop"` {
		t.Errorf("got %s, %s", body, challenge)
	}
	rg.clock.Advance(5*time.Minute + time.Second)
	if body, _ := get("mine", "Authorization", bearer); body != "Ada true" {
		t.Errorf("got %s", body)
	}
	const wanted = `Bearer realm="The Shop", error="insufficient_user_authentication", max_age="300"`
	for _, path := range []string{"recent", "perhaps?as=user"} {
		if body, challenge := get(path, "Authorization", bearer); !strings.Contains(body, "reauthentication_required") || challenge != wanted {
			t.Errorf("%s: got %s, %s", path, body, challenge)
		}
	}
	if body, _ := get("perhaps", "Authorization", bearer); body != " true" {
		t.Errorf("after a login that was too long ago: %s", body)
	}
}

// A route of administrators: the role of now counts, and what it does has its actor.
func TestRoutesOfAdministrators(t *testing.T) {
	var core *kit.Core
	var events []kit.Event
	rg := newRig(t, Options{}, withProbe(kit.Extension{Routes: []kit.Route{
		{Method: "POST", Path: "/act", Access: kit.AdminOnly, Body: kit.OptionalJSON, Serve: func(ctx context.Context, r kit.Request) (kit.Answer, error) {
			core.Emit(ctx, kit.Event{Kind: "acted", UserID: "target"})
			return kit.Done(), nil
		}},
	}}), func(o *kit.Options) {
		o.Features = append(o.Features, lender{&core})
		o.OnEvent = func(_ context.Context, e kit.Event) { events = append(events, e) }
	})
	bearer := "Bearer " + rg.accessToken(t)
	act := func() *httptest.ResponseRecorder { return do(rg, "POST", "/auth/act", "", "Authorization", bearer) }
	wantProblem(t, act(), 403, "insufficient_role")
	wantProblem(t, do(rg, "POST", "/auth/act", ""), 401, "missing_token")
	if _, err := rg.svc.AddRole(t.Context(), rg.user.ID, "admin"); err != nil {
		t.Fatal(err)
	}
	if w := act(); w.Code != 204 {
		t.Fatal(w.Body)
	}
	if e := events[len(events)-1]; e.Kind != "acted" || e.Actor != rg.user.ID || e.UserID != "target" {
		t.Errorf("the event is %+v", e)
	}
	rg.clock.Advance(10*time.Minute + time.Second)
	wantProblem(t, act(), 401, "reauthentication_required")
}

// lender gives a test its Core.
type lender struct{ core **kit.Core }

func (lender) Name() string { return "lender" }
func (l lender) Attach(core *kit.Core) (kit.Extension, error) {
	*l.core = core
	return kit.Extension{}, nil
}

// crashing is a factor whose method panics.
type crashing struct{ kit.Factor }

func (crashing) Enroll(context.Context, kit.User, kit.Body) (kit.Prompt, error) { panic("the factor") }

// A mistake in a feature is one 500 and one line in the log, and the next request is served.
// during is a part of a body that takes its time: it calls itself when it is read.
type during func()

func (d during) Read([]byte) (int, error) {
	d()
	return 0, io.EOF
}

// A client may hold its body back. What becomes of the session meanwhile counts, for the routes of
// features too.
func TestHeldBodies(t *testing.T) {
	serve := func(_ context.Context, r kit.Request) (kit.Answer, error) {
		t.Errorf("the route was called for %s", r.User.ID)
		return kit.Done(), nil
	}
	rg := newRig(t, Options{}, withProbe(kit.Extension{Routes: []kit.Route{
		{Method: "PUT", Path: "/probe", Access: kit.SignedIn, Body: kit.JSONBody, Serve: serve},
		{Method: "PUT", Path: "/recent", Access: kit.RecentlySignedIn, Body: kit.OptionalJSON, Serve: serve},
	}}))
	for _, tc := range []struct {
		route, code string
		meanwhile   func(claims accesstoken.Claims) error
	}{
		{"PUT /probe", codeRevokedToken, func(accesstoken.Claims) error { return rg.svc.EndAllSessions(t.Context(), rg.user.ID) }},
		{"PUT /recent", codeRevokedToken, func(c accesstoken.Claims) error { return rg.svc.EndSession(t.Context(), c.Subject, c.SessionID) }},
		{"PUT /recent", codeReauthentication, func(accesstoken.Claims) error { rg.clock.Advance(11 * time.Minute); return nil }},
		{"PATCH /me", codeRevokedToken, func(accesstoken.Claims) error { return rg.svc.EndAllSessions(t.Context(), rg.user.ID) }},
	} {
		token := rg.accessToken(t)
		claims, err := rg.svc.Verifier().Verify(token)
		if err != nil {
			t.Fatal(err)
		}
		method, path, _ := strings.Cut(tc.route, " ")
		r := httptest.NewRequest(method, "/auth"+path, io.MultiReader(strings.NewReader(`{"username":`), during(func() {
			if err := tc.meanwhile(claims); err != nil {
				t.Error(err)
			}
		}), strings.NewReader(`"Mallory"}`)))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		rg.ServeHTTP(w, r)
		wantProblem(t, w, http.StatusUnauthorized, tc.code)
		if got := w.Header().Get("WWW-Authenticate"); !strings.Contains(got, `error="`) {
			t.Errorf("%s: WWW-Authenticate is %s", tc.route, got)
		}
	}
}

func TestPanicsOfFeatures(t *testing.T) {
	boom := false
	rg := newPageRig(t, Options{}, withProbes(
		probe{"probe", kit.Extension{
			Routes: []kit.Route{{Method: "GET", Path: "/x", Serve: serving(func() (kit.Answer, error) { panic("the route") })}},
			Gate: func(context.Context, kit.User, kit.Login) error {
				if boom {
					panic("the gate")
				}
				return nil
			},
		}},
		probe{"pin", kit.Extension{Factor: crashing{}}},
	))
	post(rg, "/auth/verify-email", `{"token":"`+string(rg.mail().Token)+`"}`)
	bearer := "Bearer " + rg.accessToken(t)
	wantProblem(t, do(rg, "GET", "/auth/x", ""), 500, "internal_error")
	wantLogged(t, rg.log, "the route")
	rg.log.clear()
	wantProblem(t, do(rg, "POST", "/auth/mfa/pin", "", "Authorization", bearer), 500, "internal_error")
	wantLogged(t, rg.log, "the factor")
	rg.log.clear()
	boom = true
	const login = `{"email":"ada@example.com","password":"` + goodPassword + `"}`
	wantProblem(t, post(rg, "/auth/login", login), 500, "internal_error")
	wantLogged(t, rg.log, "the gate")
	boom = false
	if w := post(rg, "/auth/login", login); w.Code != 200 {
		t.Errorf("afterwards: %d %s", w.Code, w.Body)
	}
}

// panicking panics wherever it is shown.
type panicking struct{}

func (panicking) Error() string                { panic("the error") }
func (panicking) MarshalJSON() ([]byte, error) { panic("the member") }

// The same for what a route returns as its error. A nil *kit.Problem in an error is an easy
// mistake.
func TestErrorsThatPanic(t *testing.T) {
	for name, err := range map[string]error{
		"nil pointer": (*kit.Problem)(nil),
		"the error":   panicking{},
		"the member":  &kit.Problem{Status: 400, Members: map[string]any{"x": panicking{}}},
	} {
		t.Run(name, func(t *testing.T) {
			rg := newRig(t, Options{}, withProbe(kit.Extension{Routes: []kit.Route{
				{Method: "GET", Path: "/x", Serve: serving(func() (kit.Answer, error) { return kit.Answer{}, err })},
			}}))
			wantProblem(t, do(rg, "GET", "/auth/x", ""), 500, "internal_error")
			wantLogged(t, rg.log, name)
		})
	}
}

// The problem of a feature is written as it is, wherever it comes from.
func TestProblemsOfFeatures(t *testing.T) {
	p := kit.NewProblem(403, "terms_required", "Terms", "Accept the <terms>.")
	p.Members = map[string]any{"terms_token": kit.Secret("s<cret"), "version": 7, "status": 200, "code": "x", "errors": 1, "instance": "y"}
	const want = `{"type":"urn:myauth:error:terms_required","title":"Terms","status":403,"detail":"Accept the <terms>.","code":"terms_required","terms_token":"s<cret","version":7}`
	rg := newRig(t, Options{}, withProbe(kit.Extension{
		Routes: []kit.Route{
			{Method: "GET", Path: "/x", Serve: serving(func() (kit.Answer, error) { return kit.Answer{}, fmt.Errorf("wrapped: %w", p) })},
			{Method: "GET", Path: "/bad", Serve: serving(func() (kit.Answer, error) {
				return kit.Answer{}, &kit.Problem{Status: 400, Members: map[string]any{"x": func() {}}}
			})},
		},
		Gate: func(context.Context, kit.User, kit.Login) error { return p },
	}))
	for _, w := range []string{
		do(rg, "GET", "/auth/x", "").Body.String(),
		post(rg, "/auth/login", `{"email":"ada@example.com","password":"`+goodPassword+`"}`).Body.String(),
	} {
		if w != want {
			t.Errorf("got\n%s\nwant\n%s", w, want)
		}
	}
	wantProblem(t, do(rg, "GET", "/auth/bad", ""), 500, "internal_error")
	wantLogged(t, rg.log, "Members")
	for _, text := range []string{fmt.Sprintf("%+v %#v %s", *p, p, p), jsonOf(t, *p)} {
		if strings.Contains(text, "cret") {
			t.Errorf("shown: %s", text)
		}
	}
}

func jsonOf(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
