package httpx

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"myauth.internal/httpx/cookie"
	"myauth.internal/kit"
	"myauth.internal/kit/kittest"
)

func TestRequireSignIn(t *testing.T) {
	rg := newRig(t, inCookies)
	shown := 0
	page := rg.RequireSignIn("/sign-in", nil)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		shown++
		if u, ok := UserFrom(r.Context()); !ok || u.ID != rg.user.ID {
			t.Error("no user")
		}
	}))
	stranger := newBrowser(t, page)
	for _, tc := range []struct{ method, target, want string }{
		{"GET", "/notes", "/sign-in?next=%2Fnotes"},
		{"GET", "/notes?page=2&q=a+b%26c", "/sign-in?next=%2Fnotes%3Fpage%3D2%26q%3Da%2Bb%2526c"},
		{"HEAD", "/notes", "/sign-in?next=%2Fnotes"},
		{"GET", "/", "/sign-in"},
		{"POST", "/notes", "/sign-in"}, // a browser cannot go back there
		{"DELETE", "/notes", "/sign-in"},
		{"GET", "//evil.example/", "/sign-in"},
		{"GET", "/\\evil.example", "/sign-in?next=%2F%255Cevil.example"},
		{"GET", "/%09/evil.example", "/sign-in?next=%2F%2509%2Fevil.example"},
	} {
		w := stranger.send(tc.method, tc.target, "")
		location := w.Header().Get("Location")
		if w.Code != http.StatusSeeOther || location != tc.want || w.Header().Get("Cache-Control") != "no-store" || len(w.Result().Cookies()) > 0 {
			t.Errorf("%s %s: %d %v", tc.method, tc.target, w.Code, w.Header())
		}
		u, err := url.Parse(location)
		if err != nil {
			t.Fatal(err)
		}
		if next := u.Query().Get("next"); next != "" && (cookie.Next(next) != next || tc.target != "//evil.example/" && next != tc.target && !strings.Contains(next, "%5C")) {
			t.Errorf("%s: it goes on to %q", tc.target, next)
		}
	}
	if w := newBrowser(t, rg.RequireSignIn("/sign-in?lang=de", nil)(page)).send("GET", "/notes", ""); w.Header().Get("Location") != "/sign-in?lang=de&next=%2Fnotes" {
		t.Errorf("a sign-in page with a query: %v", w.Header())
	}
	b := signedIn(t, rg)
	b.h = page
	for _, method := range []string{"GET", "HEAD", "POST"} {
		if w := b.send(method, "/notes", ""); w.Code != 200 || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %v", method, w.Code, w.Header())
		}
	}
	if shown != 3 {
		t.Errorf("shown %d times", shown)
	}
	b.another().send("GET", "/notes", "")
	rg.svc.EndAllSessions(t.Context(), rg.user.ID)
	w := b.send("GET", "/notes", "")
	if w.Code != http.StatusSeeOther || shown != 4 {
		t.Errorf("after the end of the session: %d", w.Code)
	}
	b.has(false)
}

// What is no missing session is not sent to sign in: the page is shown as failed, with the status.
func TestRequireSignInFails(t *testing.T) {
	for name, tc := range map[string]struct {
		prepare func(*rig)
		header  []string
		method  string
		status  int
		cookies bool
	}{
		"outage":       {func(rg *rig) { rg.faults.Inject("*", kittest.Down, -1) }, nil, "GET", 503, true},
		"a panic":      {func(rg *rig) { rg.faults.Inject("users.ByID", kittest.Panic, 1) }, nil, "GET", 500, true},
		"disabled":     {func(rg *rig) { rg.svc.Deactivate(t.Context(), rg.user.ID) }, nil, "GET", 403, false},
		"cross-origin": {func(*rig) {}, foreign["cross-site"], "POST", 403, true},
		"two tokens":   {func(*rig) {}, []string{"Authorization", "Bearer x"}, "GET", 400, true},
	} {
		for _, shows := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				rg := newRig(t, inCookies)
				b := signedIn(t, rg)
				var got kit.Problem
				fail := func(w http.ResponseWriter, _ *http.Request, p kit.Problem) {
					got = p
					w.WriteHeader(p.Status)
				}
				if !shows {
					fail = nil
				}
				b.h = rg.RequireSignIn("/sign-in", fail)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it got in") }))
				tc.prepare(rg)
				w := b.send(tc.method, "/notes", "", tc.header...)
				if w.Code != tc.status || shows && got.Status != tc.status || w.Header().Get("Location") != "" || w.Header().Get("Cache-Control") != "no-store" {
					t.Errorf("got %d %v, problem %d", w.Code, w.Header(), got.Status)
				}
				if !shows && !strings.Contains(w.Body.String(), `"code"`) {
					t.Errorf("no problem: %s", w.Body)
				}
				b.has(tc.cookies)
			})
		}
	}
}

func TestIdentify(t *testing.T) {
	rg := newRig(t, inCookies)
	b := signedIn(t, rg)
	identify := func(b *browser) (u kit.User, err error) {
		onPage(b, b.request("GET", "/", ""), func(w http.ResponseWriter, r *http.Request) { u, _, err = rg.Identify(w, r) })
		return u, err
	}
	if u, err := identify(b); err != nil || u.ID != rg.user.ID {
		t.Errorf("got %v, %v", u.ID, err)
	}
	if _, err := identify(newBrowser(t, rg)); ProblemOf(err).Status != 401 {
		t.Errorf("nobody: %v", err)
	}
	rg.faults.Inject("*", kittest.Down, -1)
	if _, err := identify(b); ProblemOf(err).Status != 503 {
		t.Errorf("an outage: %v", err)
	}
	b.has(true)
	rg.faults.Clear()
	rg.svc.EndAllSessions(t.Context(), rg.user.ID)
	if _, err := identify(b); ProblemOf(err).Status != 401 {
		t.Errorf("after the end: %v", err)
	}
	b.has(false)
	bearer := newRig(t, Options{})
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", "Bearer "+bearer.accessToken(t))
	if u, _, err := bearer.Identify(httptest.NewRecorder(), r); err != nil || u.ID != bearer.user.ID {
		t.Errorf("without cookie mode: %v, %v", u.ID, err)
	}
}
