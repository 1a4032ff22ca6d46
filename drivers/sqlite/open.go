package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/driver"
)

// Open returns a store in the file at path, with a pool of its own. It creates what
// is missing: the directory with mode 0700 and the file with mode 0600, both
// before SQLite writes to them; the -wal and -shm files that SQLite keeps beside it get
// the mode of the file. The mode of a file that exists stays as it is.
//
// The path is taken literally, whatever characters it has, and relative to the
// directory that is current now. A URI or :memory: is refused: they go through
// the caller's own pool and [New]; and package kit/memstore is the store for tests.
//
// While another process migrates it waits until ctx ends, but no longer than
// Options.BusyTimeout and never more than half a minute.
func Open(ctx context.Context, path string, opts *Options) (*Store, error) {
	o, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	file, err := create(path)
	if err != nil {
		return nil, fmt.Errorf("sqlite: open %q: %w", path, err)
	}
	db, err := driver.Open(dataSource(file), func(c *sqlite3.Conn) error { return configure(c, file, o.BusyTimeout) })
	if err != nil {
		return nil, fmt.Errorf("sqlite: open %q: %w", path, err)
	}
	db.SetMaxOpenConns(o.MaxConns)
	db.SetMaxIdleConns(o.MaxConns)
	d := o.dialect()
	d.Readers = o.MaxConns - 1 // the other one writes
	s, err := newStore(ctx, db, d)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("sqlite: open %q: %w", path, err), db.Close())
	}
	s.own = db
	return s, nil
}

// create makes the file where there is none, and returns its absolute path without
// symbolic links, which SQLite does not follow.
func create(path string) (string, error) {
	switch {
	case path == "", strings.ContainsRune(path, 0):
		return "", errors.New("this is not a path")
	case path == ":memory:", strings.HasPrefix(path, "file:"):
		return "", errors.New("this is a data source name and not a path: open it with database/sql and call New")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", fmt.Errorf("create its directory: %w", err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		err = f.Close()
	} else if errors.Is(err, fs.ErrExist) {
		err = nil
	}
	if err != nil {
		return "", err
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return "", err
	}
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("this is not a regular file: choose the path of a file")
	}
	return path, err
}

// dataSource returns the URI of an absolute path (https://sqlite.org/uri.html).
// modeof makes the -wal file take the mode of the database.
func dataSource(path string) string {
	slashed := filepath.ToSlash(path)
	prefix := "file:"
	if strings.HasPrefix(slashed, "//") {
		prefix = "file://" // an empty authority, before the server's name of a Windows share
	}
	// In a query the package writes a space as +, which SQLite takes literally.
	return prefix + (&url.URL{Path: slashed}).EscapedPath() + "?modeof=" + strings.ReplaceAll(url.QueryEscape(path), "+", "%20")
}

// configure prepares each new connection of the pool.
func configure(c *sqlite3.Conn, path string, busy time.Duration) error {
	if err := c.BusyTimeout(busy); err != nil {
		return err
	}
	if err := createShm(path); err != nil {
		return err
	}
	if err := useWAL(c); err != nil {
		return err
	}
	return c.Exec("PRAGMA synchronous = full")
}

// createShm makes the -shm file with the mode of the database, because SQLite makes
// it with whatever the umask leaves.
func createShm(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path+"-shm", os.O_RDWR|os.O_CREATE|os.O_EXCL, info.Mode().Perm())
	if err != nil {
		return nil // it exists, or SQLite itself says what is wrong
	}
	return errors.Join(f.Chmod(info.Mode().Perm()), f.Close())
}

// useWAL switches the database to WAL mode, where it stays. SQLite does not wait when
// others are about to do the same; an empty write transaction waits for them.
func useWAL(c *sqlite3.Conn) error {
	const attempts = 10
	for range attempts {
		mode, err := setWAL(c)
		switch {
		case err == nil && mode == "wal":
			return nil
		case err == nil:
			return fmt.Errorf("%w: the database cannot use WAL mode", sqlite3.READONLY)
		case !errors.Is(err, sqlite3.BUSY):
			return err
		}
		if err := c.Exec("BEGIN IMMEDIATE; ROLLBACK"); err != nil {
			return err
		}
	}
	return sqlite3.BUSY
}

func setWAL(c *sqlite3.Conn) (mode string, err error) {
	s, _, err := c.Prepare("PRAGMA journal_mode = wal")
	if err != nil {
		return "", err
	}
	if s.Step() {
		mode = s.ColumnText(0)
	}
	return mode, errors.Join(s.Err(), s.Close())
}
