package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"log/slog"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9/logging"
	mongodb "go.mongodb.org/mongo-driver/v2/mongo"
	mongooptions "go.mongodb.org/mongo-driver/v2/mongo/options"

	"myauth.internal/conformance"
	"myauth.internal/conformance/servers"
	"myauth.internal/drivers/mongo"
	"myauth.internal/drivers/postgres"
	"myauth.internal/drivers/redis"
	"myauth.internal/drivers/sqlite"
	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/kittest"
)

// databases make an empty data set each, reached through a network that can fail. This
// module is the one that depends on all drivers, so pairs of them are tried here.
var databases = map[string]func(t testing.TB, n *conformance.Network) conformance.Open{
	"sqlite": func(t testing.TB, _ *conformance.Network) conformance.Open { // a file, and always there
		path := filepath.Join(t.TempDir(), "auth.db")
		return func(t testing.TB) conformance.Stores {
			s, err := sqlite.Open(context.Background(), path, nil)
			if err != nil {
				t.Fatal(err)
			}
			return conformance.Stores{Stores: s.Stores(), Close: s.Close}
		}
	},
	"postgres": func(t testing.TB, n *conformance.Network) conformance.Open {
		dataSource := schema(t)
		return func(t testing.TB) conformance.Stores {
			s, err := postgres.Open(context.Background(), dataSource, &postgres.Options{MaxConns: 8, Dial: n.DialContext})
			if err != nil {
				t.Fatal(err)
			}
			return conformance.Stores{Stores: s.Stores(), Close: s.Close}
		}
	},
	"mongo": func(t testing.TB, n *conformance.Network) conformance.Open {
		uri := database(t)
		return func(t testing.TB) conformance.Stores {
			s, err := mongo.Open(context.Background(), uri, &mongo.Options{Dial: n.DialContext})
			if err != nil {
				t.Fatal(err)
			}
			return conformance.Stores{Stores: s.Stores(), Close: s.Close}
		}
	},
	"redis": func(t testing.TB, n *conformance.Network) conformance.Open {
		return prefixed(servers.Redis(t), n)
	},
	"cluster": func(t testing.TB, n *conformance.Network) conformance.Open {
		return prefixed("redis://"+servers.RedisCluster(t)[0]+"?cluster=true", n)
	},
}

// schema makes an empty schema of PostgreSQL and returns the URL that leads there.
func schema(t testing.TB) string {
	t.Helper()
	return schemaOf(t, servers.Postgres(t))
}

