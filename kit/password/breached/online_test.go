package breached_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"myauth.internal/kit/password"
	"myauth.internal/kit/password/breached"
)

// What the tests look up: SHA-1 of password is 5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8.
const (
	stolen = "password"
	digits = "5BAA6"
	rest   = "1E4C9B93F3F0682250B6CF8331B7EE68FD8"
)

// anything accepts every password.
var anything = password.PolicyFunc(func(context.Context, string, ...string) ([]password.Violation, error) { return nil, nil })

// padded returns an answer of so many lines, as the service pads them, with line among them.
func padded(n int, line string) string {
	var b strings.Builder
	for i := range n {
		if i == n/2 {
			b.WriteString(line + "\r\n")
		}
		fmt.Fprintf(&b, "%035X:0\r\n", i)
	}
	return b.String()
}

// heard keeps what OnError gets.
type heard []error

func (h *heard) hear(_ context.Context, err error) { *h = append(*h, err) }

// tellsNothing fails for a text with anything of the hash.
func tellsNothing(t *testing.T, text string) {
	t.Helper()
	for _, secret := range []string{digits, rest[:6]} {
		if strings.Contains(strings.ToUpper(text), secret) {
			t.Errorf("%q has %q in it", text, secret)
		}
	}
}

func online(t *testing.T, next password.Policy, o *breached.Options) password.Policy {
	t.Helper()
	p, err := breached.Online(next, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestAnswers: what the service can answer, and whether the password is refused, accepted, or
// accepted because the answer is no answer.
func TestAnswers(t *testing.T) {
	elsewhere := 0
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		elsewhere++
		fmt.Fprintln(w, rest+":1")
	}))
	defer other.Close()
	const (
		refused = iota
		accepted
		unknown
	)
	body := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) }
	}
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", other.URL)
			w.WriteHeader(code)
			if code != http.StatusNoContent && code != http.StatusNotModified {
				fmt.Fprint(w, rest+":1\r\n")
			}
		}
	}
	const mebi = 1 << 20
	padding := strings.Repeat(strings.Repeat("0", 35)+":0\r\n", mebi/39-1) // lines of 39 bytes
	full := rest + ":" + strings.Repeat("0", mebi-len(padding)-39) + "1\r\n" + padding
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   int
	}{
		"its line alone":    {body(rest + ":52256372"), refused},
		"padding around it": {body(padded(1000, rest+":52256372")), refused},
		"the first line":    {body(rest + ":1\r\n" + padded(9, "0"+rest[1:]+":1")), refused},
		"ends of Unix":      {body(strings.ReplaceAll(padded(9, rest+":1"), "\r", "")), refused},
		"lower case":        {body(strings.ToLower(padded(9, rest+":1"))), refused},
		"padding":           {body(padded(1000, rest+":0")), accepted},
		"others":            {body(padded(9, rest[:34]+"9:7")), accepted},
		"a mebibyte":        {body(full), refused},
		"a byte more":       {body(strings.Replace(full, ":", ":0", 1)), unknown},
		"without an end": {func(w http.ResponseWriter, _ *http.Request) {
			for _, err := w.Write([]byte(full)); err == nil; _, err = w.Write([]byte(full)) {
			}
		}, unknown},
		"a bomb": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			zeros := make([]byte, mebi)
			for range 8 {
				if _, err := z.Write(zeros); err != nil {
					return
				}
			}
			z.Close()
		}, unknown},
		"its line and garbage": {body(rest + ":1\r\nno line\r\n"), unknown},
		"a negative count":     {body(rest + ":-1"), unknown},
		"no count":             {body(rest), unknown},
		"a whole hash":         {body(digits + rest + ":1"), unknown},
		"a page":               {body("<!DOCTYPE html><title>Log in to the Wi-Fi</title> " + digits + rest), unknown},
		"one long line":        {body(strings.Repeat("0", 100_000)), unknown},
		"nothing":              {body(""), unknown},
		"an empty line":        {body("\r\n" + rest + ":1"), unknown},
		"204":                  {status(204), unknown},
		"206":                  {status(206), unknown},
		"304":                  {status(304), unknown},
		"404":                  {status(404), unknown},
		"429":                  {status(429), unknown},
		"503":                  {status(503), unknown},
		"a redirect":           {status(302), unknown},
		"a permanent redirect": {status(308), unknown},
		"less than it promised": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100000")
			fmt.Fprint(w, rest+":1\r\n")
		}, unknown},
		"a panic": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, unknown},
		"no HTTP, and an echo": {func(w http.ResponseWriter, r *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				panic(err)
			}
			fmt.Fprintf(conn, "you asked for %s\r\n\r\n", r.URL)
			conn.Close()
		}, unknown},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(c.answer)
			defer server.Close()
			var errs heard
			p := online(t, anything, &breached.Options{URL: server.URL + "/range", Client: server.Client(), OnError: errs.hear})
			broken, err := password.Check(t.Context(), p, stolen)
			if err != nil {
				t.Error(err)
			}
			if got := len(broken) == 1 && broken[0].Code == "common_password" && broken[0].Message != ""; got != (c.want == refused) || len(broken) > 1 {
				t.Errorf("%v", broken)
			}
			if (len(errs) == 1) != (c.want == unknown) || len(errs) > 1 {
				t.Errorf("heard %v", errs)
			}
			for _, err := range errs {
				tellsNothing(t, fmt.Sprintf("%+v %#v", err, err))
				if !strings.HasPrefix(err.Error(), "breached: ") {
					t.Error(err)
				}
			}
			// Without anyone who listens it is the same.
			p = online(t, anything, &breached.Options{URL: server.URL + "/range", Client: server.Client()})
			if again, err := password.Check(t.Context(), p, stolen); len(again) != len(broken) || err != nil {
				t.Error(again, err)
			}
		})
	}
	if elsewhere > 0 {
		t.Errorf("a redirect was followed %d times", elsewhere)
	}
}

