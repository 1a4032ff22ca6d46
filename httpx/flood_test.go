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
	requests := newGauge()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.add(1, 1)
		defer requests.add(0, -1)
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
		// A login that asked whether there is room would take one of the places.
		eventually(t, "64 logins wait", func() bool { return rg.svc.Stats().Hashing.Waiting == queue })
		return func() {
			for _, c := range stay {
				c.Close()
			}
			requests.wait(t, "the places of clients that went are free", func(_, inside int) bool { return inside == 0 })
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
	came := requests.total()
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
	requests.wait(t, "all have come and none is left", func(total, inside int) bool { return total-came == floods/10 && inside == 0 })

	// All 64 places are there again, and once the gate opens logins succeed.
	release()
	release = holdGate(t, rg)
	fill()()
	release()
	if w := post(rg, "/auth/login", loginBody); w.Code != http.StatusOK {
		t.Errorf("a login afterwards: %d %s", w.Code, w.Body)
	}
	server.Close()
	// A goroutine that has finished its work may still be counted for a moment.
	eventually(t, "no goroutine is left", func() bool { return runtime.NumGoroutine() <= before })
	if entries := rg.log.entries(t); len(entries) > 0 {
		t.Errorf("%d log entries for clients that went, the first %v", len(entries), entries[0])
	}
}

// TestFloodLeavesRoomForOthers: a hundred connections of one client, with wrong passwords,
// take all the places to wait, and another client's login goes through among the first.
func TestFloodLeavesRoomForOthers(t *testing.T) {
	const flood, queue = 100, 64
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	rg := newRig(t, Options{})
	if _, err := rg.svc.Import(t.Context(), kit.User{Email: "slow@example.com", Username: "s", PasswordHash: slowHash, Active: true}); err != nil {
		t.Fatal(err)
	}
	release := holdGate(t, rg)
	defer func() { release() }()
	var clients sync.WaitGroup
	var before atomic.Int64
	var ownersTurn atomic.Bool
	refusals := make(chan struct{}, flood)
	for i := range flood {
		clients.Go(func() {
			w := loginFrom(t.Context(), rg, fmt.Sprintf("[2001:db8::%x]:443", i+1), "nobody@example.com")
			switch {
			case w.Code == http.StatusServiceUnavailable:
				refusals <- struct{}{}
			case !ownersTurn.Load():
				before.Add(1)
			}
		})
	}
	for range flood - queue { // what is refused has found the queue full
		<-refusals
	}
	if got := rg.svc.Stats().Hashing.Waiting; got != queue {
		t.Fatalf("%d logins wait, want %d", got, queue)
	}
	clients.Go(func() {
		w := loginFrom(t.Context(), rg, "192.0.2.7:443", "ada@example.com")
		ownersTurn.Store(true)
		if w.Code != http.StatusOK {
			t.Errorf("another client's login: %d %s", w.Code, w.Body)
		}
	})
	<-refusals // the other client waits in the place of one of the flood
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
	taken := func() bool {
		// Half a second is long beside the hash of ada, even on a busy machine.
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		return login(ctx, rg, "ada@example.com").Code != http.StatusOK
	}
	for !taken() {
		select {
		case <-done:
			t.Fatal("the slow login is over")
		default:
		}
	}
	return func() {
		cancel()
		<-done
	}
}

// eventually returns when ok holds, of something that tells nobody when it changes.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); runtime.Gosched() {
		if time.Now().After(end) {
			stacks := make([]byte, 1<<16)
			t.Fatalf("not within 10 seconds: %s\n%s", what, stacks[:runtime.Stack(stacks, true)])
		}
	}
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

// gauge counts requests: all that came, and those that are still served.
type gauge struct {
	mu            sync.Mutex
	changed       *sync.Cond
	came, serving int
}

func newGauge() *gauge {
	g := &gauge{}
	g.changed = sync.NewCond(&g.mu)
	return g
}

func (g *gauge) add(came, serving int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.came += came
	g.serving += serving
	g.changed.Broadcast()
}

func (g *gauge) total() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.came
}

// wait returns when ok holds. The timer is there only so that a failure ends.
func (g *gauge) wait(t *testing.T, what string, ok func(came, serving int) bool) {
	t.Helper()
	late := false
	timer := time.AfterFunc(10*time.Second, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		late = true
		g.changed.Broadcast()
	})
	defer timer.Stop()
	g.mu.Lock()
	defer g.mu.Unlock()
	for !ok(g.came, g.serving) {
		if late {
			t.Fatalf("not within 10 seconds: %s; %d requests came, %d are served", what, g.came, g.serving)
		}
		g.changed.Wait()
	}
}
