package redis_test

import (
	"context"
	"crypto/rand"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"myauth.internal/conformance/servers"
	"myauth.internal/drivers/redis"
	"myauth.internal/kit"
)

// open returns a store, closed when the test ends.
func open(t testing.TB, url string, opts *redis.Options) *redis.Store {
	t.Helper()
	store, err := redis.Open(t.Context(), url, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}

// fresh returns options with a prefix of its own.
func fresh() *redis.Options { return &redis.Options{Prefix: "test-" + rand.Text()} }

// plain returns a client for looking at what a store did, and for doing what no
// store does.
func plain(t testing.TB, url string) *goredis.Client {
	t.Helper()
	o, err := goredis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	c := goredis.NewClient(o)
	t.Cleanup(func() { c.Close() })
	return c
}

// localServer is a server that a test may stop, fill up and kill.
type localServer struct {
	t    testing.TB
	args []string
	addr string
	cmd  *exec.Cmd
}

// startServer starts a server with its data in the test's directory.
func startServer(t testing.TB, args ...string) *localServer {
	t.Helper()
	servers.Redis(t) // it skips or fails where there is none
	program, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("redis-server is not in PATH: a server that somebody else runs cannot be killed")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	_, port, _ := net.SplitHostPort(addr)
	s := &localServer{t: t, addr: addr, args: append([]string{
		program, "--port", port, "--bind", "127.0.0.1", "--dir", t.TempDir(), "--save", "", "--appendonly", "no",
	}, args...)}
	s.start()
	t.Cleanup(s.kill)
	return s
}

func (s *localServer) url() string { return "redis://" + s.addr }

func (s *localServer) start() {
	s.t.Helper()
	log, err := os.Create(filepath.Join(s.t.TempDir(), "log"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()
	s.cmd = exec.Command(s.args[0], s.args[1:]...)
	s.cmd.Stdout, s.cmd.Stderr = log, log
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	c := goredis.NewClient(&goredis.Options{Addr: s.addr, DialerRetries: 1})
	defer c.Close()
	eventually(s.t, "the server answers", func() error {
		err := c.Ping(context.Background()).Err()
		if goredis.HasErrorPrefix(err, "NOAUTH") {
			return nil
		}
		return err
	})
}

// kill ends the server as a crash does.
func (s *localServer) kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait() // the signal is its error
	s.cmd = nil
}

// eventually tries until it works.
func eventually(t testing.TB, what string, try func() error) {
	t.Helper()
	late := time.NewTimer(20 * time.Second)
	defer late.Stop()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-again.C:
		case <-late.C:
			t.Fatalf("%s: not in 20 seconds: %v", what, err)
		}
	}
}

var testTime = time.Date(2026, 11, 5, 12, 30, 0, 123456000, time.UTC)

func newUser(id string) kit.User {
	return kit.User{
		ID: id, Email: id + "@Example.com", Username: "user " + id,
		PasswordHash: "$2a$12$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234",
		Settings:     []byte(`{"theme":"dark"}`),
		Active:       true, CreatedAt: testTime, UpdatedAt: testTime, Version: 1,
	}
}

func newToken(id, userID string) kit.Token {
	return kit.Token{
		ID: id, Type: kit.RefreshToken, UserID: userID, SessionID: "s-" + id, SecretHash: make([]byte, 32),
		CreatedAt: testTime, ExpiresAt: testTime.Add(time.Hour), Version: 1,
	}
}

// isOutage reports whether err is what a store says of a server that is not there.
func isOutage(err error) bool {
	return errors.Is(err, kit.ErrUnavailable) && !errors.Is(err, kit.ErrNotFound)
}
