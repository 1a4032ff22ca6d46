package httpx

import (
	"bufio"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// What a ServeMux would answer by itself, in text or with a redirect, is a problem too.
func TestUnknownPaths(t *testing.T) {
	rg := newRig(t, Options{})
	for _, path := range []string{
		"/", "/auth", "/auth/", "/auth/nothing", "/auth/me/", "/auth/me/x", "/auth/ME", "/Auth/me", "/me",
		"//auth/me", "/auth//me", "/auth/me//", "/auth/./me", "/auth/../auth/me", "/auth/x/../me", "/auth/me/.", "/auth/..",
		"/auth%2Fme", "/auth/%2e%2e/auth/me", "/auth/me%2F", "/auth/me%00", "/auth/%6d%65%20", "/authx/me",
	} {
		for _, method := range []string{"GET", "HEAD", "POST", "OPTIONS", "BREW"} {
			w := do(rg, method, path, "")
			if method == http.MethodHead {
				if w.Code != http.StatusNotFound || w.Body.Len() > 0 || w.Header().Get("Content-Type") != "application/problem+json" {
					t.Errorf("HEAD %s: got %d %q", path, w.Code, w.Body)
				}
				continue
			}
			if p := wantProblem(t, w, http.StatusNotFound, "not_found"); p.Code == "" || t.Failed() {
				t.Fatalf("%s %s", method, path)
			}
		}
	}
	t.Run("an unreserved character may be escaped", func(t *testing.T) {
		wantProblem(t, do(rg, http.MethodGet, "/auth/%6De", ""), http.StatusUnauthorized, "missing_token")
	})
	t.Run("request targets that are no path", func(t *testing.T) {
		server := httptest.NewServer(rg)
		defer server.Close()
		for _, target := range []string{"GET *", "CONNECT example.com:443", "CONNECT /auth//me", "CONNECT /nothing"} {
			conn, err := net.Dial("tcp", server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := io.WriteString(conn, target+" HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			response, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			if response.StatusCode != http.StatusNotFound || response.Header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("%s: got %d %v", target, response.StatusCode, response.Header)
			}
		}
	})
}

func TestMethods(t *testing.T) {
	rg := newRig(t, Options{})
	methods := map[string][]string{}
	for _, rt := range rg.routes() {
		path := strings.Replace(rt.Path, "{id}", "1", 1)
		methods[path] = append(methods[path], rt.Method)
		if rt.Method == http.MethodGet {
			methods[path] = append(methods[path], http.MethodHead)
		}
	}
	methods["/sessions/revoke-others"] = []string{"DELETE", "POST"} // it might be the ID of a session
	for path, allowed := range methods {
		slices.Sort(allowed)
		allow := strings.Join(allowed, ", ")
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "BREW"} {
			w := do(rg, method, "/auth"+path, "")
			if slices.Contains(allowed, method) {
				if w.Code == http.StatusMethodNotAllowed || w.Code == http.StatusNotFound {
					t.Errorf("%s %s: got %d", method, path, w.Code)
				}
				continue
			}
			if got := w.Header().Get("Allow"); got != allow || w.Code != http.StatusMethodNotAllowed {
				t.Errorf("%s %s: got %d and Allow %q, want 405 and %q", method, path, w.Code, got, allow)
			}
			if method != http.MethodHead {
				wantProblem(t, w, http.StatusMethodNotAllowed, "method_not_allowed")
			}
		}
	}
}

// The document has the routes of the table and no others.
func TestEveryRouteIsDocumented(t *testing.T) {
	rg := newRig(t, Options{})
	paths := served(t, rg.Handler)["paths"].(map[string]any)
	for _, rt := range rg.routes() {
		method := strings.ToLower(rt.Method)
		if at(paths, "/auth"+rt.Path, method) == nil {
			t.Errorf("the document lacks %s %s", rt.Method, rt.Path)
			continue
		}
		delete(paths["/auth"+rt.Path].(map[string]any), method)
	}
	for path, operations := range paths {
		for method := range operations.(map[string]any) {
			t.Errorf("no route is %s %s of the document", method, path)
		}
	}
}

func TestHead(t *testing.T) {
	rg := newRig(t, Options{})
	authorization := "Bearer " + rg.accessToken(t)
	for _, route := range []string{"me", "openapi.json", ".well-known/jwks.json", "nothing"} {
		get := do(rg, http.MethodGet, "/auth/"+route, "", "Authorization", authorization)
		head := do(rg, http.MethodHead, "/auth/"+route, "", "Authorization", authorization)
		if head.Code != get.Code || head.Body.Len() > 0 || fmt.Sprint(head.Header()) != fmt.Sprint(get.Header()) {
			t.Errorf("%s: HEAD is %d %v, GET is %d %v", route, head.Code, head.Header(), get.Code, get.Header())
		}
		if got := get.Header().Get("Content-Length"); got != fmt.Sprint(get.Body.Len()) {
			t.Errorf("%s: Content-Length %s of %d", route, got, get.Body.Len())
		}
	}
}

// Wherever the handler is mounted, it finds its routes, and says where they are.
func TestMounting(t *testing.T) {
	under := func(path string) func(http.Handler) http.Handler {
		return func(h http.Handler) http.Handler {
			mux := http.NewServeMux()
			mux.Handle(path, h)
			return mux
		}
	}
	for _, tc := range []struct {
		name   string
		opts   Options
		mount  func(http.Handler) http.Handler
		prefix string
	}{
		{"default", Options{}, under("/auth/"), "/auth"},
		{"by itself", Options{}, func(h http.Handler) http.Handler { return h }, "/auth"},
		{"with a slash", Options{Prefix: "/auth/"}, under("/auth/"), "/auth"},
		{"deeper", Options{Prefix: "/api/v1/auth"}, under("/api/v1/auth/"), "/api/v1/auth"},
		{"root", Options{Prefix: "/"}, under("/"), ""},
		{"one host", Options{}, under("example.com/auth/"), "/auth"},
		{"cut off", Options{PublicPrefix: "/api/auth"}, func(h http.Handler) http.Handler {
			return under("/api/")(http.StripPrefix("/api", h))
		}, "/api/auth"},
		{"cut off wholly", Options{Prefix: "/", PublicPrefix: "/auth"}, func(h http.Handler) http.Handler {
			return under("/auth/")(http.StripPrefix("/auth", h))
		}, "/auth"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rg := newRig(t, tc.opts)
			h := tc.mount(rg)
			w := post(h, tc.prefix+"/register", `{"email":"eve@example.com","username":"Eve","password":"Engine#1843!"}`)
			if got := w.Header().Get("Location"); w.Code != http.StatusCreated || got != tc.prefix+"/me" {
				t.Fatalf("register: got %d, Location %q, %s", w.Code, got, w.Body)
			}
			w = do(h, http.MethodGet, w.Header().Get("Location"), "", "Authorization", "Bearer "+rg.accessToken(t))
			if w.Code != http.StatusOK {
				t.Errorf("me: got %d", w.Code)
			}
			wantProblem(t, do(h, http.MethodGet, tc.prefix+"/nothing", ""), http.StatusNotFound, "not_found")
			wantProblem(t, do(h, http.MethodGet, tc.prefix+"/login", ""), http.StatusMethodNotAllowed, "method_not_allowed")

			w = do(h, http.MethodGet, tc.prefix+"/openapi.json", "")
			var doc struct {
				Paths      map[string]any
				Components struct {
					SecuritySchemes struct {
						Password struct {
							Flows struct{ Password struct{ TokenURL string } }
						}
					}
				}
			}
			if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil {
				t.Fatal(err)
			}
			for _, rt := range rg.routes() {
				if doc.Paths[tc.prefix+rt.Path] == nil {
					t.Errorf("the document lacks %s%s", tc.prefix, rt.Path)
				}
			}
			if got := doc.Components.SecuritySchemes.Password.Flows.Password.TokenURL; got != tc.prefix+"/login" {
				t.Errorf("tokenUrl is %s", got)
			}
			text := w.Body.String()
			if tc.prefix != "" {
				text = strings.ReplaceAll(text, tc.prefix+"/", "")
			}
			if strings.Contains(text, "/auth/") {
				t.Error("the document speaks of a path under /auth")
			}
		})
	}
}

