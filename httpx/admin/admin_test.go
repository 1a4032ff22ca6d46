package admin_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"myauth.internal/httpx"
	"myauth.internal/httpx/admin"
	"myauth.internal/kit"
	"myauth.internal/kit/kittest"
)

// office is a Service with an administrator, behind its HTTP API.
type office struct {
	*kittest.Kit
	t       *testing.T
	handler http.Handler
	admin   kit.User
	access  string // the administrator's

	mu     sync.Mutex
	events []kit.Event
}

// newOffice makes an office. Its administrator has the role from the test, not from Options.
func newOffice(t *testing.T, change ...func(*kit.Options)) *office {
	t.Helper()
	o := &office{t: t}
	o.Kit = kittest.New(t, append([]func(*kit.Options){func(opts *kit.Options) {
		opts.Features = append(opts.Features, admin.New(nil))
		opts.OnEvent = o.hear
	}}, change...)...)
	o.handler = handlerOf(t, o.Service)
	var tokens kit.TokenPair
	o.admin, tokens = o.LogIn("boss@example.com", kit.AdminRole)
	o.access = string(tokens.AccessToken)
	return o
}

func handlerOf(t testing.TB, svc *kit.Service) http.Handler {
	t.Helper()
	handler, err := httpx.New(svc, nil)
	if err != nil {
		t.Fatal(err)
	}
	return handler
}

func (o *office) hear(_ context.Context, e kit.Event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.events = append(o.events, e)
}

// heard returns the events since the last call.
func (o *office) heard() []kit.Event {
	o.mu.Lock()
	defer o.mu.Unlock()
	events := o.events
	o.events = nil
	return events
}

// as sends a request, such as "GET /admin/users", with an access token.
func (o *office) as(access, request, body string) *httptest.ResponseRecorder {
	return send(o.handler, access, request, body)
}

// do sends a request of the administrator.
func (o *office) do(request, body string) *httptest.ResponseRecorder {
	return o.as(o.access, request, body)
}

