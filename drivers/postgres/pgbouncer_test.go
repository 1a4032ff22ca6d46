package postgres_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"myauth.internal/conformance"
	"myauth.internal/conformance/servers"
	"myauth.internal/drivers/postgres"
	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/kittest"
)

// throughPgBouncer returns what opens stores, in a schema of their own, through a
// PgBouncer, and the URL that leads there directly.
func throughPgBouncer(t testing.TB, mode string) (openStore func(testing.TB) *postgres.Store, direct string) {
	t.Helper()
	dataSource := with(t, servers.PgBouncer(t, mode), "connect_timeout", "60") // the machine may be busy
	name := "bounced_" + strings.ToLower(rand.Text())
	db := admin(t, servers.Postgres(t))
	t.Cleanup(func() { exec(t, db, "DROP SCHEMA IF EXISTS "+name+" CASCADE") })
	return func(t testing.TB) *postgres.Store {
		return open(t, dataSource, &postgres.Options{Schema: name, MaxConns: 8, Dial: withoutCancel})
	}, with(t, servers.Postgres(t), "search_path", name)
}

// withoutCancel connects for a call and not for the cancellation of a statement, which
// has half a second: PgBouncer 1.18 ends when it is asked to cancel them under load
// (https://github.com/pgbouncer/pgbouncer/issues/822).
func withoutCancel(ctx context.Context, network, address string) (net.Conn, error) {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= postgres.CancelGrace {
		return nil, errors.New("no cancellation through PgBouncer 1.18")
	}
	return new(net.Dialer).DialContext(ctx, network, address)
}

// A pooler hands the connections of the server round. With prepared statements that
// lib/pq had numbered, of twenty users some eight were left after this.
func TestPgBouncer(t *testing.T) {
	for _, mode := range []string{"transaction", "session"} {
		t.Run(mode, func(t *testing.T) {
			openStore, _ := throughPgBouncer(t, mode)
			keys, err := accesstoken.HMAC(make32(t))
			if err != nil {
				t.Fatal(err)
			}
			var services []*kit.Service
			for range 2 {
				store := openStore(t)
				svc, err := kit.New(store.Stores(), keys, &kit.Options{
					BcryptCost: 4, InsecureFastHash: true, Mailer: &kittest.Mailer{}, PublicURL: "https://app.example.com",
					Logger: slog.New(slog.DiscardHandler), StoreTimeout: time.Minute,
				})

				if err != nil {
					t.Fatal(err)
				}
				defer svc.Close(context.WithoutCancel(t.Context()))
				services = append(services, svc)
			}
			const users, password = 20, "correct Horse 7 battery"
			address := func(i int) string { return fmt.Sprintf("user%d@example.com", i) }
			for i := range users {
				if _, err := services[i%2].Register(t.Context(), kit.Registration{Email: address(i), Username: "u", Password: password}); err != nil {
					t.Fatal(err)
				}
			}
			start := make(chan struct{})
			var wg sync.WaitGroup
			for i := range users {
				svc := services[i%2]
				wg.Go(func() {
					<-start
					for range 5 {
						tokens, err := svc.Login(t.Context(), address(i), password)
						if err != nil {
							t.Errorf("login of %s: %v", address(i), err)
							return
						}
						if u, _, err := svc.Authenticate(t.Context(), string(tokens.AccessToken)); err != nil || u.Email != address(i) {
							t.Errorf("me of %s: %s, %v", address(i), u.Email, err)
						}
						if err := svc.RequestPasswordReset(t.Context(), address(i)); err != nil {
							t.Errorf("reset request of %s: %v", address(i), err)
						}
						if err := svc.Logout(t.Context(), string(tokens.RefreshToken)); err != nil {
							t.Errorf("logout of %s: %v", address(i), err)
						}
					}
				})
			}
			close(start)
			wg.Wait()
			for i := range users {
				if _, err := services[(i+1)%2].Login(t.Context(), address(i), password); err != nil {
					t.Errorf("afterwards, login of %s: %v", address(i), err)
				}
			}
		})
	}
}

func make32(t *testing.T) []byte {
	t.Helper()
	secret := make([]byte, 32)
	if _, err := rand.Read(secret); err != nil {
		t.Fatal(err)
	}
	return secret
}

// Of a migration only what is between BEGIN and COMMIT stays on one connection of the
// server.
func TestConcurrentOpenThroughPgBouncer(t *testing.T) {
	openStore, _ := throughPgBouncer(t, "transaction")
	start := make(chan struct{})
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			<-start
			if err := openStore(t).Users().Ping(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	close(start)
	wg.Wait()
}

func TestConformanceThroughPgBouncer(t *testing.T) {
	conformance.Run(t, conformance.Config{
		New: func(t testing.TB) conformance.Open {
			openStore, direct := throughPgBouncer(t, "transaction")
			asNewer := newer(t, direct)
			return func(t testing.TB) conformance.Stores {
				store := openStore(t)
				return conformance.Stores{Stores: store.Stores(), Close: store.Close, Newer: asNewer}
			}
		},
		Without:  []conformance.Ability{conformance.Stalling, conformance.Networking},
		Parallel: true,
	})
}

// What the pooler itself refuses says what to do.
func TestPgBouncerRefusesASearchPath(t *testing.T) {
	store, err := postgres.Open(t.Context(), with(t, servers.PgBouncer(t, "transaction"), "search_path", "auth"), nil)
	if err == nil {
		store.Close()
	}
	if !errors.Is(err, kit.ErrUnavailable) || !strings.Contains(err.Error(), "Options.Schema") {
		t.Errorf("got %v", err)
	}
}
