package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"myauth.internal/kit"
)

// BenchmarkLogin is POST /auth/login beside a handler that decodes the same body and compares the
// same bcrypt hash at the default cost, while somebody asks GET /auth/me every 3 ms. The two take
// turns of some seconds; an iteration is a turn of each. The bare handler runs with the GOMAXPROCS of a
// program that does nothing about it, and writes nothing.
func BenchmarkLogin(b *testing.B) {
	for _, c := range []struct{ callers, logins int }{{1, 8}, {16, 64}} {
		b.Run(fmt.Sprintf("callers=%d", c.callers), func(b *testing.B) {
			cost := 12
			if testing.Short() {
				cost = 4
			}
			s := newLoginServers(b, cost)
			var took [2]time.Duration // ours, bare
			var waits [2][]time.Duration
			for turn := 0; b.Loop(); turn++ {
				for k := range took {
					side := (turn + k) % 2
					t, w := s.storm(b, side, c.callers, c.logins)
					took[side] += t
					waits[side] = append(waits[side], w...)
				}
			}
			for side, name := range []string{"", "bare-"} {
				b.ReportMetric(float64(took[side].Nanoseconds())/float64(b.N*c.logins), name+"ns/op")
				slices.Sort(waits[side])
				for _, p := range []int{50, 99} {
					b.ReportMetric(float64(waits[side][(len(waits[side])-1)*p/100].Microseconds())/1e3, fmt.Sprintf("%sme-p%d-ms", name, p))
				}
			}
			b.ReportMetric(float64(took[1])/float64(took[0]), "ratio")
		})
	}
}

// loginServers are the reference server's handler on SQLite and the bare one, on one address.
type loginServers struct {
	addr, accessToken string
	procs             [2]int // GOMAXPROCS of each
}

func newLoginServers(b *testing.B, cost int) loginServers {
	given := runtime.GOMAXPROCS(0)
	b.Cleanup(func() { runtime.GOMAXPROCS(given) })
	hashOnEveryProcessor("")
	s := loginServers{procs: [2]int{runtime.GOMAXPROCS(0), given}}

	svc, _, _ := newSQLiteService(b, kit.Options{BcryptCost: cost, InsecureFastHash: true})
	if _, err := svc.Register(b.Context(), kit.Registration{Email: "ada@example.com", Username: "Ada", Password: goodPassword}); err != nil {
		b.Fatal(err)
	}
	tokens, err := svc.Login(b.Context(), "ada@example.com", goodPassword)
	if err != nil {
		b.Fatal(err)
	}
	s.accessToken = string(tokens.AccessToken)

	hash, err := bcrypt.GenerateFromPassword([]byte(goodPassword), cost)
	if err != nil {
		b.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/auth/", handlerOf(b, svc))
	mux.HandleFunc("POST /bare/login", func(w http.ResponseWriter, r *http.Request) {
		var login struct{ Email, Password string }
		if json.NewDecoder(r.Body).Decode(&login) != nil || bcrypt.CompareHashAndPassword(hash, []byte(login.Password)) != nil {
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	s.addr = listen(b, mux)
	return s
}

// storm is so many logins by so many callers: what they took, and how long each GET /auth/me
// waited meanwhile.
func (s loginServers) storm(b *testing.B, side, callers, logins int) (took time.Duration, waits []time.Duration) {
	runtime.GOMAXPROCS(s.procs[side])
	me, _, err := dial(s.addr, "GET /auth/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+s.accessToken+"\r\n\r\n")
	if err != nil {
		b.Fatal(err)
	}
	defer me.conn.Close()
	transport := &http.Transport{MaxIdleConnsPerHost: callers}
	defer transport.CloseIdleConnections()

	url := "http://" + s.addr + []string{"/auth/login", "/bare/login"}[side]
	var left atomic.Int64
	left.Store(int64(logins))
	over := make(chan struct{})
	var all sync.WaitGroup
	began := time.Now()
	for range callers {
		all.Go(func() {
			for left.Add(-1) >= 0 {
				status, err := login(transport, url)
				for err == nil && status == http.StatusServiceUnavailable { // waited too long: a busy machine
					status, err = login(transport, url)
				}
				if err != nil || status != http.StatusOK {
					b.Error(status, err)
					return
				}
			}
		})
	}
	go func() {
		all.Wait()
		took = time.Since(began)
		close(over)
	}()
	for every := time.NewTicker(3 * time.Millisecond); ; {
		asked := time.Now()
		if err := me.call(); err != nil {
			b.Fatal(err)
		}
		waits = append(waits, time.Since(asked))
		select {
		case <-over:
			return took, waits
		case <-every.C:
		}
	}
}

// login returns the status.
func login(transport *http.Transport, url string) (int, error) {
	req, err := http.NewRequest(http.MethodPost, url, strings.NewReader(`{"email":"ada@example.com","password":`+strconv.Quote(goodPassword)+`}`))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := transport.RoundTrip(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return res.StatusCode, err
}
