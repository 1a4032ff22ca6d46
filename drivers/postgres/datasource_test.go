package postgres

import (
	"slices"
	"strings"
	"testing"

	"github.com/lib/pq"
)

// Data sources as services and people write them: which sslmode comes of each, or what the
// error says.
func TestDataSources(t *testing.T) {
	for dataSource, want := range map[string]string{
		// Heroku, RDS, Render, Railway: no parameters.
		"postgres://u:s3cret@ec2-1-2-3-4.compute-1.amazonaws.com:5432/d1":                                   "verify-full",
		"postgres://u:s3cret@app.abc.eu-west-1.rds.amazonaws.com:5432/app":                                  "verify-full",
		"postgresql://u:s3cret@dpg-abc-a.frankfurt-postgres.render.com/app":                                 "verify-full",
		"postgresql://postgres:s3cret@monorail.proxy.rlwy.net:12345/railway":                                "verify-full",
		"postgres://u:s3cret@db/app":                                                                        "verify-full", // a container
		"host=10.0.0.7 user=u password=s3cret":                                                              "verify-full",
		"postgres://u:s3cret@app.rds.amazonaws.com/app?sslmode=verify-full":                                 "verify-full",
		"postgres://u:s3cret@localhost,db.example.com/app":                                                  "verify-full",
		"postgres://u:s3cret@db.example.com/app?hostaddr=127.0.0.1":                                         "prefer",
		"postgres://u:s3cret@localhost/app?hostaddr=10.0.0.7":                                               "verify-full",
		"postgres://u:s3cret@db.localhost.example.com/app":                                                  "verify-full",
		"postgres://u:s3cret@localhost/app?sslnegotiation=direct":                                           "verify-full",
		"postgres://u:s3cret@db.example.com/app?sslmode=disable":                                            "disable", // written out
		"postgres://u:s3cret@app.flycast:5432/app?sslmode=disable":                                          "disable",
		"postgres://u:s3cret@db.example.com/app?sslmode=prefer":                                             "prefer",
		"postgres://doadmin:s3cret@db.ondigitalocean.com:25060/d?sslmode=require":                           "require",
		"postgres://u%40server:s3cret@server.postgres.database.azure.com/postgres?sslmode=require":          "require",
		"host=server.postgres.database.azure.com port=5432 dbname=d user=u password=s3cret sslmode=require": "require",
		"postgres://u:s3cret@db.example.com/app?sslrootcert=system":                                         "verify-full",
		// Neon. Lib/pq cannot bind the channel, so the certificate is checked.
		"postgresql://u:s3cret@ep-a-pooler.eu-central-1.aws.neon.tech/neondb?sslmode=require&channel_binding=require": "verify-full",
		"postgresql://u:s3cret@ep-a.neon.tech/neondb?sslmode=require&channel_binding=prefer":                          "require",
		"postgresql://u:s3cret@eu.neon.tech/neondb?sslmode=require&options=endpoint%3Dep-a":                           "require",
		// Supabase, its poolers, and what Prisma and Vercel make of them.
		"postgresql://postgres.abc:s3cret@aws-0-eu-central-1.pooler.supabase.com:6543/postgres":                         "verify-full",
		"postgres://postgres.abc:s3cret@aws-0-eu-central-1.pooler.supabase.com:6543/postgres?pgbouncer=true":            "verify-full",
		"postgres://p.abc:s3cret@aws-0.pooler.supabase.com:6543/postgres?sslmode=require&supa=base-pooler.x":            "require",
		"postgres://p.abc:s3cret@aws-0.pooler.supabase.com/postgres?pgbouncer=true&connection_limit=1":                  "verify-full",
		"postgresql://johndoe:s3cret@db.example.com:5432/mydb?schema=public":                                            "verify-full",
		"postgresql://u:s3cret@free-tier.cockroachlabs.cloud:26257/defaultdb?sslmode=verify-full&options=--cluster%3Da": "verify-full",
		"postgres://u:s3cret@one.example.com:5432,two.example.com:5433/app?target_session_attrs=read-write":             "verify-full",
		"postgres://u:s3cret@one,two/app?target_session_attrs=primary&connect_timeout=10":                               "verify-full",
		"postgres://u:s3cret@one,two/app?target_session_attrs=prefer-standby":                                           "drop target_session_attrs=prefer-standby",
		"postgres://u:s3cret@one/app?require_auth=scram-sha-256":                                                        "drop the parameter require_auth",
		"postgres://u:s3cret@one/app?sslcrl=revoked.pem":                                                                "drop the parameter sslcrl",
		"postgres://u:s3cret@[::1]:5432,127.0.0.1:5433/app":                                                             "prefer",
		"postgres://u:s3cret@/app?host=/cloudsql/project:region:instance":                                               "disable", // a socket
		"postgres://u:s3cret@%2Fvar%2Frun%2Fpostgresql/app":                                                             "disable",
		"postgres:///app?host=/tmp,db.example.com":                                                                      "name one kind",
		"postgres://u:s3cret@localhost/app":                                                                             "prefer",
		"postgres://u:s3cret@LOCALHOST/app":                                                                             "prefer",
		"postgres://u:s3cret@localhost./app":                                                                            "verify-full", // a name server is asked for it
		"postgres://u:s3cret@db.localhost/app":                                                                          "verify-full",
		"postgres://u:s3cret@127.3.2.1:6432/app":                                                                        "prefer",
		"user=u":                                                                                                        "prefer",
		"postgres://u:s3cret@db.example.com/app?keepalives=1&keepalives_idle=30&gssencmode=prefer":                      "verify-full",
		"postgres://u:s3cret@db.example.com/app?gssencmode=require":                                                     "drop gssencmode=require",
		"postgres://u:s3cret@db.example.com/app?sslmode=disable&channel_binding=require":                                "drop channel_binding=require or sslmode=disable",
		"postgres://u:s3cret@db.example.com/app?ssl=true":                                                               "drop the parameter ssl ",
		"postgres://u:s3cret@db.example.com/app?sslmode=no-verify":                                                      "the setting sslmode",
		"postgres://u:s3cret@db.example.com/app?sslmode=require&uselibpqcompat=true":                                    "drop the parameter uselibpqcompat",
		"postgres://u:s3cret@db.example.com/app?connect_timeout=10s":                                                    "the setting connect_timeout",
		"postgres://u:s3cret@db.example.com/app?target_session_attrs=master":                                            "the setting target_session_attrs",
		"postgres://u:s3/cret@db.example.com/app":                                                                       "percent-encode",
	} {
		cfg, err := parse(dataSource)
		got := string(cfg.SSLMode)
		if err != nil {
			got = err.Error()
		}
		if err == nil && got != want || !strings.Contains(got, want) || strings.Contains(got, "cret") {
			t.Errorf("%s: got %q, want %q", dataSource, got, want)
		}
		if err == nil && (!cfg.BinaryParameters || cfg.ConnectTimeout == 0) {
			t.Errorf("%s: arguments travel apart from their statement, or connecting has no end", dataSource)
		}
	}
}

