package acceptance

import (
	"context"
	"crypto/rand"
	"os"
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
	"myauth.internal/kit/provider"
	"myauth.internal/kit/provider/internal/hostile"
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

func prefix() string { return strings.ToLower("provider_" + rand.Text()[:12] + "_") }

func opened(t testing.TB, store interface {
	Stores() kit.Stores
	Close() error
}, err error) conformance.Stores {
	if err != nil {
		t.Fatal(err)
	}
	return conformance.Stores{Stores: store.Stores(), Close: store.Close}
}

const (
	api  = "https://app.example.com/auth"
	page = "https://app.example.com/signed-in"
)

// scripted is the feature with a provider whose users a script makes.
type scripted struct {
	*hostile.Provider
	t      testing.TB
	people int
	eyes   eyes
}

func (p *scripted) feature() kit.Feature {
	feature, err := provider.New(api, []string{page}, provider.OpenIDConnect(provider.Config{
		Name: "acme", Label: "Acme", Issuer: p.Issuer, ClientID: hostile.ClientID, ClientSecret: hostile.ClientSecret,
		NativeClientIDs: []string{hostile.ClientID}, EmailDomains: []string{"example.com"}, Transport: p.Transport(),
	}))
	if err != nil {
		p.t.Fatal(err)
	}
	return feature
}

// TestOverEveryStore is security claim 70 for providers: whatever is cut, hangs or loses its answer,
// and whoever else calls, their state is whole.
func TestOverEveryStore(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &scripted{Provider: hostile.New(t), t: t}
			conformance.RunFeature(t, conformance.Config{New: open}, conformance.Feature{
				New: p.feature,
				Options: func() kit.Options {
					keys, err := seal.NewKeyring([]byte("a data key for tests: 32 bytes.."))
					if err != nil {
						t.Fatal(err)
					}
					return kit.Options{DataKeys: keys, Features: []kit.Feature{&p.eyes}}
				},
				Scenarios: p.scenarios(name),
			})
		})
	}
}

// scenarios are all that the feature does over memory and a file, and over the servers, which answer
// as slowly as they do in production, those that make, claim and remove accounts and identities:
// the others use the store as these do. make proof has all of them over each.
func (p *scripted) scenarios(store string) []conformance.Scenario {
	some := []conformance.Scenario{
		{Name: "sign-up", Prepare: p.signUp},
		{Name: "claim", Prepare: p.claim},
		{Name: "unlink", Prepare: p.unlink},
	}
	if store != "memory" && store != "sqlite" && os.Getenv("MYAUTH_TEST_SCENARIOS") != "all" {
		return some
	}
	return append(some,
		conformance.Scenario{Name: "callback", Prepare: p.callback},
		conformance.Scenario{Name: "login", Prepare: p.logIn},
		conformance.Scenario{Name: "native", Prepare: p.native},
		conformance.Scenario{Name: "confirm", Prepare: p.confirm},
		conformance.Scenario{Name: "link", Prepare: p.link},
	)
}
