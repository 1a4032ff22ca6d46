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

// line is one change, as the file keeps it.
type line struct {
	Op       string
	User     userRecord  `json:",omitzero"`
	Hash     string      `json:",omitempty"` // User's: a kit.Secret hides itself too
	Settings []byte      `json:",omitempty"` // User's, byte for byte: as JSON they would be written anew
	Token    tokenRecord `json:",omitzero"`
	ID       string      `json:",omitempty"`
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
	sync   func(*os.File) error // (*os.File).Sync, which a test can make fail
	turn   chan struct{}        // full while a call of this handle is under way
	closed atomic.Bool
	memory *memstore.Store
	ids    map[string]bool // of every token that was created
	offset int64
}

// Users is a Store as a kit.UserStore.
type Users struct{ *Store }

// Tokens is a Store as a kit.TokenStore.
type Tokens struct{ *Store }

// Open returns a handle to a file, which the first call makes.
func Open(path string) *Store {
	return &Store{path: path, sync: (*os.File).Sync, turn: make(chan struct{}, 1), memory: memstore.New(), ids: map[string]bool{}}
}

// Close ends the handle.
func (s *Store) Close() error { s.closed.Store(true); return nil }

// Ping implements kit.Pinger.
func (s *Store) Ping(ctx context.Context) error { return s.read(ctx, func() error { return nil }) }

// write makes a change: in memory first, which knows whether it is allowed, and then
// in the file. It returns how many records were changed; when it was none, there is
// nothing to keep.
func (s *Store) write(ctx context.Context, c line) (n int, err error) {
	err = s.locked(ctx, func(file *os.File) error {
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
			s.memory, s.offset = memstore.New(), 0
			return fmt.Errorf("%w: %w", kit.ErrUnavailable, err)
		}
		s.offset += int64(len(text)) + 1
		return nil
	})
	return n, err
}

// read calls f while memory says what the file does.
func (s *Store) read(ctx context.Context, f func() error) error {
	return s.locked(ctx, func(*os.File) error { return f() })
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
// line of a purge gets the IDs of what it removed, since a limit leaves a choice.
func (s *Store) apply(c *line) (n int, err error) {
	ctx, users, tokens := context.Background(), s.memory.Users(), s.memory.Tokens()
	user := kit.User(c.User)
	user.PasswordHash, user.Settings = kit.Secret(c.Hash), c.Settings
	switch {
	case c.Op == "create user" && user.ID != "":
		return 1, users.Create(ctx, user)
	case c.Op == "update user":
		return 1, users.Update(ctx, user)
	case c.Op == "delete user":
		return 1, users.Delete(ctx, c.ID)
	case c.Op == "create token" && c.Token.ID != "":
		s.ids[c.Token.ID] = true
		return 1, tokens.Create(ctx, kit.Token(c.Token))
	case c.Op == "update token":
		return 1, tokens.Update(ctx, kit.Token(c.Token))
	case c.Op == "delete token":
		delete(s.ids, c.ID)
		removed, err := tokens.Delete(ctx, c.ID)
		return map[bool]int{true: 1}[removed], err
	case c.Op == "delete expired":
		for id := range s.ids {
			if t, err := tokens.ByID(ctx, id); err == nil && len(c.IDs) < c.limit && !t.ExpiresAt.After(c.before) {
				c.IDs = append(c.IDs, id)
			}
		}
		for _, id := range c.IDs {
			if _, err := tokens.Delete(ctx, id); err != nil {
				return 0, err
			}
			delete(s.ids, id)
		}
		return len(c.IDs), nil
	}
	return 0, errors.New("a line of another program")
}
