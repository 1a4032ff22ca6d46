package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/memstore"
)

// newService is a Service over store with the lowest cost and the given options.
func newService(t *testing.T, store *memstore.Store, opts kit.Options) *kit.Service {
	t.Helper()
	keys, err := accesstoken.HMAC([]byte(testSecret))
	if err != nil {
		t.Fatal(err)
	}
	opts.BcryptCost, opts.InsecureFastHash = 4, true
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	svc, err := kit.New(store.Stores(), keys, &opts)
	if err != nil {
		t.Fatal(err)
	}
	return svc
}

func TestReadyzAsksTheStore(t *testing.T) {
	store := memstore.New()
	handler := handlerOf(t, newService(t, store, kit.Options{}))
	get := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		return w
	}
	if w := get("/readyz"); w.Code != 200 {
		t.Errorf("status %d", w.Code)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	if w := get("/readyz"); w.Code != 503 || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("store closed: status %d, %v", w.Code, w.Header())
	}
	if w := get("/healthz"); w.Code != 200 {
		t.Errorf("store closed: /healthz %d", w.Code)
	}
}

// pipeListener hands out in-memory connections, whose deadlines keep to the
// clock of a synctest bubble.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
}

func newPipeListener() *pipeListener {
	return &pipeListener{make(chan net.Conn), make(chan struct{})}
}

func (l *pipeListener) dial() net.Conn {
	client, server := net.Pipe()
	l.conns <- server
	return client
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	select {
	case <-l.closed:
	default:
		close(l.closed)
	}
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8080} }

// TestSlowClientsEnd: a client that stops sending, in the head or in the body, or never
// begins, is cut off within the server's timeouts.
func TestSlowClientsEnd(t *testing.T) {
	for _, row := range []struct {
		name, sent string
		within     time.Duration
	}{
		{"nothing", "", 5 * time.Second},
		{"half a head", "POST /auth/login HTTP/1.1\r\nHost: x\r\n", 5 * time.Second},
		{"half a body", "POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{", 10 * time.Second},
		{"idle", "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", 2 * time.Minute},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newPipeListener()
				server := newServer(handlerOf(t, newService(t, memstore.New(), kit.Options{})), slog.New(slog.DiscardHandler))
				served := make(chan error, 1)
				go func() { served <- server.Serve(l) }()
				conn := l.dial()
				start := time.Now()
				go io.WriteString(conn, row.sent)
				if _, err := io.Copy(io.Discard, conn); err != nil {
					t.Error(err)
				}
				if took := time.Since(start); took < row.within || took > row.within+time.Second {
					t.Errorf("cut off after %v, want %v", took, row.within)
				}
				conn.Close()
				server.Close()
				<-served
			})
		})
	}
}

func TestLongHeadersAreRefused(t *testing.T) {
	server := httptest.NewUnstartedServer(nil)
	server.Config = newServer(handlerOf(t, newService(t, memstore.New(), kit.Options{})), slog.New(slog.DiscardHandler))
	server.Start()
	defer server.Close()
	for size, want := range map[int]int{16 << 10: 200, 64 << 10: http.StatusRequestHeaderFieldsTooLarge} {
		req, err := http.NewRequest("GET", server.URL+"/healthz", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Long", strings.Repeat("x", size))
		res, err := server.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("%d bytes: status %d, want %d", size, res.StatusCode, want)
		}
	}
}

// hangingMailer is a relay that accepts and says no more.
type hangingMailer struct{}

func (hangingMailer) Send(ctx context.Context, _ kit.Mail) error {
	<-ctx.Done()
	return ctx.Err()
}

