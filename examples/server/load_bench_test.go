package main

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"myauth.internal/drivers/sqlite"
	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
)

// BenchmarkMeUnderLogins is what GET /auth/me takes while 64 clients log in without
// pause at the default cost, beside the same on an idle server: the admission gate
// keeps a processor free of bcrypt. 2000 requests: -benchtime=2000x.
func BenchmarkMeUnderLogins(b *testing.B) {
	for _, c := range []struct {
		name    string
		clients int
	}{{"idle", 0}, {"logins=64", 64}} {
		b.Run(c.name, func(b *testing.B) { benchMeUnderLogins(b, c.clients) })
	}
}

func benchMeUnderLogins(b *testing.B, clients int) {
	store, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "auth.db"), nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { store.Close() })
	keys, err := accesstoken.HMAC([]byte(testSecret))
	if err != nil {
		b.Fatal(err)
	}
	svc, err := kit.New(store.Stores(), keys, &kit.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := svc.Register(b.Context(), kit.Registration{Email: "ada@example.com", Username: "Ada", Password: goodPassword}); err != nil {
		b.Fatal(err)
	}
	tokens, err := svc.Login(b.Context(), "ada@example.com", goodPassword)
	if err != nil {
		b.Fatal(err)
	}
	addr := listen(b, handlerOf(b, svc))

	var stop atomic.Bool
	var admitted, refused atomic.Int64
	var logins sync.WaitGroup
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	for range clients {
		logins.Go(func() {
			for !stop.Load() {
				res, err := client.Post("http://"+addr+"/auth/login", "application/json",
					strings.NewReader(fmt.Sprintf(`{"email":"ada@example.com","password":%q}`, goodPassword)))
				if err != nil {
					b.Error(err)
					return
				}
				io.Copy(io.Discard, res.Body)
				res.Body.Close()
				switch res.StatusCode {
				case http.StatusOK:
					admitted.Add(1)
				case http.StatusServiceUnavailable:
					if res.Header.Get("Retry-After") == "" {
						b.Error("a 503 without Retry-After")
					}
					refused.Add(1)
				default:
					b.Error(res.Status)
					return
				}
			}
		})
	}
	me, _, err := dial(addr, "GET /auth/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+string(tokens.AccessToken)+"\r\n\r\n")
	if err != nil {
		b.Fatal(err)
	}
	var took []time.Duration
	for b.Loop() {
		began := time.Now()
		if err := me.call(); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(began))
	}
	stop.Store(true)
	logins.Wait()
	client.CloseIdleConnections()
	me.conn.Close()
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1e3, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1e3, "p99-ms")
	b.ReportMetric(float64(admitted.Load()), "logins")
	b.ReportMetric(float64(refused.Load()), "503s")
}
