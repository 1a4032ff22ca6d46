package main

import (
	"crypto/rand"
	"fmt"
	"strings"
	"testing"

	"myauth.internal/conformance/servers"
)

// TestEveryStore runs the life of an account over each kind of store and over pairs of
// them, with a restart in the middle.
func TestEveryStore(t *testing.T) {
	urls := map[string]func(t testing.TB) string{
		"sqlite":   func(testing.TB) string { return "sqlite:auth.db" },
		"postgres": servers.Postgres,
		"mongo":    database,
		"redis":    servers.Redis,
		"cluster": func(t testing.TB) string {
			return "redis://" + servers.RedisCluster(t)[0] + "?cluster=true"
		},
	}
	for _, pair := range [][2]string{
		{"postgres", "postgres"}, {"mongo", "mongo"}, {"redis", "redis"}, {"cluster", "cluster"},
		{"postgres", "redis"}, {"sqlite", "cluster"}, {"mongo", "postgres"}, {"redis", "mongo"},
	} {
		users, tokens := pair[0], pair[1]
		t.Run(users+" and "+tokens, func(t *testing.T) {
			dir := t.TempDir()
			env := []string{"MYAUTH_JWT_SECRET=" + testSecret, "MYAUTH_STORE=" + urls[users](t)}
			if tokens != users {
				env = append(env, "MYAUTH_TOKEN_STORE="+urls[tokens](t))
			}
			// The servers are shared, so each pair has an account of its own.
			email := strings.ToLower(rand.Text()) + "@example.com"
			own := func(body string) string { return strings.ReplaceAll(body, "ada@example.com", email) }
			if own(registration) == registration || own(credentials) == credentials {
				t.Fatal("the account of this package's tests has another address now")
			}
			token := func(a answer) string { return fmt.Sprintf(`{"refresh_token":%q}`, a.field(t, "refresh_token")) }

			p := startServer(t, dir, env...)
			p.do(200, "GET", "/readyz", "", "")
			p.do(201, "POST", "/auth/register", "", own(registration))
			p.do(409, "POST", "/auth/register", "", own(registration))
			p.do(401, "POST", "/auth/login", "", strings.Replace(own(credentials), `"password":"`, `"password":"not `, 1))
			first := p.do(200, "POST", "/auth/login", "", own(credentials))
			p.stop()

			p = startServer(t, dir, env...)
			p.do(200, "GET", "/auth/me", first.field(t, "access_token"), "")
			second := p.do(200, "POST", "/auth/refresh", "", token(first))
			p.do(204, "POST", "/auth/logout", "", token(second))
			p.do(401, "POST", "/auth/refresh", "", token(second))
			p.stop()
			if strings.Contains(p.stderr(), "level=ERROR") {
				t.Errorf("the server logged an error:\n%s", p.stderr())
			}
		})
	}
}
