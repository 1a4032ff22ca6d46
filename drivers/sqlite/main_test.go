package sqlite_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"myauth.internal/drivers/sqlite"
	"myauth.internal/kit"
)

// The tests start this very binary again as another process, which then plays the
// part that the variable names, on the database that its last argument names.
const partVariable = "MYAUTH_SQLITE_TEST_PART"

var parts = map[string]func(path string) error{
	"open":     openPart,
	"register": func(path string) error { return registerPart(path, 1) },
	"together": func(path string) error { return registerPart(path, 16) },
}

func TestMain(m *testing.M) {
	part, ok := parts[os.Getenv(partVariable)]
	if !ok {
		os.Exit(m.Run())
	}
	if err := part(os.Args[len(os.Args)-1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// openPart opens the store once a line comes on its input.
func openPart(path string) error {
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		return err
	}
	store, err := sqlite.Open(context.Background(), path, nil)
	if err != nil {
		return err
	}
	return store.Close()
}

// registerPart creates users without end, from that many goroutines, and prints the id of each one
// after it was acknowledged.
func registerPart(path string, callers int) error {
	store, err := sqlite.Open(context.Background(), path, nil)
	if err != nil {
		return err
	}
	failed := make(chan error)
	for caller := range callers {
		go func() {
			for i := 0; ; i++ {
				id := fmt.Sprint(os.Getpid(), "-", caller, "-", i)
				if err := store.Users().Create(context.Background(), newUser(id)); err != nil {
					failed <- err
				}
				fmt.Println(id)
			}
		}()
	}
	return <-failed
}

// process returns the command that plays a part.
func process(t *testing.T, part, path string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, path)
	cmd.Env = append(os.Environ(), partVariable+"="+part)
	cmd.Stderr = os.Stderr
	return cmd
}

// open returns a store on a file, closed when the test ends.
func open(t testing.TB, path string) *sqlite.Store {
	t.Helper()
	store, err := sqlite.Open(t.Context(), path, nil)
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

func tempFile(t testing.TB) string { return filepath.Join(t.TempDir(), "auth.db") }

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
