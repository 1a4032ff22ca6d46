package acceptance

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"myauth.internal/conformance"
	"myauth.internal/conformance/servers"
	"myauth.internal/drivers/mongo"
	"myauth.internal/drivers/postgres"
	"myauth.internal/drivers/redis"
	"myauth.internal/drivers/sqlite"
	"myauth.internal/kit"
	"myauth.internal/kit/memstore"
	"myauth.internal/kit/passkey"
	"myauth.internal/kit/passkey/internal/authenticator"
	"myauth.internal/kit/seal"
)

// stores makes an empty data set in each of MyAuth's stores.
var stores = map[string]func(testing.TB) conformance.Open{
	"memory": func(testing.TB) conformance.Open {
		store := memstore.New()
		return func(testing.TB) conformance.Stores { return conformance.Stores{Stores: store.Stores()} }
	},
	"sqlite": func(t testing.TB) conformance.Open {
		path := filepath.Join(t.TempDir(), "auth.db")
		return func(t testing.TB) conformance.Stores {
			store, err := sqlite.Open(context.Background(), path, nil)
			return opened(t, store, err)
		}
	},
	"postgres": func(t testing.TB) conformance.Open {
		url, prefix := servers.Postgres(t), prefix()
		return func(t testing.TB) conformance.Stores {
			store, err := postgres.Open(context.Background(), url, &postgres.Options{Prefix: prefix})
			return opened(t, store, err)
		}
	},
	"redis": func(t testing.TB) conformance.Open {
		url, prefix := servers.Redis(t), prefix()
		return func(t testing.TB) conformance.Stores {
			store, err := redis.Open(context.Background(), url, &redis.Options{Prefix: prefix})
			return opened(t, store, err)
		}
	},
	"mongo": func(t testing.TB) conformance.Open {
		server, query, _ := strings.Cut(servers.Mongo(t), "?")
		url := strings.TrimSuffix(server, "/") + "/" + prefix() + "?" + query
		return func(t testing.TB) conformance.Stores {
			store, err := mongo.Open(context.Background(), url, nil)
			return opened(t, store, err)
		}
	},
}

func prefix() string { return strings.ToLower("passkey_" + rand.Text()[:12] + "_") }

func opened(t testing.TB, store interface {
	Stores() kit.Stores
	Close() error
}, err error) conformance.Stores {
	if err != nil {
		t.Fatal(err)
	}
	return conformance.Stores{Stores: store.Stores(), Close: store.Close}
}

// TestOverEveryStore is security claim 70 for passkeys: whatever is cut, hangs or loses its
// answer, and whoever else calls, their state is whole.
func TestOverEveryStore(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conformance.RunFeature(t, conformance.Config{New: open}, conformance.Feature{
				New: func() kit.Feature {
					feature, err := passkey.New("example.com", nil)
					if err != nil {
						t.Fatal(err)
					}
					return feature
				},
				Options: func() kit.Options {
					keys, err := seal.NewKeyring([]byte("a data key for tests: 32 bytes.."))
					if err != nil {
						t.Fatal(err)
					}
					return kit.Options{DataKeys: keys, Features: []kit.Feature{wordFactor{}}}
				},
				Scenarios: []conformance.Scenario{
					{Name: "add", Prepare: addPasskey},
					{Name: "login", Prepare: logIn},
					{Name: "second-factor", Prepare: secondStep},
					{Name: "rename", Prepare: rename},
					{Name: "remove", Prepare: remove},
				},
			})
		})
	}
}

// serve sends a request that must succeed, and returns the members of the answer.
func serve(s *conformance.Scene, request string, body any, token kit.Secret) members {
	text := ""
	if body != nil {
		text = string(raw(body))
	}
	answer, err := s.Serve(context.Background(), s.Service, request, text, token)
	if err != nil {
		s.Fatalf("%s: %v", request, err)
	}
	m := members{}
	if err := json.Unmarshal(answer.Body, &m); err != nil && len(answer.Body) > 0 {
		s.Fatal(err)
	}
	if state, ok := m["state"].(string); ok {
		s.Secret(state)
	}
	return m
}

// call returns a Call that sends a request.
func call(s *conformance.Scene, request string, body any, token kit.Secret) func(context.Context, *kit.Service) error {
	text := ""
	if body != nil {
		text = string(raw(body))
	}
	return func(ctx context.Context, svc *kit.Service) error {
		_, err := s.Serve(ctx, svc, request, text, token)
		return err
	}
}

