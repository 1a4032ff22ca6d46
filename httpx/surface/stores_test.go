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

// storeVariable tells the process of TestEveryStore its store: a name and a URL with a
// blank between them.
const storeVariable = "MYAUTH_TEST_SURFACE_STORE"

// TestEveryStore runs all of this package's tests again over each store, in a process of
// its own. Without it they run over memory.
func TestEveryStore(t *testing.T) {
	if overStore() {
		return // this is that process
	}
	for name, url := range map[string]func(testing.TB) string{
		"sqlite":   func(testing.TB) string { return "" },
		"postgres": servers.Postgres,
		"redis":    servers.Redis,
		"mongo":    servers.Mongo,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.timeout=10m")
			cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %s", storeVariable, name, url(t)))
			if output, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, output)
			}
		})
	}
}

// overStore reports whether this is a process of TestEveryStore.
func overStore() bool { return os.Getenv(storeVariable) != "" }

// openStores makes an empty data set in the store of this process.
func openStores(t *testing.T) (kit.UserStore, kit.TokenStore) {
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
	s := memstore.New()
	return s.Users(), s.Tokens()
}

// opened returns the two stores of s, which is closed when the test ends.
func opened[U kit.UserStore, T kit.TokenStore](t *testing.T, s interface {
	Users() U
	Tokens() T
	Close() error
}, err error) (kit.UserStore, kit.TokenStore) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s.Users(), s.Tokens()
}
