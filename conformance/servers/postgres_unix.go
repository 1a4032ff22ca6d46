//go:build unix

package servers

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// postgresDirs are where the packages put programs that are not in PATH.
var postgresDirs = []string{"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin", "/usr/local/opt/postgresql*/bin"}

const postgresAdvice = "install PostgreSQL 14 or later (apt-get install postgresql), or name a server in MYAUTH_TEST_POSTGRES_URL"

func startPostgres() (string, error) {
	initdb, err := find("initdb", postgresDirs...)
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, postgresAdvice)
	}
	postgres, err := beside(initdb, "postgres")
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, postgresAdvice)
	}
	as, err := unprivileged("postgres", "nobody")
	if err != nil {
		return "", err
	}
	return retry(func() (string, error) { return startPostgresOnce(initdb, postgres, as) })
}

func startPostgresOnce(initdb, postgres string, as *syscall.Credential) (string, error) {
	dir, err := tempDir("postgres", as)
	if err != nil {
		return "", err
	}
	ports, err := freePorts(1)
	if err != nil {
		return "", errors.Join(err, os.RemoveAll(dir))
	}
	address := net.JoinHostPort("127.0.0.1", ports[0])
	data := filepath.Join(dir, "data")
	err = program{
		dir:    dir,
		setup:  []string{initdb, "-D", data, "-U", "postgres", "--auth=trust", "-E", "UTF8", "--locale=C", "--no-sync"},
		signal: "QUIT", // its immediate shutdown, which takes the children along
		command: []string{
			postgres, "-D", data, "-p", ports[0], "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
			"-c", "fsync=off", "-c", "max_connections=400",
		},
		as:    as,
		ready: func() error { return postgresReady(address) },
	}.start()
	if err != nil {
		return "", errors.Join(err, os.RemoveAll(dir))
	}
	return "postgres://postgres@" + address + "/postgres?sslmode=disable", nil
}

// postgresReady logs in by hand
// (https://www.postgresql.org/docs/current/protocol-message-formats.html): while the
// server starts it accepts, and answers with an error.
func postgresReady(address string) error {
	conn, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return err
	}
	const protocol = 3 << 16
	body := []byte("user\x00postgres\x00database\x00postgres\x00\x00")
	startup := binary.BigEndian.AppendUint32(nil, uint32(8+len(body)))
	startup = append(binary.BigEndian.AppendUint32(startup, protocol), body...)
	if _, err := conn.Write(startup); err != nil {
		return err
	}
	answer := make([]byte, 1)
	if _, err := io.ReadFull(conn, answer); err != nil {
		return err
	}
	if !bytes.Equal(answer, []byte("R")) {
		return fmt.Errorf("the server refuses a login: message %q", answer)
	}
	_, err = conn.Write([]byte{'X', 0, 0, 0, 4})
	return err
}