// registered returns a passkey of the scene's user, and an access token.
func registered(s *conformance.Scene) (*authenticator.Passkey, kit.Secret) {
	access := s.Login().AccessToken
	p := authenticator.New(-8, origin)
	options := serve(s, "POST /passkeys/options", nil, access)
	serve(s, "POST /passkeys", members{"state": options["state"], "credential": p.Create(raw(options))}, access)
	return p, access
}

// path is the route of the user's only passkey.
func path(s *conformance.Scene, access kit.Secret) string {
	return "/passkeys/" + serve(s, "GET /passkeys", nil, access)["passkeys"].([]any)[0].(members)["id"].(string)
}

// whole wants one of some numbers of passkeys that the owner sees.
func whole(s *conformance.Scene, access kit.Secret, numbers ...int) func(context.Context, *kit.Service) error {
	return func(ctx context.Context, svc *kit.Service) error {
		answer, err := s.Serve(ctx, svc, "GET /passkeys", "", access)
		if err != nil {
			return ignoreExpiry(err)
		}
		var list struct{ Passkeys []struct{ ID, Name string } }
		if err := json.Unmarshal(answer.Body, &list); err != nil {
			return err
		}
		for _, n := range numbers {
			if len(list.Passkeys) == n {
				return nil
			}
		}
		return fmt.Errorf("the account has %d passkeys", len(list.Passkeys))
	}
}

// ignoreExpiry: the suite advances the clock beyond the access token.
func ignoreExpiry(err error) error {
	if errors.Is(err, kit.ErrExpiredToken) || errors.Is(err, kit.ErrRevokedToken) {
		return nil
	}
	return err
}

func addPasskey(s *conformance.Scene) conformance.Use {
	access := s.Login().AccessToken
	p := authenticator.New(-8, origin)
	options := serve(s, "POST /passkeys/options", nil, access)
	body := members{"state": options["state"], "credential": p.Create(raw(options))}
	return conformance.Use{
		Call:    call(s, "POST /passkeys", body, access),
		Already: []error{kit.ErrRevokedToken},
		Whole:   whole(s, access, 0, 1),
	}
}

func logIn(s *conformance.Scene) conformance.Use {
	p, access := registered(s)
	options := serve(s, "POST /login/passkey/options", nil, "")
	return conformance.Use{
		Call:    call(s, "POST /login/passkey", members{"state": options["state"], "credential": p.Get(raw(options))}, ""),
		Already: []error{kit.ErrRevokedToken},
		Whole:   whole(s, access, 1),
	}
}

func secondStep(s *conformance.Scene) conformance.Use {
	p, access := registered(s)
	shown := serve(s, "POST /mfa/word", nil, access)
	answer, err := s.Serve(context.Background(), s.Service, "POST /mfa/word/confirm", string(raw(members{"state": shown["state"], "code": "please"})), access)
	if err != nil {
		s.Fatal(err)
	}
	_, err = s.Service.Login(context.Background(), s.User.Email, s.Password)
	var required *kit.MFARequired
	if !errors.As(err, &required) {
		s.Fatalf("Login: got %v, want a MFARequired", err)
	}
	s.Secret(string(required.Token))
	body := members{"mfa_token": string(required.Token), "method": "passkey"}
	options := serve(s, "POST /login/mfa/begin", body, "")
	body["state"], body["credential"] = options["state"], p.Get(raw(options))
	return conformance.Use{
		Call:    call(s, "POST /login/mfa", body, ""),
		Already: []error{kit.ErrRevokedToken, kit.ErrInvalidCode},
		Whole:   whole(s, answer.Tokens.AccessToken, 1),
	}
}

func rename(s *conformance.Scene) conformance.Use {
	_, access := registered(s)
	return conformance.Use{
		Call:  call(s, "PATCH "+path(s, access), members{"name": "Phone"}, access),
		Whole: whole(s, access, 1),
	}
}

func remove(s *conformance.Scene) conformance.Use {
	_, access := registered(s)
	request := call(s, "DELETE "+path(s, access), nil, access)
	gone := errors.New("there is no such passkey")
	return conformance.Use{
		Call: func(ctx context.Context, svc *kit.Service) error {
			err := request(ctx, svc)
			var p *kit.Problem
			if errors.As(err, &p) && p.Code == "not_found" {
				return fmt.Errorf("%w: %w", gone, err)
			}
			return err
		},
		Already: []error{gone},
		Whole:   whole(s, access, 0, 1),
	}
}
