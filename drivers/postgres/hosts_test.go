package postgres_test

import (
	"context"
	"net"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"myauth.internal/drivers/postgres"
)

// In a failover the host that was the primary often swallows everything: a call has to
// reach the others within its own time, which is that of a Service, and the next
// connection does not wait for it again.
func TestAHostThatSwallowsEverything(t *testing.T) {
	for name, swallow := range map[string]func(context.Context) (net.Conn, error){
		"attempts to connect": func(ctx context.Context) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		},
		"what is sent": func(context.Context) (net.Conn, error) {
			s := new(silence)
			s.on.Store(true)
			nc, _ := net.Pipe()
			return &silentConn{nc, s}, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			const gone = "gone.example"
			var mu sync.Mutex
			var dialed []string
			lost := false
			dial := func(ctx context.Context, network, address string) (net.Conn, error) {
				host, port, err := net.SplitHostPort(address)
				if err != nil {
					return nil, err
				}
				mu.Lock()
				defer mu.Unlock()
				dialed = append(dialed, host)
				if host == gone && lost {
					return swallow(ctx)
				}
				return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
			}
			u, err := url.Parse(schema(t))
			if err != nil {
				t.Fatal(err)
			}
			_, port, err := net.SplitHostPort(u.Host)
			if err != nil {
				t.Fatal(err)
			}
			u.Host = gone + ",second.example,third.example:" + port
			db := pool(t, u.String(), dial, 4)
			store, err := postgres.New(t.Context(), db, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer store.Close()
			mu.Lock()
			lost = true
			mu.Unlock()
			want := slices.Repeat([]string{gone}, len(dialed))
			for range 3 {
				db.SetMaxIdleConns(0) // what there is breaks, and what comes next is new
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
				if err := store.Users().Ping(ctx); err != nil {
					t.Errorf("a call of two seconds: %v", err)
				}
				cancel()
			}
			want = append(want, gone, "second.example", "second.example", "second.example")
			if !slices.Equal(dialed, want) {
				t.Errorf("tried %q, want %q", dialed, want)
			}
		})
	}
}
