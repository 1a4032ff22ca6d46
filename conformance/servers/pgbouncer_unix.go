//go:build unix

package servers

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

const pgbouncerAdvice = "install PgBouncer 1.18 or later (apt-get install pgbouncer)"

// startPgBouncer starts one in front of the server that the URL names, in a pool mode,
// and returns the URL of the same database through it.
func startPgBouncer(server, mode string) (string, error) {
	path, err := find("pgbouncer", "/usr/sbin", "/usr/local/sbin")
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, pgbouncerAdvice)
	}
	as, err := unprivileged("postgres", "nobody") // it refuses to be root
	if err != nil {
		return "", err
	}
	u, err := url.Parse(server)
	if err != nil {
		return "", errors.New("the URL of the PostgreSQL behind PgBouncer cannot be read")
	}
	password, _ := u.User.Password()
	quote := func(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }
	return onFreePort(func(port string) (string, error) {
		dir, err := tempDir("pgbouncer", as)
		if err != nil {
			return "", err
		}
		config, users, pid := filepath.Join(dir, "pgbouncer.ini"), filepath.Join(dir, "users"), filepath.Join(dir, "pid")
		settings := []string{
			"[databases]", "* = host=" + u.Hostname() + " port=" + cmp.Or(u.Port(), "5432"),
			"[pgbouncer]", "pool_mode = " + mode, "listen_addr = " + loopback, "listen_port = " + port, "unix_socket_dir =",
			"auth_type = scram-sha-256", "auth_file = " + users, "pidfile = " + pid, "max_client_conn = 1000", "default_pool_size = 20",
		}
		if err := errors.Join(
			writeFile(users, quote(u.User.Username())+" "+quote(password)+"\n", as),
			writeFile(config, strings.Join(settings, "\n")+"\n", as),
		); err != nil {
			return "", errors.Join(err, os.RemoveAll(dir))
		}
		_, err = program{
			dir:     dir,
			signal:  "KILL",
			command: []string{path, config},
			as:      as,
			ready: func() error { // it listens before it writes this
				_, err := os.Stat(pid)
				return err
			},
		}.start()
		through := *u
		through.Host, through.RawQuery = net.JoinHostPort(loopback, port), "sslmode=disable"
		return through.String(), err
	})
}