// TestNoServer: where nobody listens, passwords are accepted.
func TestNoServer(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	var errs heard
	p := online(t, anything, &breached.Options{URL: server.URL, OnError: errs.hear})
	if broken, err := password.Check(t.Context(), p, stolen); len(broken) > 0 || err != nil || len(errs) != 1 {
		t.Fatal(broken, err, errs)
	}
	tellsNothing(t, errs[0].Error())
}

// TestWhatLeaves: five digits, the headers that the service wants, and nothing else.
func TestWhatLeaves(t *testing.T) {
	var dumps []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		dump, err := httputil.DumpRequest(r, true)
		if err != nil {
			t.Error(err)
		}
		dumps = append(dumps, string(dump))
		fmt.Fprint(w, padded(9, rest+":1"))
	}))
	defer server.Close()
	for _, path := range []string{"", "/", "/range", "/a/mirror/"} {
		dumps = nil
		p := online(t, anything, &breached.Options{URL: server.URL + path, Client: server.Client()})
		for range 2 { // nothing is cached
			if broken, err := password.Check(t.Context(), p, stolen, "ada@example.com", "Ada"); len(broken) != 1 || err != nil {
				t.Fatal(broken, err)
			}
		}
		want := fmt.Sprintf("GET %s/%s HTTP/1.1\r\nHost: %s\r\nAccept-Encoding: gzip\r\nAdd-Padding: true\r\nUser-Agent: ",
			strings.TrimSuffix(path, "/"), digits, strings.TrimPrefix(server.URL, "http://"))
		if len(dumps) != 2 || !strings.HasPrefix(dumps[0], want) || dumps[0] != dumps[1] {
			t.Fatalf("%q\nwant %q", dumps, want)
		}
		if agent := strings.TrimPrefix(dumps[0], want); !strings.HasSuffix(agent, ")\r\n\r\n") || strings.Count(agent, "\r\n") != 2 {
			t.Errorf("%q", agent)
		}
	}
}

// TestNextIsFirst: what next refuses or cannot tell is not looked up, and neither is a draft.
func TestNextIsFirst(t *testing.T) {
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		fmt.Fprint(w, rest+":1")
	}))
	defer server.Close()
	o := &breached.Options{URL: server.URL, Client: server.Client(), OnError: func(_ context.Context, err error) { t.Error(err) }}
	down := errors.New("down")
	for name, c := range map[string]struct {
		next password.Policy
		want []string
		err  error
	}{
		"nil is Strict": {nil, []string{"missing_uppercase", "missing_digit", "missing_special", "common_password"}, nil},
		"rules":         {password.Rules{MinLength: 9, LengthOnly: true}, []string{"too_short", "common_password"}, nil},
		"an error": {password.PolicyFunc(func(context.Context, string, ...string) ([]password.Violation, error) {
			return nil, down
		}), nil, down},
		"words": {password.PolicyFunc(func(_ context.Context, pw string, words ...string) ([]password.Violation, error) {
			if pw != stolen || !slices.Equal(words, []string{"one", "two"}) {
				t.Error(pw, words)
			}
			return []password.Violation{{Code: "mine", Message: "mine"}}, nil
		}), []string{"mine"}, nil},
	} {
		broken, err := online(t, c.next, o).Check(t.Context(), stolen, "one", "two")
		var got []string
		for _, v := range broken {
			got = append(got, v.Code)
		}
		if !slices.Equal(got, c.want) || err != c.err {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	p := online(t, anything, o)
	if broken, err := p.Check(password.WithDraft(t.Context()), stolen); len(broken) > 0 || err != nil {
		t.Error(broken, err)
	}
	if asked > 0 {
		t.Errorf("the service was asked %d times", asked)
	}
	if broken, err := p.Check(t.Context(), stolen); len(broken) != 1 || err != nil || asked != 1 {
		t.Error(broken, err, asked)
	}
}

// TestOptions: an option that cannot be right is refused, without its text.
func TestOptions(t *testing.T) {
	for _, u := range []string{
		"http://api.pwnedpasswords.com/range", "http://192.0.2.7/", "http://localhost.example/", "ftp://localhost/", "api.pwnedpasswords.com",
		"/range", "https://", "https:range", "https://user:hunter2@x/%zz", "https://x/?a=hunter2", "https://x/#hunter2", "http://hunter2@x/", "\x00",
	} {
		p, err := breached.Online(nil, &breached.Options{URL: u})
		if err == nil || p != nil || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), "URL") {
			t.Errorf("%q: %v", u, err)
		}
	}
	for _, u := range []string{"", "https://mirror.example", "https://user:hunter2@mirror.example:8443/a/b", "http://localhost:1/x", "http://127.1.2.3/", "http://[::1]:80/range"} {
		if _, err := breached.Online(nil, &breached.Options{URL: u}); err != nil {
			t.Errorf("%q: %v", u, err)
		}
	}
	// The caller's client is left alone.
	c := &http.Client{}
	online(t, nil, &breached.Options{Client: c})
	if c.CheckRedirect != nil {
		t.Error("the client was changed")
	}
}

