//go:build unix

package servers

import (
	"encoding/binary"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Whoever can connect is not thereby a superuser, and the password can be had from
// the URL only.
func TestPostgresWantsItsPassword(t *testing.T) {
	t.Setenv("MYAUTH_TEST_POSTGRES_URL", "") // it is about one that is started here
	u, err := url.Parse(Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	password, _ := u.User.Password()
	if len(password) < 22 { // 128 bits in base64
		t.Errorf("a password of %d characters", len(password))
	}
	const sasl = 10
	if asked := postgresAuthentication(t, u.Host); asked != sasl {
		t.Errorf("a login is answered with authentication request %d, want %d", asked, sasl)
	}

	servers, err := filepath.Glob(filepath.Join(os.TempDir(), "myauth-test-postgres-*"))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, dir := range servers {
		if postgresReady(filepath.Join(dir, "data"), u.Port()) != nil {
			continue // that of another process
		}
		found++
		if log, err := os.ReadFile(filepath.Join(dir, "log")); err != nil || strings.Contains(string(log), password) {
			t.Errorf("the log has the password, or cannot be read: %v", err)
		}
	}
	if found != 1 {
		t.Errorf("%d directories of a server on this port", found)
	}
}

// postgresAuthentication begins to log in and returns what the server wants to see
// (https://www.postgresql.org/docs/current/protocol-message-formats.html); 0 is
// nothing.
func postgresAuthentication(t *testing.T, address string) uint32 {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(startTimeout)); err != nil {
		t.Fatal(err)
	}
	const protocol = 3 << 16
	body := "user\x00postgres\x00database\x00postgres\x00\x00"
	startup := binary.BigEndian.AppendUint32(nil, uint32(8+len(body)))
	startup = append(binary.BigEndian.AppendUint32(startup, protocol), body...)
	if _, err := conn.Write(startup); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 9) // its type, its length, and the first of its fields
	if _, err := io.ReadFull(conn, answer); err != nil {
		t.Fatal(err)
	}
	if answer[0] != 'R' {
		t.Fatalf("the server refuses a login: message %q", answer)
	}
	return binary.BigEndian.Uint32(answer[5:])
}