func TestBadOptions(t *testing.T) {
	svc := newRig(t, Options{}).svc
	page := func(s string) func(io.Writer, any) error { return template.Must(template.New("page").Parse(s)).Execute }
	for _, tc := range []struct {
		field string
		opts  Options
	}{
		{"Prefix", Options{Prefix: "auth"}},
		{"Prefix", Options{Prefix: "/auth//x"}},
		{"Prefix", Options{Prefix: "//"}},
		{"Prefix", Options{Prefix: "/auth/../x"}},
		{"Prefix", Options{Prefix: "/{tenant}"}},
		{"Prefix", Options{Prefix: "/a b"}},
		{"PublicPrefix", Options{PublicPrefix: "https://app.example.com/auth"}},
		{"Realm", Options{Realm: `a"b`}},
		{"Realm", Options{Realm: "a\r\nb"}},
		{"TrustedProxies", Options{TrustedProxies: make([]netip.Prefix, 1)}},
		{"TrustedProxies", Options{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("::ffff:10.0.0.0/104")}}},
		{"TrustedProxies", Options{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}}},
		{"PageTemplate", Options{PageTemplate: page("{{.Tokn}}")}},
		{"PageTemplate", Options{PageTemplate: page("no form")}},
		{"PageTemplate", Options{PageTemplate: page("{{.Token}}")}},
	} {
		_, err := New(svc, &tc.opts)
		if err == nil || !strings.HasPrefix(err.Error(), "httpx: Options."+tc.field) {
			t.Errorf("New: got %v, want an error about %s", err, tc.field)
		}
		if _, err := NewMiddleware(svc.Verifier(), &tc.opts); (err == nil) != (tc.field == "PageTemplate") {
			t.Errorf("NewMiddleware with a bad %s: got %v", tc.field, err)
		}
	}
	if _, err := New(nil, nil); err == nil {
		t.Error("New takes no Service")
	}
	if _, err := NewMiddleware(nil, nil); err == nil {
		t.Error("NewMiddleware takes no Verifier")
	}
}
