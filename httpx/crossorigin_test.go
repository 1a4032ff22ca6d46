package httpx

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"myauth.internal/httpx/cookie"
	"myauth.internal/kit"
)

// foreign are the headers that browsers add to what pages of other origins send: new browsers say
// how the page is related, older ones only where it is from.
var foreign = map[string][]string{
	"cross-site":                {"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"},
	"cross-site, no origin":     {"Sec-Fetch-Site", "cross-site"},
	"same site, another origin": {"Sec-Fetch-Site", "same-site", "Origin", "https://blog.example.com"},
	"another port":              {"Sec-Fetch-Site", "same-site", "Origin", "https://app.example.com:8443"},
	"old browser":               {"Origin", "https://evil.example"},
	"old browser, same site":    {"Origin", "https://blog.example.com"},
	"old browser, no origin":    {"Origin", "null"},
	"a name like ours":          {"Origin", "https://app.example.com.evil.example"},
}

// own are what our own pages send, and programs that are no browser.
var own = map[string][]string{
	"same origin": {"Sec-Fetch-Site", "same-origin", "Origin", site},
	"old browser": {"Origin", site},
	"typed":       {"Sec-Fetch-Site", "none"},
	"a program":   nil,
}

func unsafe(method string) bool { return method != http.MethodGet && method != http.MethodHead }

// Every route that changes something refuses the forms and scripts of other origins, login
// included, whatever they send; but for those that say that they protect themselves.
func TestCrossOriginRoutes(t *testing.T) {
	var svc *kit.Service
	rg := newRig(t, inCookies, door(&svc))
	svc = rg.svc
	b := signedIn(t, rg)
	writes := 0
	count := func() (n int) {
		for _, op := range []string{"users.Create", "users.Update", "users.Delete", "tokens.Create", "tokens.Update", "tokens.Delete", "credentials.Create", "credentials.Update"} {
			n += rg.faults.Calls(op)
		}
		return n
	}
	refused := 0
	for _, rt := range append(rg.routes(), svc.Routes()...) {
		path := "/auth" + strings.NewReplacer("{id}", "x", "{name}", "any").Replace(rt.Path)
		for name, header := range foreign {
			for _, media := range []string{"", "application/json", "application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x"} {
				body := ""
				if media != "" {
					header, body = append([]string{"Content-Type", media}, header...), loginBody
				}
				other := b.another()
				writes = count()
				w := do(rg, rt.Method, site+path, body, append(header, "Cookie", cookie.Access+"="+b.cookies[cookie.Access]+"; "+cookie.Refresh+"="+b.cookies[cookie.Refresh])...)
				other.keep(w)
				var p kit.Problem
				_ = json.Unmarshal(w.Body.Bytes(), &p)
				if want := unsafe(rt.Method) && !rt.CrossSite; (p.Code == "cross_origin") != want || want && (w.Code != 403 || count() != writes || len(w.Result().Cookies()) > 0) {
					t.Errorf("%s %s by %s, %s: %d %s", rt.Method, path, name, media, w.Code, w.Body)
				}
				if p.Code == "cross_origin" {
					refused++
				}
			}
		}
		for name, header := range own {
			w := do(rg, rt.Method, site+path, "", header...)
			if w.Code == 403 && strings.Contains(w.Body.String(), "cross_origin") {
				t.Errorf("%s %s by %s: %d %s", rt.Method, path, name, w.Code, w.Body)
			}
		}
	}
	if refused < 20*len(foreign) {
		t.Errorf("only %d requests were refused", refused)
	}
	b.want(b.send("GET", "/auth/me", ""), 200)
	stranger := newBrowser(t, rg)
	stranger.want(stranger.send("POST", "/auth/login", loginBody, foreign["same site, another origin"]...), 403, "cross_origin") // login CSRF
	stranger.has(false)
	stranger.want(stranger.send("POST", "/auth/login/elsewhere", "", foreign["cross-site"]...), 200)
}

// The application's own routes are protected behind each middleware, and its forms behind
// RequireSameOrigin.
func TestCrossOriginPages(t *testing.T) {
	rg := newRig(t, Options{Cookies: true, TrustedOrigins: []string{"https://shop.example.com"}})
	rg.reader(t)
	b := signedIn(t, application(rg.Handler))
	for _, path := range []string{"/user", "/live", "/recent", "/verified", "/role", "/twice", "/token", "/page", "/identify", "/same-origin"} {
		for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "HEAD", "GET", "OPTIONS"} {
			reads := !unsafe(method) || method == "OPTIONS"
			for name, header := range foreign {
				w := b.send(method, path, "", header...)
				if refused := w.Code == 403 && strings.Contains(w.Body.String(), "cross_origin"); refused == reads || reads && w.Code != 200 {
					t.Errorf("%s %s by %s: %d %s", method, path, name, w.Code, w.Body)
				}
			}
			for name, header := range own {
				if w := b.send(method, path, "", header...); w.Code != 200 {
					t.Errorf("%s %s by %s: %d %s", method, path, name, w.Code, w.Body)
				}
			}
			if w := b.send(method, path, "", "Sec-Fetch-Site", "same-site", "Origin", "https://shop.example.com"); w.Code != 200 {
				t.Errorf("%s %s by a trusted origin: %d %s", method, path, w.Code, w.Body)
			}
		}
	}
	b.want(b.send("POST", "/auth/logout", "", "Sec-Fetch-Site", "same-site", "Origin", "http://shop.example.com"), 403, "cross_origin")
	b.want(b.send("POST", "/auth/logout", "", "Sec-Fetch-Site", "same-site", "Origin", "https://shop.example.com"), 204)
}

// A cookie that names a session is the user's; a page elsewhere that sends a token in the header,
// which no browser adds by itself, is refused all the same: CORS must allow it first.
func TestCrossOriginWithHeader(t *testing.T) {
	rg := newRig(t, inCookies)
	w := do(rg, "POST", site+"/auth/sessions/revoke-others", "", append([]string{"Authorization", "Bearer " + rg.accessToken(t)}, foreign["cross-site"]...)...)
	wantProblem(t, w, 403, "cross_origin")
}

// A page of another origin that opens a WebSocket would read what the user may, whatever CORS says.
func TestCrossOriginWebSocket(t *testing.T) {
	rg := newRig(t, Options{Cookies: true, TrustedOrigins: []string{"https://shop.example.com"}})
	rg.reader(t)
	b := signedIn(t, application(rg.Handler))
	open := func(path string, header ...string) *httptest.ResponseRecorder {
		return b.send("GET", path, "", append([]string{"Connection", "Upgrade", "Upgrade", "WebSocket"}, header...)...)
	}
	for _, path := range []string{"/user", "/live", "/token", "/page", "/identify", "/same-origin"} {
		for _, header := range foreign {
			b.want(open(path, header...), 403, "cross_origin")
		}
		for _, header := range own {
			b.want(open(path, header...), 200)
		}
		b.want(open(path, "Origin", "https://shop.example.com"), 200)
	}
}
