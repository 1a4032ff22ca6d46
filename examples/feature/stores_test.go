package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
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

func prefix() string { return strings.ToLower("feature_" + rand.Text()[:12] + "_") }

func opened(t testing.TB, store interface {
	Stores() kit.Stores
	Close() error
}, err error) conformance.Stores {
	if err != nil {
		t.Fatal(err)
	}
	return conformance.Stores{Stores: store.Stores(), Close: store.Close}
}

// TestBothFeatures is security claim 70: whatever is cut, hangs or loses its answer, and whoever
// else calls, both features leave their state whole. What a store may do to a feature is the same
// for all of them, so the other stores have TestTOTPOverEveryStore alone.
func TestBothFeatures(t *testing.T) {
	for _, name := range []string{"memory", "sqlite"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := conformance.Config{New: stores[name]}
			messages := &phone{}
			options := func() kit.Options { return kit.Options{DataKeys: dataKeys(t)} }
			t.Run("text", func(t *testing.T) {
				conformance.RunFeature(t, cfg, conformance.Feature{
					New:     func() kit.Feature { return textFactor{send: messages.send} },
					Options: options,
					Scenarios: []conformance.Scenario{
						{Name: "enroll", Prepare: func(s *conformance.Scene) conformance.Use { return enroll(s, messages) }},
						{Name: "login", Prepare: func(s *conformance.Scene) conformance.Use { return login(s, messages) }},
						{Name: "remove", Prepare: func(s *conformance.Scene) conformance.Use { return remove(s, messages) }},
					},
				})
			})
			t.Run("terms", func(t *testing.T) {
				conformance.RunFeature(t, cfg, conformance.Feature{
					New:       func() kit.Feature { return termsFeature{version: "1"} },
					Scenarios: []conformance.Scenario{{Name: "accept", Prepare: acceptTerms}},
				})
			})
		})
	}
}

func body(v members) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// whole wants the factor on or off.
func whole(s *conformance.Scene, states ...bool) func(context.Context, *kit.Service) error {
	return func(ctx context.Context, svc *kit.Service) error {
		u, err := svc.UserByID(ctx, s.User.ID)
		if err == nil && !slices.Contains(states, slices.Contains(u.Factors, "text")) {
			err = fmt.Errorf("the factors are %q", u.Factors)
		}
		return err
	}
}

func enroll(s *conformance.Scene, messages *phone) conformance.Use {
	access := s.Login().AccessToken
	shown, err := s.Serve(context.Background(), s.Service, "POST /mfa/text", body(members{"number": "+441632960123"}), access)
	if err != nil {
		s.Fatal(err)
	}
	answer := state(s, shown, messages)
	return conformance.Use{
		Call: func(ctx context.Context, svc *kit.Service) error {
			_, err := s.Serve(ctx, svc, "POST /mfa/text/confirm", body(answer), access)
			return err
		},
		Already: []error{kit.ErrAlreadyEnrolled, kit.ErrRevokedToken},
		Whole:   whole(s, true, false),
	}
}

// state returns the body that answers what a factor has shown.
func state(s *conformance.Scene, shown kit.Answer, messages *phone) members {
	answer := members{}
	if err := json.Unmarshal(shown.Body, &answer); err != nil {
		s.Fatal(err)
	}
	answer["code"] = messages.code(s)
	s.Secret(answer["state"].(string))
	return answer
}

// half enrolls the factor, and logs in with the password.
func half(s *conformance.Scene, messages *phone) members {
	if err := enroll(s, messages).Call(context.Background(), s.Service); err != nil {
		s.Fatal(err)
	}
	_, err := s.Service.Login(context.Background(), s.User.Email, s.Password)
	var required *kit.MFARequired
	if !errors.As(err, &required) {
		s.Fatalf("Login: got %v, want a MFARequired", err)
	}
	step := members{"mfa_token": string(required.Token), "method": "text"}
	shown, err := s.Serve(context.Background(), s.Service, "POST /login/mfa/begin", body(step), "")
	if err != nil {
		s.Fatal(err)
	}
	for name, value := range state(s, shown, messages) {
		step[name] = value
	}
	s.Secret(string(required.Token))
	return step
}

func login(s *conformance.Scene, messages *phone) conformance.Use {
	step := half(s, messages)
	return conformance.Use{
		Call: func(ctx context.Context, svc *kit.Service) error {
			_, err := s.Serve(ctx, svc, "POST /login/mfa", body(step), "")
			return err
		},
		Already: []error{kit.ErrRevokedToken, kit.ErrInvalidCode},
		Whole:   whole(s, true),
	}
}

func remove(s *conformance.Scene, messages *phone) conformance.Use {
	tokens, err := s.Serve(context.Background(), s.Service, "POST /login/mfa", body(half(s, messages)), "")
	if err != nil {
		s.Fatal(err)
	}
	return conformance.Use{
		Call: func(ctx context.Context, svc *kit.Service) error {
			_, err := s.Serve(ctx, svc, "DELETE /mfa/text", "", tokens.Tokens.AccessToken)
			return err
		},
		Whole: whole(s, true, false),
	}
}

func acceptTerms(s *conformance.Scene) conformance.Use {
	_, err := s.Service.Login(context.Background(), s.User.Email, s.Password)
	var refused *kit.Problem
	if !errors.As(err, &refused) {
		s.Fatalf("Login: got %v, want terms_required", err)
	}
	token := refused.Members["terms_token"].(string)
	s.Secret(token)
	return conformance.Use{
		Call: func(ctx context.Context, svc *kit.Service) error {
			_, err := s.Serve(ctx, svc, "POST /terms/accept", body(members{"terms_token": token}), "")
			return err
		},
		Already: []error{kit.ErrRevokedToken},
		Whole: func(ctx context.Context, svc *kit.Service) error {
			_, err := svc.UserByID(ctx, s.User.ID)
			return err
		},
	}
}
