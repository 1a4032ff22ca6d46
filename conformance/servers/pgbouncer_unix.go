//go:build unix

package servers

import (
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
	program, err := find("pgbouncer", "/usr/sbin", "/usr/local/sbin")
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, pgbouncerAdvice)
	}
	u, err := url.Parse(server)
	if err != nil {
		return "", errors.New("the URL of the PostgreSQL behind PgBouncer cannot be read")
	}
	return onFreePort(func(port string) (string, error) {
		if err := startPgBouncerOn(port, program, mode, u); err != nil {
			return "", err
		}
		through := *u
		through.Host = net.JoinHostPort(loopback, port)
		through.RawQuery = "sslmode=disable"
		return through.String(), nil
	})
}

func startPgBouncerOn(port, path, mode string, server *url.URL) error {
	as, err := unprivileged("postgres", "nobody") // it refuses to be root
	if err != nil {
		return err
	}
	dir, err := tempDir("pgbouncer", as)
	if err != nil {
		return err
	}
	quote := func(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }
	password, _ := server.User.Password()
	serverPort := server.Port()
	if serverPort == "" {
		serverPort = "5432"
	}
	config, users, pid := filepath.Join(dir, "pgbouncer.ini"), filepath.Join(dir, "users"), filepath.Join(dir, "pid")
	settings := []string{
		"[databases]", "* = host=" + server.Hostname() + " port=" + serverPort,
		"[pgbouncer]", "pool_mode = " + mode, "listen_addr = " + loopback, "listen_port = " + port, "unix_socket_dir =",
		"auth_type = scram-sha-256", "auth_file = " + users, "pidfile = " + pid, "max_client_conn = 1000", "default_pool_size = 20",
	}
	err = errors.Join(
		writeFile(users, quote(server.User.Username())+" "+quote(password)+"\n", as),
		writeFile(config, strings.Join(settings, "\n")+"\n", as))
	if err == nil {
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
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(dir))
	}
	return nil
}