// TestStopTakesTenSecondsAtMost: a client that does not finish its request, a relay
// that hangs, and a store that does not close, together.
func TestStopTakesTenSecondsAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		logger := slog.New(slog.NewTextHandler(&log, nil))
		svc := newService(t, memstore.New(), kit.Options{Logger: logger, Mailer: hangingMailer{}, PublicURL: "http://x"})
		if _, err := svc.Register(t.Context(), kit.Registration{Email: "a@example.com", Username: "a", Password: goodPassword}); err != nil {
			t.Fatal(err)
		}
		l := newPipeListener()
		ctx, cancel := context.WithCancel(t.Context())
		var announced bytes.Buffer
		served := make(chan error, 1)
		go func() { served <- serve(ctx, l, svc, handlerOf(t, svc), logger, &announced) }()
		conn := l.dial()
		go io.Copy(io.Discard, bufio.NewReader(conn))
		io.WriteString(conn, "POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
		synctest.Wait()
		start := time.Now()
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
		end := make(chan struct{})
		stuck := stores{close: func() error {
			<-end
			return nil
		}}
		if err := stuck.closeInTime(logger); err != nil {
			t.Error(err)
		}
		close(end)
		if took := time.Since(start); took != stopWithin {
			t.Errorf("it took %v, want %v", took, stopWithin)
		}
		conn.Close()
		synctest.Wait() // for those who were cut off, and log it
		if announced.String() != "listening on http://127.0.0.1:8080\n" {
			t.Errorf("announced %q", announced.String())
		}
		for _, want := range []string{"requests were cut off", "mails were not sent", "store was not closed"} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("the log does not say %q:\n%s", want, log.String())
			}
		}
	})
}

// TestStoresLogAsTheServer: what a store has to say when it opens is in the form of the server's log.
func TestStoresLogAsTheServer(t *testing.T) {
	url := emptyRedis(t)
	options, err := goredis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	client := goredis.NewClient(options)
	defer client.Close()
	// As the index of addresses is, of a user without an order by ID.
	if err := client.ZAdd(t.Context(), "{myauth:users}:emails", goredis.Z{Member: "ada@example.com\x001"}).Err(); err != nil {
		t.Fatal(err)
	}
	var s settings
	if err := setStore(&s.store, url); err != nil {
		t.Fatal(err)
	}
	s.tokenStore = s.store
	var log bytes.Buffer
	opened, err := openStores(t.Context(), &s, newLogger(&log, "json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := opened.close(); err != nil || !strings.Contains(log.String(), `"msg":"redis: the order of users by ID is built"`) {
		t.Errorf("%v; the log says %q", err, &log)
	}
}

// TestTheFirstStoreIsClosedWhenTheSecondFails: within its time, and without a word
// about it in the error, which is the one line about the setting.
func TestTheFirstStoreIsClosedWhenTheSecondFails(t *testing.T) {
	no := errors.New("no such server")
	for name, row := range map[string]struct {
		close func(end <-chan struct{}) error
		took  time.Duration
		log   string
	}{
		"at once":       {func(<-chan struct{}) error { return nil }, 0, ""},
		"with an error": {func(<-chan struct{}) error { return errors.New("the disk is full") }, 0, "the disk is full"},
		"never":         {func(end <-chan struct{}) error { <-end; return nil }, closeWithin, "was not closed in time"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				end, closing := make(chan struct{}), make(chan struct{})
				storeKinds["first"] = storeKind{open: func(context.Context, string, *slog.Logger) (stores, error) {
					return stores{close: func() error {
						close(closing)
						return row.close(end)
					}}, nil
				}}
				storeKinds["second"] = storeKind{open: func(context.Context, string, *slog.Logger) (stores, error) { return stores{}, no }}
				defer delete(storeKinds, "first")
				defer delete(storeKinds, "second")
				var log bytes.Buffer
				start := time.Now()
				_, err := openStores(t.Context(), &settings{store: storeURL{scheme: "first"}, tokenStore: storeURL{scheme: "second"}},
					slog.New(slog.NewTextHandler(&log, nil)))
				if !errors.Is(err, no) || err.Error() != "MYAUTH_TOKEN_STORE: no such server" {
					t.Errorf("got error %q", err)
				}
				if took := time.Since(start); took != row.took {
					t.Errorf("it took %v, want %v", took, row.took)
				}
				select {
				case <-closing:
				default:
					t.Error("the first store is still open")
				}
				if !strings.Contains(log.String(), row.log) || row.log == "" && log.Len() > 0 {
					t.Errorf("the log says %q, want %q", log.String(), row.log)
				}
				close(end)
			})
		})
	}
}