// What the environment says is written out as well.
func TestSSLModeOfTheEnvironment(t *testing.T) {
	t.Setenv("PGSSLMODE", "require")
	if cfg, err := parse("postgres://u:s3cret@db.example.com/app"); err != nil || cfg.SSLMode != pq.SSLModeRequire {
		t.Errorf("sslmode %s, %v", cfg.SSLMode, err)
	}
}

// Package net/url reads several hosts with one port only.
func TestHostsWithPorts(t *testing.T) {
	cfg, err := parse("postgres://u:p@one:1,[::1]:2,three/app?sslmode=require")
	if err != nil {
		t.Fatal(err)
	}
	hosts := append([]pq.ConfigMultihost{{Host: cfg.Host, Port: cfg.Port}}, cfg.Multi...)
	if want := []pq.ConfigMultihost{{Host: "one", Port: 1}, {Host: "::1", Port: 2}, {Host: "three", Port: 5432}}; !slices.Equal(hosts, want) {
		t.Errorf("got %+v, want %+v", hosts, want)
	}
	if cfg.User != "u" || cfg.Password != "p" || cfg.Database != "app" || cfg.SSLMode != pq.SSLModeRequire {
		t.Errorf("the rest of the URL is lost: user %s, database %s, sslmode %s", cfg.User, cfg.Database, cfg.SSLMode)
	}
}
