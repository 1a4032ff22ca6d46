package jsfetch

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"
)

// Each handler is run here and under net/http's server, which says what is right.
func TestAnswerIsNetHTTPs(t *testing.T) {
	for name, f := range map[string]http.HandlerFunc{
		"nothing": func(http.ResponseWriter, *http.Request) {},
		"a body":  func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "{}") },
		"HTML":    func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<!doctype html>") },
		"a type": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "a/b")
			io.WriteString(w, "{}")
		},
		"no type": func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = nil
			io.WriteString(w, "{}")
		},
		"two values":          func(w http.ResponseWriter, _ *http.Request) { w.Header()["X-A"] = []string{"1", "2"} },
		"an error":            func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusTeapot) },
		"a redirect":          func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/b", http.StatusSeeOther) },
		"the first status":    func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(202); w.WriteHeader(500) },
		"early hints":         func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(103); w.WriteHeader(201) },
		"a header too late":   func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200); w.Header().Set("X-A", "1") },
		"a body after a 204":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204); must(t, w, http.ErrBodyNotAllowed) },
		"a body after a 304":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(304); must(t, w, http.ErrBodyNotAllowed) },
		"a body after a 200":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200); must(t, w, nil) },
		"an empty write":      func(w http.ResponseWriter, _ *http.Request) { w.Write(nil) },
		"echo of the request": echo,
	} {
		for _, method := range []string{"GET", "HEAD", "POST"} {
			t.Run(name+"/"+method, func(t *testing.T) { compare(t, f, method) })
		}
	}
}

func must(t *testing.T, w http.ResponseWriter, want error) {
	if _, err := io.WriteString(w, "x"); !errors.Is(err, want) {
		t.Errorf("Write says %v, want %v", err, want)
	}
}

// echo shows what handlers look at in a request.
func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})).Info("", "method", r.Method, "url", r.URL.String(), "path", r.URL.Path, "raw", r.URL.RawPath, "query", r.URL.RawQuery,
		"uri", r.RequestURI, "host", r.Host, "proto", r.Proto, "length", r.ContentLength, "x-a", r.Header["X-A"], "body", string(body), "err", err)
}

func compare(t *testing.T, h http.Handler, method string) {
	server := httptest.NewUnstartedServer(h)
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0) // "superfluous WriteHeader call"
	server.Start()
	defer server.Close()
	address := server.URL + "/a%2Fb/c?d=%20&e"
	body := ""
	if method == "POST" {
		body = "the body"
	}

	sent, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	sent.Header["X-A"] = []string{"1", "\xe9"}
	want, err := http.DefaultTransport.RoundTrip(sent)
	if err != nil {
		t.Fatal(err)
	}
	defer want.Body.Close()
	wantBody, err := io.ReadAll(want.Body)
	if err != nil {
		t.Fatal(err)
	}

	r, err := newRequest(t.Context(), method, address+"#fragment", http.Header{"X-A": {"1", "\xe9"}}, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	got, err := answer(h, r)
	if err != nil {
		t.Fatal(err)
	}
	if got.status != want.StatusCode || got.body.String() != string(wantBody) {
		t.Errorf("got %d %q, want %d %q", got.status, got.body.String(), want.StatusCode, wantBody)
	}
	// Of the connection, not of the answer.
	for _, name := range []string{"Content-Length", "Date"} {
		want.Header.Del(name)
	}
	for name, values := range got.sent {
		if w := want.Header[name]; strings.Join(values, "\n") != strings.Join(w, "\n") {
			t.Errorf("%s: got %q, want %q", name, values, w)
		}
	}
	for name, values := range want.Header {
		if len(got.sent[name]) == 0 {
			t.Errorf("%s: %q is missing", name, values)
		}
	}
}

func TestPanic(t *testing.T) {
	var logged bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&logged, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	r, err := newRequest(t.Context(), "GET", "http://a.example/x", http.Header{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]http.HandlerFunc{
		"before": func(http.ResponseWriter, *http.Request) { panic("boom") },
		"after": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(200)
			io.WriteString(w, "half")
			panic("boom")
		},
		"status": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(99) },
	} {
		logged.Reset()
		w, err := answer(f, r)
		if err != nil || w.status != http.StatusInternalServerError || w.body.String() != "Internal Server Error\n" {
			t.Errorf("%s: got %+v, %v", name, w, err)
		}
		if text := logged.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "path=/x") || !strings.Contains(text, "jsfetch_test.go") {
			t.Errorf("%s: logged %q", name, text)
		}
	}
	logged.Reset()
	_, err = answer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), r)
	if !errors.Is(err, errAborted) || logged.Len() > 0 {
		t.Errorf("got %v, logged %q", err, logged.String())
	}
}

func TestNewRequest(t *testing.T) {
	type key struct{}
	ctx := context.WithValue(t.Context(), key{}, "v")
	r, err := newRequest(ctx, "GET", "https://u:p@a.example:1/b?c#d", http.Header{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.Host != "a.example:1" || r.RemoteAddr != "" || r.URL.String() != "/b?c" || r.URL.User != nil || r.Context().Value(key{}) != "v" {
		t.Errorf("got %+v", r)
	}
	for _, address := range []string{"", "/b", "http:///b", "blob:http://a/b", "data:,x", "http://a/%zz", "http://[", "file:///b"} {
		if _, err := newRequest(ctx, "GET", address, http.Header{}, nil); err == nil || !strings.HasPrefix(err.Error(), "jsfetch: ") {
			t.Errorf("%q: got %v", address, err)
		}
	}
	if _, err := newRequest(ctx, "GET", "ftp://u:secret@a/b", http.Header{}, nil); strings.Contains(err.Error(), "secret") {
		t.Errorf("the error shows the password: %v", err)
	}
}

func TestByteString(t *testing.T) {
	var all []byte
	for b := range 256 {
		all = append(all, byte(b))
	}
	s := toByteString(string(all))
	if utf8.RuneCountInString(s) != 256 || !utf8.ValidString(s) {
		t.Errorf("got %q", s)
	}
	if back := fromByteString(s); back != string(all) {
		t.Errorf("got %q back", back)
	}
	if got := fromByteString("é€"); got != "\xe9?" {
		t.Errorf("got %q", got)
	}
}

// Whatever address a Request has, the handler sees the path and query alone, and they
// read the same again.
func FuzzNewRequest(f *testing.F) {
	f.Add("GET", "http://a.example/b%2Fc?d=e#f")
	f.Add("POST", "https://a.example")
	f.Add("GET", "http://a.example//b/../c?")
	f.Fuzz(func(t *testing.T, method, address string) {
		r, err := newRequest(t.Context(), method, address, http.Header{}, nil)
		if err != nil {
			return
		}
		if !strings.HasPrefix(r.RequestURI, "/") || r.URL.Host != "" || r.URL.Scheme != "" || r.URL.User != nil || r.URL.Fragment != "" || r.Host == "" {
			t.Errorf("%q became %q on %q, %+v", address, r.RequestURI, r.Host, r.URL)
		}
	})
}
