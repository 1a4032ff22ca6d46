package redis_test

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
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

// The conformance suite waits more than it computes, so its cases need not be as few at a
// time as the processors.
func TestMain(m *testing.M) {
	flag.Parse()
	if parallel := flag.Lookup("test.parallel"); parallel.Value.String() == parallel.DefValue {
		_ = parallel.Value.Set("8") // it is a number
	}
	os.Exit(m.Run())
}

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

	cmd   *exec.Cmd
	ended chan struct{} // closed once it has
}

// startServer starts a server with its data in the test's directory.
func startServer(t testing.TB, args ...string) *localServer {
	t.Helper()
	servers.Redis(t) // it skips or fails where there is none
	program, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("redis-server is not in PATH: a server that somebody else runs cannot be killed")
	}
	s := &localServer{t: t}
	dir := t.TempDir()
	t.Cleanup(s.kill)
	for range 3 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		s.addr = l.Addr().String()
		l.Close()
		_, port, _ := net.SplitHostPort(s.addr)
		s.args = append([]string{program, "--port", port, "--bind", "127.0.0.1", "--dir", dir, "--save", "", "--appendonly", "no"}, args...)
		// Somebody else may take the port first: then the server ends at once.
		if err = s.run(); err == nil {
			return s
		}
		t.Log(err)
	}
	t.Fatal("no server starts")
	return nil
}

func (s *localServer) url() string { return "redis://" + s.addr }

func (s *localServer) start() {
	s.t.Helper()
	if err := s.run(); err != nil {
		s.t.Fatal(err)
	}
}

// run starts the server and waits until it answers or ends.
func (s *localServer) run() error {
	log, err := os.Create(filepath.Join(s.t.TempDir(), "log"))
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(s.args[0], s.args[1:]...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // the signal is its error
	}()
	s.cmd, s.ended = cmd, ended
	c := goredis.NewClient(&goredis.Options{Addr: s.addr, DialerRetries: 1})
	defer c.Close()
	over := false
	eventually(s.t, "the server answers", func() error {
		err := c.Ping(context.Background()).Err()
		select {
		case <-ended: // whoever answers is another one
			over = true
			return nil
		default:
		}
		if goredis.HasErrorPrefix(err, "NOAUTH") {
			return nil
		}
		return err
	})
	if over {
		text, _ := os.ReadFile(log.Name())
		return fmt.Errorf("the server has ended: %s", text)
	}
	return nil
}

// kill ends the server as a crash does.
func (s *localServer) kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	<-s.ended
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
