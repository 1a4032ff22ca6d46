package surface

import (
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"myauth.internal/conformance/servers"
	"myauth.internal/drivers/mongo"
	"myauth.internal/drivers/postgres"
	"myauth.internal/drivers/redis"
	"myauth.internal/drivers/sqlite"
	"myauth.internal/kit"
	"myauth.internal/kit/memstore"
)

// featuresVariable tells a process of TestEveryStore that its apps have the features of these
// tests; without it they are bare.
const featuresVariable = "MYAUTH_TEST_SURFACE_FEATURES"

// storeVariable tells the process of TestEveryStore its store: a name and a URL with a
// blank between them.
const storeVariable = "MYAUTH_TEST_SURFACE_STORE"

// TestEveryStore runs all of this package's tests again with features, over memory and over
// each store, in a process of its own. Without it they run over memory, and bare.
func TestEveryStore(t *testing.T) {
	if featured() {
		return // this is such a process
	}
	none := func(testing.TB) string { return "" }
	for name, url := range map[string]func(testing.TB) string{
		"memory":   none,
		"sqlite":   none,
		"postgres": servers.Postgres,
		"redis":    servers.Redis,
		"mongo":    servers.Mongo,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			again(t, featuresVariable+"=1", fmt.Sprintf("%s=%s %s", storeVariable, name, url(t)))
		})
	}
}

// again runs all of this package's tests in a process with these variables.
func again(t *testing.T, variables ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.timeout=10m")
	cmd.Env = append(os.Environ(), variables...)
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, output)
	}
}

// featured reports whether the apps of this process have features.
func featured() bool { return os.Getenv(featuresVariable) != "" }

// overStore reports whether the apps of this process have a store that is not in memory.
func overStore() bool {
	name, _, _ := strings.Cut(os.Getenv(storeVariable), " ")
	return name != "" && name != "memory"
}

// openStores makes an empty data set in the store of this process.
func openStores(t *testing.T) kit.Stores {
	t.Helper()
	name, url, _ := strings.Cut(os.Getenv(storeVariable), " ")
	part := strings.ToLower("surface_" + rand.Text()[:16] + "_")
	ctx := t.Context()
	switch name {
	case "sqlite":
		s, err := sqlite.Open(ctx, filepath.Join(t.TempDir(), "auth.db"), nil)
		return opened(t, s, err)
	case "postgres":
		s, err := postgres.Open(ctx, url, &postgres.Options{Prefix: part})
		return opened(t, s, err)
	case "redis":
		s, err := redis.Open(ctx, url, &redis.Options{Prefix: part})
		return opened(t, s, err)
	case "mongo":
		server, query, _ := strings.Cut(url, "?")
		s, err := mongo.Open(ctx, strings.TrimSuffix(server, "/")+"/"+part+"?"+query, nil)
		return opened(t, s, err)
	}
	return memstore.New().Stores()
}

// opened returns the stores of s, which is closed when the test ends.
func opened(t *testing.T, s interface {
	Stores() kit.Stores
	Close() error
}, err error) kit.Stores {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s.Stores()
}
