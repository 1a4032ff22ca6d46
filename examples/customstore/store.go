//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/memstore"
)

// form is the version of the lines that this program writes and understands.
const form = 1

// line is one change, as the file keeps it. Every form of it has these four first.
type line struct {
	Form     int
	Op       string      // create, update, delete or purge
	Table    string      // users, tokens or credentials
	ID       string      `json:",omitempty"`
	User     userRecord  `json:",omitzero"`
	Hash     string      `json:",omitempty"` // User's: a kit.Secret hides itself too
	Settings []byte      `json:",omitempty"` // User's, byte for byte: as JSON they would be written anew
	Private  []byte      `json:",omitempty"` // the same
	Token    tokenRecord `json:",omitzero"`
	Version  int64       `json:",omitempty"` // of a token that is deleted
	IDs      []string    `json:",omitempty"` // that a purge removed
	before   time.Time   // of a purge: what it may remove
	limit    int
}

// The record types have none of the methods of kit.User and kit.Token, whose JSON is for
// clients and hides the hashes.
type userRecord kit.User
type tokenRecord kit.Token

// Store is one handle to the file. What the lines up to offset say is in memory.
type Store struct {
	path   string
	form   int                  // form, unless a test says otherwise
	sync   func(*os.File) error // (*os.File).Sync, which a test can make fail
	turn   chan struct{}        // full while a call of this handle is under way
	closed atomic.Bool
	memory *memstore.Store
	forms  map[key]int // of the last line of every record
	offset int64
}

// key names a record.
type key struct{ table, id string }

// Users is a Store as a kit.UserStore.
type Users struct{ *Store }

// Tokens is one of the two tables of a Store that are a kit.TokenStore.
type Tokens struct {
	*Store
	table string
}

// Open returns a handle to a file, which the first call makes.
func Open(path string) *Store {
	return &Store{path: path, form: form, sync: (*os.File).Sync, turn: make(chan struct{}, 1), memory: memstore.New(), forms: map[key]int{}}
}

// Stores returns the three stores.
func (s *Store) Stores() kit.Stores {
	return kit.Stores{Users: Users{s}, Tokens: Tokens{s, "tokens"}, Credentials: Tokens{s, "credentials"}}
}

// Close ends the handle.
func (s *Store) Close() error { s.closed.Store(true); return nil }

// Ping implements kit.Pinger.
func (s *Store) Ping(ctx context.Context) error {
	return s.locked(ctx, func(*os.File) error { return nil })
}

// write makes a change: in memory first, which knows whether it is allowed, and then
// in the file. It returns how many records were changed; when it was none, there is
// nothing to keep.
func (s *Store) write(ctx context.Context, c line) (n int, err error) {
	err = s.locked(ctx, func(file *os.File) error {
		if err = s.known(c.Table, c.ID); err != nil {
			return err
		}
		c.Form = s.form
		if n, err = s.apply(&c); err != nil || n == 0 {
			return err
		}
		text, err := json.Marshal(c)
		if err == nil && s.offset == 0 { // a line is as good as lost while a new file's name is not on the disk
			dir, openErr := os.Open(filepath.Dir(s.path))
			err = cmp.Or(openErr, s.sync(dir), dir.Close())
		}
		if err == nil {
			_, err = file.WriteAt(append(text, '\n'), s.offset)
			err = cmp.Or(err, s.sync(file))
		}
		if err != nil { // memory is ahead of the disk: begin anew, and leave no line that others would read
			_ = file.Truncate(s.offset)
			s.memory, s.forms, s.offset = memstore.New(), map[key]int{}, 0
			return fmt.Errorf("%w: %w", kit.ErrUnavailable, err)
		}
		s.offset += int64(len(text)) + 1
		return nil
	})
	return n, err
}

// known refuses a record that a newer version of this program wrote: it may say what this
// one does not understand, and would drop.
func (s *Store) known(table, id string) error {
	if s.forms[key{table, id}] > s.form {
		return fmt.Errorf("customstore: %w", kit.ErrNewerRecord)
	}
	return nil
}