func send(handler http.Handler, access, request, body string) *httptest.ResponseRecorder {
	method, path, _ := strings.Cut(request, " ")
	r := httptest.NewRequest(method, "/auth"+path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("Authorization", "Bearer "+access)
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}

// want wants a status, and of an error the code.
func want(t *testing.T, w *httptest.ResponseRecorder, status int, code string) {
	t.Helper()
	var problem struct{ Code string }
	_ = json.Unmarshal(w.Body.Bytes(), &problem)
	if w.Code != status || problem.Code != code {
		t.Fatalf("got %d %s, want %d %s\n%s", w.Code, problem.Code, status, code, w.Body)
	}
}

// user is an account as administrators see it.
type user struct {
	ID, Email, Username string
	Roles, Factors      []string
	Verified            bool `json:"is_verified"`
	Active              bool `json:"is_active"`
	HasPassword         bool `json:"has_password"`
}

func decode[T any](t *testing.T, w *httptest.ResponseRecorder) (v T) {
	t.Helper()
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil || w.Code != http.StatusOK {
		t.Fatalf("got %d %s, %v", w.Code, w.Body, err)
	}
	return v
}

// stored returns an account as it is.
func stored(t *testing.T, k *kittest.Kit, id string) kit.User {
	t.Helper()
	u, err := k.UserByID(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// another makes an account with roles.
func (o *office) another(email string, roles ...string) kit.User {
	o.t.Helper()
	u, _ := o.LogIn(email, roles...)
	return u
}

// A value of the setting that no account could have is refused when the Service is made.
func TestFirstAdminIsAnAddress(t *testing.T) {
	k := kittest.New(t)
	for _, address := range []string{"ada", "Ada <ada@example.com>", " ada@example.com", "ada@example.com, bob@example.com"} {
		_, err := kit.New(k.Store.Stores(), k.Keys, &kit.Options{Features: []kit.Feature{admin.New(&admin.Options{FirstAdmin: address})}})
		if err == nil || !strings.Contains(err.Error(), "Options.FirstAdmin") {
			t.Errorf("%q: got error %v, want one that names Options.FirstAdmin", address, err)
		}
	}
}

// What an administrator sees of an account is what its owner sees, and two members more.
func TestShowUser(t *testing.T) {
	o := newOffice(t)
	ada := o.another("ada@example.com", "editor")
	if _, err := o.EditUser(t.Context(), ada.ID, kit.Edit{Roles: []string{"b", `"a`}}); err != nil {
		t.Fatal(err)
	}
	own, _ := stored(o.t, o.Kit, ada.ID).MarshalJSON()
	expected := strings.TrimSuffix(string(own), "}") + `,"has_password":true,"factors":[]}`
	if got := o.do("GET /admin/users/"+ada.ID, "").Body.String(); got != expected {
		t.Errorf("got  %s\nwant %s", got, expected)
	}
	bare, err := o.CreateUser(t.Context(), kit.Registration{Email: "bare@example.com", Username: "x"})
	if err != nil {
		t.Fatal(err)
	}
	if u := decode[user](t, o.do("GET /admin/users/"+bare.ID, "")); u.HasPassword || u.Factors == nil {
		t.Errorf("got %+v", u)
	}
	for _, id := range []string{"x", strings.Repeat("x", 65), strings.Repeat("x", 8<<10), "%20", "%00", "%ff", "a%2fb", "ada@example.com"} {
		if w := o.do("GET /admin/users/"+id, ""); w.Code != 404 && w.Code != 400 {
			t.Errorf("%q: got %d %s", id, w.Code, w.Body)
		}
	}
}

// A member of the body that is there has its type; each that has not is named, and nothing
// is changed. Others are ignored.
func TestEditInput(t *testing.T) {
	o := newOffice(t)
	ada := o.another("ada@example.com", "editor")
	before := stored(o.t, o.Kit, ada.ID)
	for _, body := range []string{
		`{"username":null}`, `{"username":7}`, `{"roles":null}`, `{"roles":"admin"}`, `{"roles":{}}`, `{"roles":[null]}`, `{"roles":["x",7]}`, `{"roles":[["x"]]}`,
		`{"is_active":null}`, `{"is_active":"false"}`, `{"is_active":0}`, `{"is_verified":[]}`, `{"is_active":false,"username":7}`,
		`{"roles":[""]}`, `{"roles":["a\u0000"]}`, `{"username":""}`, `{"username":"a\nb"}`, `{"is_active":false,"roles":["` + strings.Repeat("x", 65) + `"]}`,
	} {
		want(t, o.do("PATCH /admin/users/"+ada.ID, body), 422, "validation_failed")
	}
	for _, body := range []string{`[]`, `null`, ``, `{"roles":[],"roles":["x"]}`, `{"roles":["\ud800"]}`} {
		if w := o.do("PATCH /admin/users/"+ada.ID, body); w.Code != 400 && w.Code != 415 {
			t.Errorf("%s: got %d %s", body, w.Code, w.Body)
		}
	}
	for _, body := range []string{`{}`, `{"is_active":true,"email":"mallory@example.com","id":"x","password":"x","password_hash":"x","factors":[],"Roles":[],"session_epoch":7}`} {
		if u := decode[user](t, o.do("PATCH /admin/users/"+ada.ID, body)); u.Email != "ada@example.com" || !slices.Equal(u.Roles, []string{"editor"}) {
			t.Errorf("%s: got %+v", body, u)
		}
	}
	if after := stored(o.t, o.Kit, ada.ID); after.Version != before.Version {
		t.Errorf("the account was %+v and is %+v", before, after)
	}

	w := o.do("PATCH /admin/users/"+ada.ID, `{"roles":[7],"username":true,"is_verified":"x","is_active":{}}`)
	if errors := decodeProblem(t, w.Body.Bytes()); len(errors) != 4 {
		t.Errorf("got %s", w.Body)
	}
}

// An edit changes what it names, all in one write.
func TestEdit(t *testing.T) {
	o := newOffice(t)
	ada := o.another("ada@example.com", "editor")
	u := decode[user](t, o.do("PATCH /admin/users/"+ada.ID, `{"username":" Countess ","roles":["b","a","b"],"is_active":false,"is_verified":false}`))
	if u.Username != "Countess" || !slices.Equal(u.Roles, []string{"b", "a"}) || u.Active || u.Verified {
		t.Errorf("got %+v", u)
	}
	if stored := stored(o.t, o.Kit, ada.ID); stored.Version != ada.Version+1 || stored.Active || stored.Verified || !slices.Equal(stored.Roles, u.Roles) {
		t.Errorf("stored: %+v, from version %d", stored, ada.Version)
	}
	if u := decode[user](t, o.do("PATCH /admin/users/"+ada.ID, `{"roles":[]}`)); len(u.Roles) != 0 || u.Active {
		t.Errorf("got %+v", u)
	}
}

// The sessions of an account are those that its owner sees, without which of them asks.
func TestSessions(t *testing.T) {
	o := newOffice(t)
	ada, tokens := o.LogIn("ada@example.com")
	second, err := o.Login(t.Context(), ada.Email, kittest.Password)
	if err != nil {
		t.Fatal(err)
	}
	type list struct{ Sessions []map[string]any }
	seen := decode[list](t, o.do("GET /admin/users/"+ada.ID+"/sessions", ""))
	own := decode[list](t, o.as(string(tokens.AccessToken), "GET /sessions", ""))
	for _, s := range own.Sessions {
		delete(s, "current")
		i := slices.IndexFunc(seen.Sessions, func(other map[string]any) bool { return other["id"] == s["id"] })
		if a, b := text(t, s), ""; i < 0 {
			t.Errorf("a session is not in the list: %s", a)
		} else if b = text(t, seen.Sessions[i]); a != b {
			t.Errorf("got  %s\nwant %s", b, a)
		}
	}
	if len(seen.Sessions) != 2 {
		t.Errorf("got %d sessions", len(seen.Sessions))
	}
	want(t, o.do("DELETE /admin/users/"+ada.ID+"/sessions", ""), 204, "")
	for _, tokens := range []kit.TokenPair{tokens, second} {
		want(t, o.as(string(tokens.AccessToken), "GET /me", ""), 401, "revoked_token")
	}
	if got := o.do("GET /admin/users/"+ada.ID+"/sessions", "").Body.String(); got != `{"sessions":[]}` {
		t.Errorf("got %s", got)
	}
	want(t, o.do("GET /admin/users/x/sessions", ""), 404, "user_not_found")
}

func text(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func decodeProblem(t *testing.T, body []byte) []kit.FieldError {
	t.Helper()
	var problem struct{ Errors []kit.FieldError }
	if err := json.Unmarshal(body, &problem); err != nil {
		t.Fatalf("%v\n%s", err, body)
	}
	return problem.Errors
}

// Whoever ends the own session by an act loses its cookies with the answer, and nobody else does.
func TestSignedOutByTheOwnAct(t *testing.T) {
	o := newOffice(t)
	handler, err := httpx.New(o.Service, &httpx.Options{Cookies: true})
	if err != nil {
		t.Fatal(err)
	}
	o.another("second@example.com", kit.AdminRole)
	for _, tc := range []struct {
		request, body string
		ends          bool
	}{
		{"PATCH /admin/users/%s", `{"username":"Boss"}`, false},
		{"GET /admin/users/%s", "", false},
		{"POST /admin/users/%s/reset-factors", "", false}, // there are none
		{"PATCH /admin/users/%s", `{"is_active":false}`, true},
		{"DELETE /admin/users/%s/sessions", "", true},
		{"DELETE /admin/users/%s", "", true},
	} {
		for _, own := range []bool{true, false} {
			boss, tokens := o.LogIn("third@example.com", kit.AdminRole)
			target := boss
			if !own {
				target = o.another("target@example.com")
			}
			method, path, _ := strings.Cut(strings.ReplaceAll(tc.request, "%s", target.ID), " ")
			r := httptest.NewRequest(method, "https://example.com/auth"+path, strings.NewReader(tc.body))
			if tc.body != "" {
				r.Header.Set("Content-Type", "application/json")
			}
			r.AddCookie(&http.Cookie{Name: "__Host-myauth_at", Value: string(tokens.AccessToken)})
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			removed := slices.ContainsFunc(w.Result().Cookies(), func(c *http.Cookie) bool { return c.Name == "__Host-myauth_rt" && c.MaxAge < 0 })
			if w.Code >= 300 || removed != (own && tc.ends) {
				t.Errorf("%s %s of the own account %t: got %d, the cookies are removed %t", tc.request, tc.body, own, w.Code, removed)
			}
			if tc.ends {
				for _, u := range []kit.User{boss, target} {
					if _, err := o.Activate(t.Context(), u.ID); err != nil && !errors.Is(err, kit.ErrUserNotFound) {
						t.Fatal(err)
					}
				}
			}
		}
	}
}