func schemaOf(t testing.TB, server string) string {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	name := "mixed_" + strings.ToLower(rand.Text())
	db, err := sql.Open("postgres", u.String())
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxIdleConns(0) // the server's connections are few
	exec := func(statement string) {
		if _, err := db.ExecContext(context.Background(), statement); err != nil {
			t.Errorf("%s: %v", statement, err)
		}
	}
	exec("CREATE SCHEMA " + name)
	t.Cleanup(func() {
		exec("DROP SCHEMA " + name + " CASCADE")
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	query := u.Query()
	query.Set("search_path", name)
	u.RawQuery = query.Encode()
	return u.String()
}

// database returns the URI of a database of MongoDB that is not there yet.
func database(t testing.TB) string {
	t.Helper()
	name := "mixed_" + strings.ToLower(rand.Text())
	server, query, _ := strings.Cut(servers.Mongo(t), "?")
	uri := strings.TrimSuffix(server, "/") + "/" + name
	if query != "" {
		uri += "?" + query
	}
	t.Cleanup(func() {
		c, err := mongodb.Connect(mongooptions.Client().ApplyURI(uri))
		if err != nil {
			t.Error(err)
			return
		}
		ctx := context.Background()
		if err := errors.Join(c.Database(name).Drop(ctx), c.Disconnect(ctx)); err != nil {
			t.Error(err)
		}
	})
	return uri
}

// prefixed opens handles to a part of Redis.
func prefixed(url string, n *conformance.Network) conformance.Open {
	logging.Disable() // of the outages of these tests
	prefix := "mixed-" + rand.Text()
	return func(t testing.TB) conformance.Stores {
		s, err := redis.Open(context.Background(), url, &redis.Options{Prefix: prefix, Dial: n.DialContext})
		if err != nil {
			t.Fatal(err)
		}
		return conformance.Stores{Stores: s.Stores(), Close: s.Close}
	}
}

// pair is users in one database and tokens in another.
type pair struct{ users, tokens string }

// pairs have each database on each side, as far as that is of use.
var pairs = []pair{{"postgres", "redis"}, {"mongo", "postgres"}, {"redis", "mongo"}, {"sqlite", "cluster"}}

func (p pair) String() string { return p.users + " and " + p.tokens }

// open makes both data sets, each behind a network of its own or both behind one.
func (p pair) open(t testing.TB, users, tokens *conformance.Network) conformance.Open {
	openUsers, openTokens := databases[p.users](t, users), databases[p.tokens](t, tokens)
	return func(t testing.TB) conformance.Stores {
		u, k := openUsers(t), openTokens(t)
		both := u.Stores
		both.Tokens = k.Tokens
		return conformance.Stores{Stores: both, Close: func() error { return errors.Join(u.Close(), k.Close()) }}
	}
}

// TestMixedStores runs what the suite has for two stores together. Every exchange with
// either server is lost once: which of the two it goes to comes as it comes.
func TestMixedStores(t *testing.T) {
	for _, p := range pairs {
		t.Run(p.String(), func(t *testing.T) {
			through := func(t testing.TB, n *conformance.Network) conformance.Open { return p.open(t, n, n) }
			conformance.RunTogether(t, conformance.Config{
				New:      func(t testing.TB) conformance.Open { return through(t, conformance.NewNetwork(t)) },
				Network:  through,
				Parallel: true,
			})
		})
	}
}

// account is what one use of the Service works with during an outage.
type account struct {
	kit.User
	tokens        kit.TokenPair
	claims        accesstoken.Claims
	verify, reset kit.Secret
}

const (
	mixedPassword = "Correct-Horse-9"
	otherPassword = "Battery-Staple-7"
)

// use is one method of the Service, and which of the two databases it needs.
type use struct {
	name          string
	users, tokens bool
	call          func(ctx context.Context, s *kit.Service, a account) error
	ends          bool   // the session from before
	email         string // of the account afterwards, in front of what it was
	password      string // afterwards, when it is another one
}

var uses = []use{
	{name: "register", users: true, call: func(ctx context.Context, s *kit.Service, a account) error {
		_, err := s.Register(ctx, kit.Registration{Email: "second-" + a.Email, Username: "Ada", Password: mixedPassword})
		return err
	}},
	{name: "login", users: true, tokens: true, call: func(ctx context.Context, s *kit.Service, a account) error {
		_, err := s.Login(ctx, a.Email, mixedPassword)
		return err
	}},
	{name: "refresh", users: true, tokens: true, call: func(ctx context.Context, s *kit.Service, a account) error {
		_, err := s.Refresh(ctx, string(a.tokens.RefreshToken))
		return err
	}},
	{name: "authenticate", users: true, call: func(ctx context.Context, s *kit.Service, a account) error {
		_, _, err := s.Authenticate(ctx, string(a.tokens.AccessToken))
		return err
	}},
	{name: "user", users: true, call: func(ctx context.Context, s *kit.Service, a account) error {
		_, err := s.UserByID(ctx, a.ID)
		return err
	}},
	{name: "sessions", users: true, tokens: true, call: func(ctx context.Context, s *kit.Service, a account) error {
		list, err := s.Sessions(ctx, a.ID)
		if err == nil && len(list) != 1 {
			err = errors.New("not the one session")
		}
		return err
	}},
	{name: "logout", tokens: true, ends: true, call: func(ctx context.Context, s *kit.Service, a account) error {
		return s.Logout(ctx, string(a.tokens.RefreshToken))
	}},
	{name: "end-session", tokens: true, ends: true, call: func(ctx context.Context, s *kit.Service, a account) error {
		return s.EndSession(ctx, a.ID, a.claims.SessionID)
	}},
	{name: "end-all", users: true, ends: true, call: func(ctx context.Context, s *kit.Service, a account) error {
		return s.EndAllSessions(ctx, a.ID)
	}},
	{name: "verify", users: true, call: func(ctx context.Context, s *kit.Service, a account) error {
		return s.VerifyEmail(ctx, string(a.verify))
	}},
	{name: "reset", users: true, tokens: true, ends: true, password: otherPassword, call: func(ctx context.Context, s *kit.Service, a account) error {
		return s.ResetPassword(ctx, string(a.reset), otherPassword)
	}},
	{name: "change-password", users: true, tokens: true, password: otherPassword, call: func(ctx context.Context, s *kit.Service, a account) error {
		_, err := s.ChangePassword(ctx, a.claims, mixedPassword, otherPassword)
		return err
	}},
	{name: "change-email", users: true, ends: true, email: "moved-", call: func(ctx context.Context, s *kit.Service, a account) error {
		_, err := s.ChangeEmail(ctx, a.ID, "moved-"+a.Email)
		return err
	}},
	{name: "username", users: true, call: func(ctx context.Context, s *kit.Service, a account) error {
		name := "Countess"
		_, err := s.ChangeProfile(ctx, a.ID, kit.Profile{Username: &name})
		return err
	}},
	{name: "purge", users: true, tokens: true, call: func(ctx context.Context, s *kit.Service, _ account) error {
		_, err := s.PurgeExpired(ctx, time.Unix(0, 0))
		return err
	}},
}

// verdicts are what no outage may be called: each tells a client to give something up.
var verdicts = []error{
	kit.ErrNotFound, kit.ErrConflict, kit.ErrInvalidCredentials, kit.ErrInvalidToken, kit.ErrExpiredToken, kit.ErrRevokedToken,
	kit.ErrEmailNotVerified, kit.ErrAccountDisabled, kit.ErrUserNotFound, kit.ErrUserExists,
}

// TestOneOfTwoIsAway takes one of two databases away, while every method of the Service
// is in use. What needs only the other one goes on, all else is an outage and nothing
// else, nothing is lost, and afterwards everything works without being opened anew.
func TestOneOfTwoIsAway(t *testing.T) {
	for _, p := range pairs {
		for _, side := range []string{"users", "tokens"} {
			if p.users == "sqlite" && side == "users" {
				continue
			}
			for name, breaks := range map[string]func(*conformance.Network) func(){
				"cut": (*conformance.Network).Cut, "blackhole": (*conformance.Network).Blackhole,
			} {
				t.Run(p.String()+"/"+side+"/"+name, func(t *testing.T) {
					t.Parallel()
					oneIsAway(t, p, side, breaks)
				})
			}
		}
	}
}

func oneIsAway(t *testing.T, p pair, side string, breaks func(*conformance.Network) func()) {
	networks := map[string]*conformance.Network{"users": conformance.NewNetwork(t), "tokens": conformance.NewNetwork(t)}
	stores := p.open(t, networks["users"], networks["tokens"])(t)
	t.Cleanup(func() {
		if err := stores.Close(); err != nil {
			t.Error(err)
		}
	})
	mailer := &kittest.Mailer{}
	patient, hasty := mixedService(t, stores, mailer, time.Minute), mixedService(t, stores, mailer, 2*time.Second)
	accounts := make([]account, len(uses))
	for i, u := range uses {
		accounts[i] = newAccount(t, patient, mailer, u.name+"@example.com")
	}

	heal := breaks(networks[side])
	if err := hasty.Ready(t.Context()); !errors.Is(err, kit.ErrUnavailable) {
		t.Errorf("Ready with no %s: got error %v, want %q", side, err, kit.ErrUnavailable)
	}
	answers := make([]chan error, len(uses))
	for i, u := range uses {
		answers[i] = make(chan error, 1)
		go func() { answers[i] <- u.call(context.Background(), hasty, accounts[i]) }()
	}
	errs := make([]error, len(uses))
	for i, u := range uses {
		errs[i] = <-answers[i]
		if needed := side == "users" && u.users || side == "tokens" && u.tokens; !needed {
			if errs[i] != nil {
				t.Errorf("%s with no %s, which it does not need: %v", u.name, side, errs[i])
			}
			continue
		}
		if !errors.Is(errs[i], kit.ErrUnavailable) {
			t.Errorf("%s with no %s: got error %v, want %q", u.name, side, errs[i], kit.ErrUnavailable)
		}
		for _, verdict := range verdicts {
			if errors.Is(errs[i], verdict) {
				t.Errorf("%s with no %s: got error %v, which says that %v", u.name, side, errs[i], verdict)
			}
		}
	}
	heal()

	works(t, "both are back", func() error { return patient.Ready(t.Context()) })
	for i, u := range uses {
		a := accounts[i]
		if errs[i] != nil {
			works(t, u.name+" once more", func() error { return u.call(t.Context(), patient, a) })
		}
		password := mixedPassword
		if u.password != "" {
			password = u.password
		}
		works(t, "login after "+u.name, func() error {
			_, err := patient.Login(t.Context(), u.email+a.Email, password)
			return err
		})
		works(t, "refresh of the session from before, after "+u.name, func() error {
			_, err := patient.Refresh(t.Context(), string(a.tokens.RefreshToken))
			switch {
			case u.ends && err == nil:
				return errors.New("it should have ended")
			case u.ends && errors.Is(err, kit.ErrRevokedToken):
				return nil
			}
			return err
		})
	}
}

// mixedService returns a Service over the stores that gives up on them after a while.
func mixedService(t *testing.T, stores conformance.Stores, mailer *kittest.Mailer, timeout time.Duration) *kit.Service {
	t.Helper()
	keys, err := accesstoken.HMAC([]byte(testSecret))
	if err != nil {
		t.Fatal(err)
	}
	s, err := kit.New(stores.Stores, keys, &kit.Options{
		BcryptCost: 4, InsecureFastHash: true, StoreTimeout: timeout,
		Mailer: mailer, PublicURL: "https://example.com",
		InsecureUnlimited: true, MailDelay: time.Millisecond,
		Now:     kittest.NewClock(time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)).Now,
		OnEvent: func(context.Context, kit.Event) {},
		Logger:  slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// newAccount registers an account, with a session and tokens of every kind.
func newAccount(t *testing.T, s *kit.Service, mailer *kittest.Mailer, email string) account {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(email, err)
		}
	}
	mail := func(kind kit.MailKind) kit.Secret {
		sent, err := mailer.Next(ctx)
		must(err)
		if sent.Kind != kind || sent.To != email {
			t.Fatalf("got a %s mail to %s, want a %s mail to %s", sent.Kind, sent.To, kind, email)
		}
		return sent.Token
	}
	var a account
	var err error
	a.User, err = s.Register(ctx, kit.Registration{Email: email, Username: "Ada", Password: mixedPassword})
	must(err)
	a.verify = mail(kit.MailVerification)
	a.tokens, err = s.Login(ctx, email, mixedPassword)
	must(err)
	a.claims, err = s.Verifier().Verify(string(a.tokens.AccessToken))
	must(err)
	must(s.RequestPasswordReset(ctx, email))
	a.reset = mail(kit.MailPasswordReset)
	return a
}

// works tries until there is no outage any more, and wants no other error ever.
func works(t *testing.T, what string, try func() error) {
	t.Helper()
	late := time.NewTimer(20 * time.Second)
	defer late.Stop()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		err := try()
		if err == nil {
			return
		}
		if !errors.Is(err, kit.ErrUnavailable) {
			t.Errorf("%s: %v", what, err)
			return
		}
		select {
		case <-again.C:
		case <-late.C:
			t.Errorf("%s: not within 20 seconds: %v", what, err)
			return
		}
	}
}
