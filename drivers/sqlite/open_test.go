package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	_ "github.com/ncruces/go-sqlite3/driver"

	"myauth.internal/drivers/sqlite"
	"myauth.internal/kit"
)

func TestOpenTakesThePathLiterally(t *testing.T) {
	for _, name := range []string{
		"plain.db", "with space.db", "a?b.db", "a%20b.db", "a%zz.db", "a#b.db", "a&mode=memory.db", "a?mode=ro&vfs=x.db",
		"ünï 用户 \U0001f600.db", "a;b.db", "a'b\".db", "a+b=c.db", "-dash", "deep/er/file.db", "dots..db", "@:db", "back\\slash.db",
	} {
		t.Run(name, func(t *testing.T) {
			if runtime.GOOS == "windows" && strings.ContainsAny(name, `?*:"\`) {
				t.Skip("not a file name on Windows")
			}
			path := filepath.Join(t.TempDir(), filepath.FromSlash(name))
			store := open(t, path)
			if err := store.Users().Create(t.Context(), newUser("1")); err != nil {
				t.Fatal(err)
			}
			entries, err := os.ReadDir(filepath.Dir(path))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, e := range entries {
				got = append(got, e.Name())
			}
			base := filepath.Base(path)
			if want := []string{base, base + "-shm", base + "-wal"}; strings.Join(got, "|") != strings.Join(want, "|") {
				t.Errorf("files are %q, want %q", got, want)
			}
			if _, err := open(t, path).Users().ByID(t.Context(), "1"); err != nil {
				t.Error("a second handle:", err)
			}
		})
	}
}

func TestOpenRelativePathStaysWhereItWas(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	store := open(t, "auth.db")
	t.Chdir(t.TempDir())
	// The pool makes another connection after the directory has changed.
	if err := store.Users().Create(t.Context(), newUser("1")); err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, filepath.Join(dir, "auth.db")).Users().ByID(t.Context(), "1"); err != nil {
		t.Fatal(err)
	}
}

func TestOpenFollowsSymbolicLinks(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "real.db"), filepath.Join(dir, "link.db")
	open(t, target)
	if err := os.Symlink(target, link); err != nil {
		t.Skip("no symbolic links here:", err)
	}
	if err := open(t, link).Users().Create(t.Context(), newUser("1")); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(link + "-wal"); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the log stands beside the link: a process that opens the target would not see it")
	}
}

func TestFilesArePrivate(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no file modes on Windows")
	}
	dir := filepath.Join(t.TempDir(), "new", "dir")
	path := filepath.Join(dir, "auth.db")
	check := func(want fs.FileMode, names ...string) {
		t.Helper()
		for _, name := range names {
			info, err := os.Stat(name)
			if err != nil {
				t.Error(err)
			} else if info.Mode().Perm() != want {
				t.Errorf("%s has mode %o, want %o", filepath.Base(name), info.Mode().Perm(), want)
			}
		}
	}
	for i := range 2 { // the second time -wal and -shm are new, the file is not
		store, err := sqlite.Open(t.Context(), path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := store.Users().Create(t.Context(), newUser(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
		check(0o600, path, path+"-wal", path+"-shm")
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
	}
	check(0o700, dir, filepath.Dir(dir))

	if err := os.Chmod(path, 0o660); err != nil {
		t.Fatal(err)
	}
	open(t, path)
	check(0o660, path, path+"-wal", path+"-shm")
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	garbage := filepath.Join(dir, "garbage.db")
	if err := os.WriteFile(garbage, []byte(strings.Repeat("not a database, ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	inFile := filepath.Join(garbage, "auth.db")
	dangling := filepath.Join(dir, "dangling")
	if err := os.Symlink(filepath.Join(dir, "gone"), dangling); err != nil {
		t.Log("no symbolic links here:", err)
		dangling = inFile
	}
	for _, c := range []struct {
		name, path, want string
		opts             *sqlite.Options
	}{
		{name: "nothing", path: "", want: "not a path"},
		{name: "NUL", path: "a\x00b", want: "not a path"},
		{name: "memory", path: ":memory:", want: "call New"},
		{name: "URI", path: "file:auth.db?mode=ro", want: "call New"},
		{name: "directory", path: dir, want: "not a regular file"},
		{name: "file as directory", path: inFile, want: "create its directory"},
		{name: "dangling link", path: dangling, want: ""},
		{name: "another file", path: garbage, want: "choose another path"},
		{name: "MaxConns", path: filepath.Join(dir, "a.db"), opts: &sqlite.Options{MaxConns: -1}, want: "Options.MaxConns"},
		{name: "BusyTimeout", path: filepath.Join(dir, "a.db"), opts: &sqlite.Options{BusyTimeout: -1}, want: "Options.BusyTimeout"},
	} {
		t.Run(c.name, func(t *testing.T) {
			store, err := sqlite.Open(t.Context(), c.path, c.opts)
			if err == nil {
				store.Close()
				t.Fatal("it was opened")
			}
			if !strings.HasPrefix(err.Error(), "sqlite: ") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %q, want %q in it", err, c.want)
			}
		})
	}
	if _, err := sqlite.New(t.Context(), nil, nil); err == nil || !strings.Contains(err.Error(), "*sql.DB") {
		t.Errorf("New(nil): %v", err)
	}
}

func TestOpenSettings(t *testing.T) {
	store := open(t, tempFile(t))
	conns := sqlite.Pool(store).Stats().MaxOpenConnections
	if conns != 8 {
		t.Errorf("the pool has at most %d connections, want 8", conns)
	}
	// Each connection of the pool, not just the first.
	for i := range conns {
		conn, err := sqlite.Pool(store).Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "busy_timeout": "5000"} {
			var got string
			if err := conn.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil || got != want {
				t.Errorf("connection %d: %s is %q, %v, want %q", i, pragma, got, err, want)
			}
		}
	}
}

func TestCloseLeavesTheCallersPoolOpen(t *testing.T) {
	db, err := sql.Open("sqlite3", "file:"+filepath.ToSlash(tempFile(t)))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	store, err := sqlite.New(t.Context(), db, nil)
	if err != nil {
		t.Fatal(err)
	}
	users, tokens := store.Users(), store.Tokens()
	if err := users.Create(t.Context(), newUser("1")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.PingContext(t.Context()); err != nil {
		t.Error("the pool is closed:", err)
	}
	checkUnavailable(t, users, tokens)
}

func TestClosedStoreIsUnavailable(t *testing.T) {
	store, err := sqlite.Open(t.Context(), tempFile(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
	}
	checkUnavailable(t, store.Users(), store.Tokens())
}

func TestClosedPoolIsUnavailable(t *testing.T) {
	db, err := sql.Open("sqlite3", "file:"+filepath.ToSlash(tempFile(t)))
	if err != nil {
		t.Fatal(err)
	}
	store, err := sqlite.New(t.Context(), db, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	checkUnavailable(t, store.Users(), store.Tokens())
	if _, err := sqlite.New(t.Context(), db, nil); !errors.Is(err, kit.ErrUnavailable) {
		t.Errorf("New with a closed pool: %v", err)
	}
}

// checkUnavailable calls every method, each of which must say ErrUnavailable.
func checkUnavailable(t *testing.T, users kit.UserStore, tokens kit.TokenStore) {
	t.Helper()
	for name, call := range allMethods(users, tokens) {
		if err := call(t.Context()); !errors.Is(err, kit.ErrUnavailable) || errors.Is(err, kit.ErrNotFound) {
			t.Errorf("%s: %v, want ErrUnavailable", name, err)
		}
	}
}

// allMethods returns a call of every method.
func allMethods(users kit.UserStore, tokens kit.TokenStore) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"Users.Create":  func(ctx context.Context) error { return users.Create(ctx, newUser("1")) },
		"Users.ByID":    func(ctx context.Context) error { _, err := users.ByID(ctx, "1"); return err },
		"Users.ByEmail": func(ctx context.Context) error { _, err := users.ByEmail(ctx, "1@example.com"); return err },
		"Users.Update":  func(ctx context.Context) error { return users.Update(ctx, newUser("1")) },
		"Users.Delete":  func(ctx context.Context) error { return users.Delete(ctx, "1") },
		"Users.List":    func(ctx context.Context) error { _, err := users.(kit.UserLister).List(ctx, "", 10); return err },
		"Users.ListByEmail": func(ctx context.Context) error {
			_, err := users.(kit.UserLister).ListByEmail(ctx, "1", "", 10)
			return err
		},
		"Users.Ping":    func(ctx context.Context) error { return users.(kit.Pinger).Ping(ctx) },
		"Tokens.Create": func(ctx context.Context) error { return tokens.Create(ctx, newToken("1", "1")) },
		"Tokens.ByID":   func(ctx context.Context) error { _, err := tokens.ByID(ctx, "1"); return err },
		"Tokens.Update": func(ctx context.Context) error { return tokens.Update(ctx, newToken("1", "1")) },
		"Tokens.Delete": func(ctx context.Context) error { return tokens.Delete(ctx, "1", 1) },
		"Tokens.ByUser": func(ctx context.Context) error { _, err := tokens.ByUser(ctx, "1", "", 10); return err },
		"Tokens.DeleteExpired": func(ctx context.Context) error {
			_, err := tokens.DeleteExpired(ctx, testTime, 10)
			return err
		},
		"Tokens.Ping": func(ctx context.Context) error { return tokens.(kit.Pinger).Ping(ctx) },
	}
}
