package httpx

import (
	"bytes"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"myauth.internal/httpx/cookie"
	"myauth.internal/kit"
	"myauth.internal/kit/memstore"
)

// serve measures h behind a real listener: one connection for each processor, kept
// alive, with the same GET on it again and again.
func serve(b *testing.B, h http.Handler, header string) {
	server := httptest.NewServer(h)
	defer server.Close()
	request := []byte("GET /auth/me HTTP/1.1\r\nHost: example.com\r\n" + header + "\r\n")
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			b.Error(err)
			return
		}
		defer conn.Close()
		answer := make([]byte, 4096)
		for pb.Next() {
			if _, err := conn.Write(request); err != nil {
				b.Error(err)
				return
			}
			// The answers are small and come in one piece.
			n, err := conn.Read(answer)
			if err != nil || !bytes.HasPrefix(answer[:n], []byte("HTTP/1.1 200 OK\r\n")) || !bytes.HasSuffix(answer[:n], []byte("}")) {
				b.Errorf("got %q, %v", answer[:n], err)
				return
			}
		}
	})
}

// BenchmarkMe is GET /auth/me beside a bare handler that runs the same query and
// writes the same bytes, without looking at a token. Over memory the query costs next
// to nothing, so this is the least favorable store there is.
func BenchmarkMe(b *testing.B) {
	rg := newRig(b, Options{})
	store := memstore.New()
	if err := store.Users().Create(b.Context(), rg.user); err != nil {
		b.Fatal(err)
	}
	bare := http.NewServeMux()
	bare.HandleFunc("GET /auth/me", func(w http.ResponseWriter, r *http.Request) {
		u, err := store.Users().ByID(r.Context(), rg.user.ID)
		if err != nil {
			http.Error(w, "no such user", http.StatusNotFound)
			return
		}
		body, err := u.AppendJSON(nil)
		if err != nil {
			http.Error(w, "internal error", http.StatusInternalServerError)
			return
		}
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Type", "application/json")
		w.Write(body)
	})
	authorization := "Authorization: Bearer " + rg.accessToken(b) + "\r\n"
	b.Run("myauth", func(b *testing.B) { serve(b, rg, authorization) })
	b.Run("bare", func(b *testing.B) { serve(b, bare, authorization) })
}

// blank is a ResponseWriter that keeps nothing, so that what stands in front of it is
// measured alone.
type blank struct{ header http.Header }

func (b blank) Header() http.Header       { return b.header }
func (blank) WriteHeader(int)             {}
func (blank) Write(p []byte) (int, error) { return len(p), nil }

// BenchmarkMiddleware is what protecting a handler costs each request.
func BenchmarkMiddleware(b *testing.B) {
	rg := newRig(b, Options{})
	token := rg.accessToken(b)
	for _, tc := range []struct {
		name    string
		protect func(http.Handler) http.Handler
	}{
		{"RequireToken", rg.RequireToken},
		{"RequireUser", rg.RequireUser},
	} {
		b.Run(tc.name, func(b *testing.B) {
			reached := 0
			h := tc.protect(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached++ }))
			r := httptest.NewRequest(http.MethodGet, "/orders", nil)
			r.Header.Set("Authorization", "Bearer "+token)
			w := blank{http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				h.ServeHTTP(w, r)
			}
			if reached != b.N {
				b.Errorf("%d of %d requests got through", reached, b.N)
			}
		})
	}
}

// BenchmarkCookies is what BenchmarkMiddleware measures in cookie mode, GET /me within the process,
// and a renewal within the grace, which writes nothing.
func BenchmarkCookies(b *testing.B) {
	rg := newRig(b, Options{Cookies: true})
	tokens, err := rg.svc.Login(b.Context(), "ada@example.com", goodPassword)
	if err != nil {
		b.Fatal(err)
	}
	access, refresh := cookie.Access+"="+string(tokens.AccessToken), cookie.Refresh+"="+string(tokens.RefreshToken)
	page := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	for _, tc := range []struct {
		name, path, cookies string
		h                   http.Handler
	}{
		{"RequireToken", "/orders", access + "; " + refresh, rg.RequireToken(page)},
		{"RequireUser", "/orders", access + "; " + refresh, rg.RequireUser(page)},
		{"RequireSignIn", "/orders", access + "; " + refresh, rg.RequireSignIn("/sign-in", nil)(page)},
		{"me", "/auth/me", access + "; " + refresh, rg},
		{"renewal", "/orders", refresh, rg.RequireUser(page)},
	} {
		b.Run(tc.name, func(b *testing.B) {
			r := httptest.NewRequest(http.MethodGet, "https://app.example.com"+tc.path, nil)
			r.Header.Set("Cookie", tc.cookies)
			r.Header.Set("Sec-Fetch-Site", "same-origin")
			w := blank{http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				clear(w.header)
				tc.h.ServeHTTP(w, r)
			}
		})
	}
}

// BenchmarkRegisterBody is what reading and checking a body costs before kit sees it.
func BenchmarkRegisterBody(b *testing.B) {
	const body = `{"email":"ada@example.com","username":"Ada","password":"Engine#1843!","user_settings":{"theme":"dark","newsletter":false}}`
	reader := strings.NewReader(body)
	r := httptest.NewRequest(http.MethodPost, "/auth/register", reader)
	r.Header.Set("Content-Type", "application/json")
	b.ReportAllocs()
	for b.Loop() {
		reader.Reset(body)
		c, err := readBody(r, kit.JSONBody)
		if err != nil {
			b.Fatal(err)
		}
		var in kit.Registration
		fields := []kit.Field{
			{Name: "email", Text: &in.Email, Empty: true},
			{Name: "username", Text: &in.Username, Empty: true},
			{Name: "password", Text: (*string)(&in.Password), Empty: true},
			{Name: "user_settings", Object: &in.Settings, Optional: true},
		}
		if err := c.Decode(fields, nil); err != nil {
			b.Fatal(err, fields)
		}
	}
}

// BenchmarkRefresh is POST /auth/refresh within the grace, which writes nothing: the frame, the
// body, a look-up of the session and of the user, and a new access token.
func BenchmarkRefresh(b *testing.B) {
	rg := newRig(b, Options{})
	tokens, err := rg.svc.Login(b.Context(), "ada@example.com", goodPassword)
	if err != nil {
		b.Fatal(err)
	}
	body := `{"refresh_token":"` + string(tokens.RefreshToken) + `"}`
	reader := strings.NewReader(body)
	r := httptest.NewRequest(http.MethodPost, "/auth/refresh", reader)
	r.Header.Set("Content-Type", "application/json")
	w := blank{http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		reader.Reset(body)
		rg.ServeHTTP(w, r)
	}
}
