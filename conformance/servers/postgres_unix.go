//go:build unix

package servers

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
)

// postgresDirs are where the packages put programs that are not in PATH.
var postgresDirs = []string{"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin", "/usr/local/opt/postgresql*/bin"}

const postgresAdvice = "install PostgreSQL 14 or later (apt-get install postgresql), or name a server in MYAUTH_TEST_POSTGRES_URL"

func startPostgres(fsync string) (string, error) {
	return started(func() (starter, error) { return postgresStarter(fsync) })
}

func postgresStarter(fsync string) (starter, error) {
	initdb, err := find("initdb", postgresDirs...)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, postgresAdvice)
	}
	postgres, err := beside(initdb, "postgres")
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, postgresAdvice)
	}
	as, err := unprivileged("postgres", "nobody")
	if err != nil {
		return nil, err
	}
	return func(port string) (string, error) {
		dir, err := tempDir("postgres", as)
		if err != nil {
			return "", err
		}
		// A superuser of the database can run programs as its owner, so the server wants
		// a password. It is in a file because every user of the machine can read arguments.
		password, secret, data := rand.Text(), filepath.Join(dir, "password"), filepath.Join(dir, "data")
		if err := writeFile(secret, password, as); err != nil {
			return "", errors.Join(err, os.RemoveAll(dir))
		}
		_, err = program{
			dir:    dir,
			setup:  []string{initdb, "-D", data, "-U", "postgres", "--auth=scram-sha-256", "--pwfile=" + secret, "-E", "UTF8", "--locale=C", "--no-sync"},
			signal: "QUIT", // its immediate shutdown, which takes the children along
			command: []string{
				postgres, "-D", data, "-p", port, "-c", "listen_addresses=" + loopback, "-c", "unix_socket_directories=",
				"-c", "fsync=" + fsync, "-c", "max_connections=400",
			},
			as:    as,
			ready: func() error { return postgresReady(data, port) },
		}.start()
		return "postgres://postgres:" + password + "@" + net.JoinHostPort(loopback, port) + "/postgres?sslmode=disable", err
	}, nil
}

// postgresReady reads what the server writes about itself, as pg_ctl does
// (https://www.postgresql.org/docs/current/storage-file-layout.html): its port, the
// address once it listens there, and at last that it takes logins.
func postgresReady(data, port string) error {
	about, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if err != nil {
		return err
	}
	lines := strings.Split(string(about), "\n")
	if len(lines) < 8 || lines[3] != port || lines[5] != loopback || strings.TrimSpace(lines[7]) != "ready" {
		return fmt.Errorf("it says of itself %q", lines)
	}
	return nil
}
