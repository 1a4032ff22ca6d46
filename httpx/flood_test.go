//go:build !wasm

// It needs two things to happen at once: WebAssembly has one thread, and a hash that
// is being computed keeps it.

package httpx

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"myauth.internal/kit"
)

// slowHash is of cost 16, which takes seconds to compare. Only a caller that goes
// ends it sooner.
const slowHash = "$2b$16$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ0123."

// TestFloodOfLoginsThatGo keeps the one place to hash at taken, the queue of 64 full,
// and lets ten thousand clients come and go, while they wait or find no room: every tenth
// over a connection that it closes, the others, to be quick, by the context that such a
// connection ends. Nothing of them may be left.
func TestFloodOfLoginsThatGo(t *testing.T) {
	const queue, floods = 64, 10_000
	// One place to hash at and 64 to wait, whatever the machine has.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	rg := newRig(t, Options{})
	if _, err := rg.svc.Import(t.Context(), kit.User{Email: "slow@example.com", Username: "s", PasswordHash: slowHash, Active: true}); err != nil {
		t.Fatal(err)
	}
	before := runtime.NumGoroutine()
	var came, inside atomic.Int64 // requests, and those that are still served
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		came.Add(1)
		inside.Add(1)
		defer inside.Add(-1)
		rg.ServeHTTP(w, r)
	}))
	defer server.Close()
	addr := server.Listener.Addr().String()

	release := holdGate(t, rg)
	defer func() { release() }()

	// The clients that stay for a while fill the queue; what comes then is refused.
	fill := func() (leave func()) {
		t.Helper()
		var stay []net.Conn
		for range queue {
			stay = append(stay, sendLogin(t, addr))
		}
		until(t, "64 logins wait", func() bool { return inside.Load() == queue })
		until(t, "the queue is full", func() bool { return refused(rg) })
		return func() {
			for _, c := range stay {
				c.Close()
			}
			until(t, "the places of clients that went are free", func() bool { return inside.Load() == 0 })
		}
	}
	leave := fill()
	w := login(t.Context(), rg, "ada@example.com")
	wantProblem(t, w, http.StatusServiceUnavailable, "service_unavailable")
	if got := w.Header().Get("Retry-After"); got == "" || got == "0" {
		t.Errorf("Retry-After %q", got)
	}
	conn := sendLogin(t, addr)
	if res, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil || res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" {
		t.Errorf("over the network: %v, %v", res, err)
	}
	conn.Close()
	leave()

	// Holding ends with the hash: a fresh one for each part.
	release()
	release = holdGate(t, rg)
	came.Store(0)
	var clients sync.WaitGroup
	var left atomic.Int64
	left.Store(floods)
	for range 100 {
		clients.Go(func() {
			for n := left.Add(-1); n >= 0; n = left.Add(-1) {
				if n%10 > 0 {
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(n%7)*100*time.Microsecond)
					login(ctx, rg, "ada@example.com")
					cancel()
				} else if conn := sendLogin(t, addr); conn != nil {
					conn.Close()
				}
			}
		})
	}
	clients.Wait()
	until(t, "all have come and none is left", func() bool { return came.Load() == floods/10 && inside.Load() == 0 })

	// All 64 places are there again, and once the gate opens logins succeed.
	release()
	release = holdGate(t, rg)
	fill()()
	release()
	if w := post(rg, "/auth/login", loginBody); w.Code != http.StatusOK {
		t.Errorf("a login afterwards: %d %s", w.Code, w.Body)
	}
	server.Close()
	until(t, fmt.Sprintf("there are %d goroutines again", before), func() bool { return runtime.NumGoroutine() <= before })
	if entries := rg.log.entries(t); len(entries) > 0 {
		t.Errorf("%d log entries for clients that went, the first %v", len(entries), entries[0])
	}
}

// TestFloodKeepsNobodyElseOut: a hundred connections of one client, with wrong passwords,
// take all the places to wait, and another client's login goes through among the first.
func TestFloodKeepsNobodyElseOut(t *testing.T) {
	const flood, queue = 100, 64
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	rg := newRig(t, Options{})
	if _, err := rg.svc.Import(t.Context(), kit.User{Email: "slow@example.com", Username: "s", PasswordHash: slowHash, Active: true}); err != nil {
		t.Fatal(err)
	}
	release := holdGate(t, rg)
	defer func() { release() }()
	var clients sync.WaitGroup
	var busy, before atomic.Int64
	var ownersTurn atomic.Bool
	for i := range flood {
		clients.Go(func() {
			w := loginFrom(t.Context(), rg, fmt.Sprintf("[2001:db8::%x]:443", i+1), "nobody@example.com")
			switch {
			case w.Code == http.StatusServiceUnavailable:
				busy.Add(1)
			case !ownersTurn.Load():
				before.Add(1)
			}
		})
	}
	until(t, "the queue is full", func() bool {
		s := rg.svc.Stats().Hashing
		return s.Waiting == queue && busy.Load() == flood-queue
	})
	clients.Go(func() {
		w := loginFrom(t.Context(), rg, "192.0.2.7:443", "ada@example.com")
		ownersTurn.Store(true)
		if w.Code != http.StatusOK {
			t.Errorf("another client's login: %d %s", w.Code, w.Body)
		}
	})
	until(t, "the other client waits in the place of one of the flood", func() bool { return busy.Load() == flood-queue+1 })
	release()
	clients.Wait()
	if n := before.Load(); n > 8 {
		t.Errorf("%d of the flood had their turn before another client", n)
	}
}

// holdGate takes the only place to hash at, until release is called, which waits
// until the place is given back.
func holdGate(t *testing.T, rg *rig) (release func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	came := make(chan struct{})
	rg.faults.OnCall("users.ByEmail", func() { close(came) })
	go func() {
		defer close(done)
		login(ctx, rg, "slow@example.com")
	}()
	<-came
	until(t, "the place is taken", func() bool {
		select {
		case <-done:
			t.Fatal("the slow login is over")
		default:
		}
		// Half a second is long beside the hash of ada, also on a machine with much to do.
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		return login(ctx, rg, "ada@example.com").Code != http.StatusOK
	})
	return func() {
		cancel()
		<-done
	}
}

// refused reports whether a login is turned away at once, and not after a wait.
func refused(rg *rig) bool {
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	w := login(ctx, rg, "ada@example.com")
	return w.Code == http.StatusServiceUnavailable && ctx.Err() == nil
}

// login is from this machine, as those that sendLogin sends.
func login(ctx context.Context, h http.Handler, email string) *httptest.ResponseRecorder {
	return loginFrom(ctx, h, "127.0.0.1:4711", email)
}

func loginFrom(ctx context.Context, h http.Handler, addr, email string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/auth/login", strings.NewReader(strings.Replace(loginBody, "ada@example.com", email, 1)))
	r.Header.Set("Content-Type", "application/json")
	r.RemoteAddr = addr
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// sendLogin sends a login over a connection of its own and reads no answer.
func sendLogin(t *testing.T, addr string) net.Conn {
	conn, err := net.Dial("tcp", addr)
	if err == nil {
		_, err = fmt.Fprintf(conn, "POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(loginBody), loginBody)
	}
	if err != nil {
		t.Error(err)
		return nil
	}
	return conn
}

// until waits for what must come about by itself.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<16)
			t.Fatalf("it never came about that %s:\n%s", what, stacks[:runtime.Stack(stacks, true)])
		}
		time.Sleep(time.Millisecond)
	}
}