// read returns the records that f finds in memory, when memory says what the file does.
func read[T any](ctx context.Context, s *Store, table string, id func(T) string, f func() ([]T, error)) (found []T, err error) {
	err = s.locked(ctx, func(*os.File) error {
		found, err = f()
		for _, record := range found {
			err = cmp.Or(err, s.known(table, id(record)))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// readOne is read for one record.
func readOne[T any](ctx context.Context, s *Store, table string, id func(T) string, f func() (T, error)) (record T, err error) {
	found, err := read(ctx, s, table, id, func() ([]T, error) { record, err := f(); return []T{record}, err })
	if err != nil {
		return record, err
	}
	return found[0], nil
}

// locked calls f with the file locked and read. Of all calls in all processes, one at
// a time is in f.
func (s *Store) locked(ctx context.Context, f func(*os.File) error) error {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if s.closed.Load() {
		return fmt.Errorf("%w: the store is closed", kit.ErrUnavailable)
	}
	file, err := os.OpenFile(s.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("%w: %w", kit.ErrUnavailable, err)
	}
	defer func() { _ = file.Close() }() // and with it the lock goes
	lock := func() error { return syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }
	for err = lock(); errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR); err = lock() {
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if err == nil {
		err = s.catchUp(file)
	}
	if err != nil { // its text alone: what memory says of a line is no answer to this call
		return fmt.Errorf("%w: %s", kit.ErrUnavailable, err.Error())
	}
	return f(file)
}

// catchUp applies what others have written since the last look. Bytes after the last
// newline were never acknowledged, and go.
func (s *Store) catchUp(file *os.File) error {
	// When it was removed or cut, a line at offset would leave a hole.
	if size, err := file.Seek(0, io.SeekEnd); err != nil || size < s.offset {
		return cmp.Or(err, errors.New("the file has lost lines that were read before: put it back, or start again"))
	}
	text, err := io.ReadAll(io.NewSectionReader(file, s.offset, 1<<62))
	if len(text) > 0 { // its writer may have died before it was on the disk
		err = cmp.Or(err, s.sync(file))
	}
	for err == nil && len(text) > 0 {
		end := slices.Index(text, '\n') + 1
		if end == 0 {
			return file.Truncate(s.offset)
		}
		var c line
		if err = json.Unmarshal(text[:end], &c); err == nil {
			_, err = s.apply(&c)
		}
		if err == nil { // or the next call would pass over what this one could not read
			s.offset, text = s.offset+int64(end), text[end:]
		}
	}
	return err
}

// apply makes a change in memory and returns how many records it changed. Every handle
// makes the same changes in the same order, so all of them come to the same result. The
// line of a purge gets the IDs of what it removed, since a limit leaves a choice. Of a line of a
// newer form it takes what it understands, so that addresses stay taken.
func (s *Store) apply(c *line) (n int, err error) {
	ctx, users, tokens := context.Background(), s.memory.Users(), Tokens{s, c.Table}.memory()
	user, token := kit.User(c.User), kit.Token(c.Token)
	user.ID, user.PasswordHash, user.Settings, user.Private, token.ID = c.ID, kit.Secret(c.Hash), c.Settings, c.Private, c.ID
	if c.Form < 1 || c.ID == "" && c.Op == "create" {
		return 0, errLine
	}
	switch c.Op + " " + c.Table {
	case "create users":
		err = users.Create(ctx, user)
	case "update users":
		err = users.Update(ctx, user)
	case "delete users":
		err = users.Delete(ctx, c.ID)
	case "create tokens", "create credentials":
		err = tokens.Create(ctx, token)
	case "update tokens", "update credentials":
		err = tokens.Update(ctx, token)
	case "delete tokens", "delete credentials":
		err = tokens.Delete(ctx, c.ID, c.Version)
	case "purge tokens", "purge credentials":
		return s.purge(c, tokens)
	default:
		err = errLine
	}
	switch {
	case err == nil && c.Op == "delete":
		delete(s.forms, key{c.Table, c.ID})
	case err == nil:
		s.forms[key{c.Table, c.ID}] = c.Form
	}
	return 1, err
}

var errLine = errors.New("a line of another program")

func (s *Store) purge(c *line, tokens *memstore.Tokens) (n int, err error) {
	ctx := context.Background()
	for k := range s.forms {
		if t, err := tokens.ByID(ctx, k.id); k.table == c.Table && len(c.IDs) < c.limit && err == nil && !t.ExpiresAt.After(c.before) && s.known(k.table, k.id) == nil {
			c.IDs = append(c.IDs, k.id)
		}
	}
	for _, id := range c.IDs {
		t, err := tokens.ByID(ctx, id)
		if err = cmp.Or(err, tokens.Delete(ctx, id, t.Version)); err != nil {
			return 0, err
		}
		delete(s.forms, key{c.Table, id})
	}
	return len(c.IDs), nil
}