// pipes is a network in memory, on which the clock of a bubble goes on while a call waits.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p pipes) Close() error   { close(p.closed); return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }

func (p pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case p.conns <- there:
		return here, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// TestSlowService: whatever hangs, a check ends after a second, or half of the time that the
// request has, and leaves no goroutine behind: a bubble ends when all of its goroutines have.
func TestSlowService(t *testing.T) {
	hang := func(r *http.Request) {
		select {
		case <-time.After(10 * time.Second):
		case <-r.Context().Done():
		}
	}
	handlers := map[string]http.HandlerFunc{
		"before the header": func(_ http.ResponseWriter, r *http.Request) { hang(r) },
		"in the body": func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, rest+":1\r\n")
			http.NewResponseController(w).Flush()
			hang(r)
		},
		"byte by byte": func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				fmt.Fprint(w, "0")
				http.NewResponseController(w).Flush()
				select {
				case <-time.After(100 * time.Millisecond):
				case <-r.Context().Done():
				}
			}
		},
		"when it is dialed": nil,
	}
	waits := map[string]struct {
		deadline, cancel time.Duration // of the request; 0: none
		took             time.Duration
		err              error
	}{
		"no deadline":        {took: time.Second},
		"a late deadline":    {deadline: time.Minute, took: time.Second},
		"a deadline":         {deadline: 600 * time.Millisecond, took: 300 * time.Millisecond},
		"a client that goes": {cancel: 400 * time.Millisecond, took: 400 * time.Millisecond, err: context.Canceled},
	}
	for where, handler := range handlers {
		for name, c := range waits {
			t.Run(where+" with "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					network := pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
					transport := &http.Transport{DialContext: network.dial}
					defer transport.CloseIdleConnections()
					if handler != nil {
						server := &http.Server{Handler: handler}
						go server.Serve(network)
						defer server.Close()
					}
					var errs heard
					p := online(t, anything, &breached.Options{URL: "http://localhost/range", Client: &http.Client{Transport: transport}, OnError: errs.hear})
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					if c.deadline > 0 {
						ctx, cancel = context.WithTimeout(ctx, c.deadline)
						defer cancel()
					}
					if c.cancel > 0 {
						defer time.AfterFunc(c.cancel, cancel).Stop()
					}
					start := time.Now()
					broken, err := password.Check(ctx, p, stolen)
					if took := time.Since(start); took != c.took {
						t.Errorf("it took %v, want %v", took, c.took)
					}
					if len(broken) > 0 || err != c.err {
						t.Errorf("%v, %v", broken, err)
					}
					if (len(errs) == 1) != (c.err == nil) {
						t.Errorf("heard %v", errs)
					}
					for _, err := range errs {
						tellsNothing(t, err.Error())
					}
				})
			})
		}
	}
}

// echo is a transport whose errors have all of the request in them.
type echo struct{}

func (echo) RoundTrip(r *http.Request) (*http.Response, error) {
	var b bytes.Buffer
	r.Write(&b)
	return nil, fmt.Errorf("cannot send %q", b.String())
}

// TestErrorsOfAClient: also an error of the application's own transport is told without the
// digits.
func TestErrorsOfAClient(t *testing.T) {
	var errs heard
	p := online(t, anything, &breached.Options{URL: "https://user:hunter2@mirror.example/range", Client: &http.Client{Transport: echo{}}, OnError: errs.hear})
	if broken, err := password.Check(t.Context(), p, stolen); len(broken) > 0 || err != nil || len(errs) != 1 {
		t.Fatal(broken, err, errs)
	}
	tellsNothing(t, errs[0].Error())
}