// slowMailer takes three seconds for a mail.
type slowMailer struct{ sent *atomic.Int64 }

func (m slowMailer) Send(ctx context.Context, _ kit.Mail) error {
	select {
	case <-time.After(3 * time.Second):
		m.sent.Add(1)
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// TestStopWaitsForMails: all of them, also those behind the ones under way, and no
// longer.
func TestStopWaitsForMails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent atomic.Int64
		svc := newService(t, memstore.New(), kit.Options{Mailer: slowMailer{sent: &sent}, PublicURL: "http://x"})
		for _, name := range []string{"a", "b", "c", "d", "e"} { // one more than there are workers
			if _, err := svc.Register(t.Context(), kit.Registration{Email: name + "@example.com", Username: name, Password: goodPassword}); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		start := time.Now()
		if err := serve(ctx, newPipeListener(), svc, handlerOf(t, svc), slog.New(slog.DiscardHandler), io.Discard); err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took != 6*time.Second || sent.Load() != 5 {
			t.Errorf("it took %v, and sent %d mails", took, sent.Load())
		}
	})
}

// brokenListener fails at once, as one does whose network is gone.
type brokenListener struct{ *pipeListener }

var errBroken = errors.New("the network is gone")

func (brokenListener) Accept() (net.Conn, error) { return nil, errBroken }

func TestServeSaysWhyItEnded(t *testing.T) {
	svc := newService(t, memstore.New(), kit.Options{})
	err := serve(t.Context(), brokenListener{newPipeListener()}, svc, handlerOf(t, svc), slog.New(slog.DiscardHandler), io.Discard)
	if !errors.Is(err, errBroken) {
		t.Errorf("got %v", err)
	}
	if err := svc.Ready(t.Context()); !errors.Is(err, kit.ErrClosed) {
		t.Errorf("the service is still open: %v", err)
	}
}

func TestURLs(t *testing.T) {
	for _, row := range []struct {
		addr       net.TCPAddr
		base, link string
	}{
		{net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80}, "http://127.0.0.1:80", "http://localhost:80"},
		{net.TCPAddr{IP: net.IPv6loopback, Port: 8080}, "http://[::1]:8080", "http://localhost:8080"},
		{net.TCPAddr{IP: net.IPv6zero, Port: 8080}, "http://[::]:8080", "http://localhost:8080"},
		{net.TCPAddr{IP: net.IPv4zero, Port: 8080}, "http://0.0.0.0:8080", "http://localhost:8080"},
		{net.TCPAddr{IP: net.ParseIP("fe80::1"), Zone: "eth0", Port: 1}, "http://[fe80::1%25eth0]:1", "http://[fe80::1%25eth0]:1"},
	} {
		if base, link := baseURL(&row.addr), linkURL(&row.addr); base != row.base || link != row.link {
			t.Errorf("%v: %s and %s, want %s and %s", &row.addr, base, link, row.base, row.link)
		}
	}
}

// TestEveryPathUnderAuthIsAProblem: a mux in front of the API would redirect some.
func TestEveryPathUnderAuthIsAProblem(t *testing.T) {
	handler := handlerOf(t, newService(t, memstore.New(), kit.Options{}))
	for _, path := range []string{"/auth", "/auth/", "/auth//me", "/auth/./me", "/auth/x/../me", "/auth/me/", "/auth/nothing"} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if w.Code != 404 || w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("GET %s: %d %v", path, w.Code, w.Header())
		}
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest("GET", "/authors", nil))
	if w.Code != 404 || w.Header().Get("Content-Type") == "application/problem+json" {
		t.Errorf("GET /authors is not the API's: %d %v", w.Code, w.Header())
	}
}
