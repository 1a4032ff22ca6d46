//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package main

import (
	"cmp"
	"context"
	"errors"
	"go/build"
	"go/scanner"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"myauth.internal/conformance"
	"myauth.internal/kit"
)

func TestStore(t *testing.T) {
	conformance.Run(t, conformance.Config{New: func(t testing.TB) conformance.Open {
		path := filepath.Join(t.TempDir(), "auth.jsonl") // an empty data set of its own for each case
		return func(t testing.TB) conformance.Stores {   // opens one more handle to it
			s := Open(path)
			return conformance.Stores{Stores: s.Stores(), Close: s.Close, Stall: func() func() { return hold(t, path) },
				Newer: func(table, id string) error { return updateByNewer(path, table, id) }}
		}
	}, Without: []conformance.Ability{conformance.Networking}})
}

// hold locks the file as another process would.
func hold(t testing.TB, path string) (release func()) {
	f, err := os.Open(path)
	if err != nil {
		t.Error(err)
		return func() {}
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		t.Error(err)
	}
	return func() { _ = f.Close() } // the lock goes with it
}

// updateByNewer updates a record as a newer version of this program would.
func updateByNewer(path, table, id string) error {
	ctx, newer := context.Background(), Open(path)
	newer.form++
	stores := newer.Stores()
	tokens := stores.Tokens
	switch table {
	case "users":
		u, err := stores.Users.ByID(ctx, id)
		return cmp.Or(err, stores.Users.Update(ctx, u))
	case "credentials":
		tokens = stores.Credentials
	}
	t, err := tokens.ByID(ctx, id)
	return cmp.Or(err, tokens.Update(ctx, t))
}

// TestItIsShort counts the lines of code: without comments and empty lines.
func TestItIsShort(t *testing.T) {
	lines := map[string]bool{}
	for _, name := range []string{"store.go", "contract.go"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var s scanner.Scanner
		files := token.NewFileSet()
		file := files.AddFile(name, -1, len(text))
		s.Init(file, text, nil, 0)
		for {
			pos, tok, literal := s.Scan()
			if tok == token.EOF {
				break
			}
			if tok != token.SEMICOLON || literal != "\n" {
				lines[files.Position(pos).String()[:len(name)]+":"+strconv.Itoa(files.Position(pos).Line)] = true
			}
		}
	}
	t.Logf("%d lines of code", len(lines))
	if len(lines) > 290 { // README.md says some 280
		t.Errorf("the store has %d lines of code, want some 280", len(lines))
	}
}

// It is compiled where package syscall has Flock. Elsewhere there is nothing to compile,
// rather than an error of the compiler.
func TestSystems(t *testing.T) {
	all := []string{"contract.go", "main.go", "store.go", "store_test.go"}
	for system, want := range map[string][]string{
		"linux": all, "android": all, "darwin": all, "dragonfly": all, "freebsd": all, "netbsd": all, "openbsd": all,
		"aix": nil, "solaris": nil, "windows": nil, "plan9": nil, "js": nil, "wasip1": nil,
	} {
		c := build.Default
		c.GOOS = system
		dir, err := c.ImportDir(".", 0)
		if got := slices.Concat(dir.GoFiles, dir.TestGoFiles); !slices.Equal(got, want) {
			t.Errorf("%s compiles %q, %v; want %q", system, got, err, want)
		}
	}
}

func newUser(id string) kit.User {
	now := time.Date(2026, 11, 5, 12, 30, 0, 0, time.UTC)
	return kit.User{ID: id, Email: id + "@example.com", Username: id, PasswordHash: "hash", Active: true, CreatedAt: now, UpdatedAt: now, Version: 1}
}

// A write that was cut short, at whatever byte, takes nothing with it.
func TestATornLineIsNoLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "auth.jsonl")
	if err := (Users{Open(path)}).Create(t.Context(), newUser("ann")); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := (Users{Open(path)}).Create(t.Context(), newUser("bob")); err != nil {
		t.Fatal(err)
	}
	both, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for end := len(whole); end < len(both); end++ {
		if err := os.WriteFile(path, both[:end], 0o600); err != nil {
			t.Fatal(err)
		}
		s := Users{Open(path)}
		_, ann := s.ByID(t.Context(), "ann")
		_, bob := s.ByID(t.Context(), "bob")
		again := s.Create(t.Context(), newUser("bob"))
		_, after := (Users{Open(path)}).ByID(t.Context(), "bob")
		if ann != nil || !errors.Is(bob, kit.ErrNotFound) || again != nil || after != nil {
			t.Fatalf("cut at byte %d: ann %v, bob %v, bob again %v, and then %v", end, ann, bob, again, after)
		}
	}
}

// watchSyncs notes what is synced from now on, the file by its size and the directory
// as -1, and lets it end with *fail.
func watchSyncs(s *Store, fail *error) (synced *[]int64) {
	synced = new([]int64)
	s.sync = func(f *os.File) error {
		info, err := f.Stat()
		if err == nil && info.IsDir() {
			*synced = append(*synced, -1)
		} else if err == nil {
			*synced = append(*synced, info.Size())
		}
		return errors.Join(err, *fail)
	}
	return synced
}

// A line is on the disk before its call is answered, and lines of others are before
// anything is built on them: their writer may have died in between.
func TestSyncedBeforeItCounts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "auth.jsonl")
	var fail error
	writer, other := Open(path), Open(path)
	byWriter, byOther := watchSyncs(writer, &fail), watchSyncs(other, &fail)
	size := func() int64 {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	if err := (Users{writer}).Create(t.Context(), newUser("ann")); err != nil {
		t.Fatal(err)
	}
	one := size()
	if err := (Users{writer}).Create(t.Context(), newUser("bob")); err != nil {
		t.Fatal(err)
	}
	two := size()
	if want := []int64{-1, one, two}; !slices.Equal(*byWriter, want) {
		t.Errorf("the writer of two lines synced %d, want %d", *byWriter, want)
	}

	fail = errors.New("the disk is gone")
	for range 2 { // what could not be synced it must not pass over
		if _, err := (Users{other}).ByID(t.Context(), "ann"); !errors.Is(err, kit.ErrUnavailable) {
			t.Errorf("ByID over lines of another that cannot be synced: %v", err)
		}
	}
	fail = nil
	for _, id := range []string{"ann", "bob"} {
		if _, err := (Users{other}).ByID(t.Context(), id); err != nil {
			t.Errorf("ByID of %s once they can be: %v", id, err)
		}
	}
	if want := []int64{two, two, two}; !slices.Equal(*byOther, want) {
		t.Errorf("the reader synced %d, want %d: once for each time that there was something new", *byOther, want)
	}
}

// A line that could not be synced is no line, for its own handle and for others.
func TestALineThatIsNotSynced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "auth.jsonl")
	var fail error
	s := Open(path)
	watchSyncs(s, &fail)
	if err := (Users{s}).Create(t.Context(), newUser("ann")); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	fail = errors.New("the disk is gone")
	if err := (Users{s}).Create(t.Context(), newUser("bob")); !errors.Is(err, kit.ErrUnavailable) {
		t.Errorf("Create without a sync: %v", err)
	}
	if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
		t.Errorf("the file grew by %q, %v", after[len(before):], err)
	}
	fail = nil
	for _, handle := range []*Store{s, Open(path)} {
		if _, err := (Users{handle}).ByID(t.Context(), "bob"); !errors.Is(err, kit.ErrNotFound) {
			t.Errorf("ByID of who was not synced: %v", err)
		}
	}
	if err := (Users{s}).Create(t.Context(), newUser("bob")); err != nil {
		t.Errorf("Create once it can be synced: %v", err)
	}
}

// A file that somebody else has written is an outage, and stays as it is.
func TestADamagedFile(t *testing.T) {
	for _, text := range []string{
		"notes of somebody", "null", "{}", "\x00\x00\x00\x00",
		`{"Form":1,"Op":"create","Table":"users"}`, `{"Form":1,"Op":"update","Table":"users"}`, `{"Form":1,"Op":"create","Table":"tokens"}`, // without their records
		`{"Form":1,"Op":"update","Table":"users","ID":"eve"}`, `{"Form":1,"Op":"delete","Table":"users","ID":"eve"}`, // whom the file does not know
		`{"Form":1,"Op":"update","Table":"tokens","ID":"1"}`, `{"Form":1,"Op":"delete","Table":"credentials","ID":"1"}`,
		`{"Form":1,"Op":"burn","Table":"users","ID":"eve"}`, `{"Form":1,"Op":"create","Table":"pets","ID":"eve"}`, `{"Op":"create","Table":"users","ID":"eve"}`,
	} {
		path := filepath.Join(t.TempDir(), "auth.jsonl")
		if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		users := Users{Open(path)}
		for range 2 { // what it could not read it must not pass over
			err := users.Create(t.Context(), newUser("ann"))
			if !errors.Is(err, kit.ErrUnavailable) || errors.Is(err, kit.ErrNotFound) || errors.Is(err, kit.ErrConflict) {
				t.Errorf("%q: got %v, want an outage and no verdict", text, err)
			}
		}
		if after, err := os.ReadFile(path); err != nil || string(after) != text+"\n" {
			t.Errorf("%q: the file is now %q, %v", text, after, err)
		}
	}
}

// A file that was removed, or cut, under an open handle is an outage, and gets no
// line that a later start could not read.
func TestAFileThatLostLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "auth.jsonl")
	users := Users{Open(path)}
	if err := users.Create(t.Context(), newUser("ann")); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := users.Create(t.Context(), newUser("bob")); !errors.Is(err, kit.ErrUnavailable) {
			t.Errorf("Create after the file was removed: %v", err)
		}
	}
	if text, err := os.ReadFile(path); err != nil || len(text) > 0 {
		t.Errorf("the new file holds %q, %v", text, err)
	}
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := users.Create(t.Context(), newUser("bob")); err != nil {
		t.Errorf("Create after the file came back: %v", err)
	}
}

// A call that changes nothing leaves the file as it is.
func TestNothingChangedIsNoLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "auth.jsonl")
	s := Open(path)
	if err := (Users{s}).Create(t.Context(), newUser("ann")); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	tokens := s.Stores().Tokens
	if err := tokens.Delete(t.Context(), "nothing", 1); !errors.Is(err, kit.ErrNotFound) {
		t.Errorf("Delete of an absent token: %v", err)
	}
	if n, err := tokens.DeleteExpired(t.Context(), time.Now(), 100); n != 0 || err != nil {
		t.Errorf("DeleteExpired without tokens: %d, %v", n, err)
	}
	if err := (Users{s}).Delete(t.Context(), "nobody"); !errors.Is(err, kit.ErrNotFound) {
		t.Errorf("Delete of an absent user: %v", err)
	}
	if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
		t.Errorf("the file grew by %q, %v", after[len(before):], err)
	}
}

// A purge that its limit stops leaves the same tokens to everybody who reads of it.
func TestAPurgeIsReadAsItWasWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "auth.jsonl")
	s := Open(path)
	writer := s.Stores().Tokens
	expiry := time.Date(2026, 11, 5, 12, 30, 0, 0, time.UTC)
	for i := range 20 {
		id := strconv.Itoa(i)
		if err := writer.Create(t.Context(), kit.Token{ID: id, UserID: "ann", ExpiresAt: expiry.Add(time.Duration(i*7%20) * 10 * time.Second), Version: 1}); err != nil {
			t.Fatal(err)
		}
	}
	if err := writer.Delete(t.Context(), "3", 1); err != nil {
		t.Fatal(err)
	}
	if n, err := writer.DeleteExpired(t.Context(), expiry.Add(150*time.Second), 7); n != 7 || err != nil {
		t.Fatalf("DeleteExpired: %d, %v", n, err)
	}
	want, err := writer.ByUser(t.Context(), "ann", "", 100)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Open(path).Stores().Tokens.ByUser(t.Context(), "ann", "", 100)
	if err != nil || !reflect.DeepEqual(got, want) || len(want) != 12 {
		t.Errorf("a reader finds %v, %v; the writer left %v", got, err, want)
	}
	if len(s.forms) != 12 {
		t.Errorf("the forms of %d records are remembered, want those of the 12", len(s.forms))
	}
}

// What a newer version of this program has created stays as it is: its address is taken, and it
// is not purged.
func TestRecordsOfANewerVersion(t *testing.T) {
	path := filepath.Join(t.TempDir(), "auth.jsonl")
	ctx, newer, stores := t.Context(), Open(path), Open(path).Stores()
	newer.form++
	token := kit.Token{ID: "1", UserID: "ann", ExpiresAt: time.Date(2026, 11, 5, 12, 30, 0, 0, time.UTC), Version: 1}
	if err := errors.Join(newer.Stores().Users.Create(ctx, newUser("ann")), newer.Stores().Credentials.Create(ctx, token)); err != nil {
		t.Fatal(err)
	}
	heir := newUser("bob")
	heir.Email = "ann@example.com"
	if err := stores.Users.Create(ctx, heir); !errors.Is(err, kit.ErrUserExists) {
		t.Errorf("Create with the address of a newer record: %v", err)
	}
	if _, err := stores.Users.ByEmail(ctx, "ann@example.com"); !errors.Is(err, kit.ErrNewerRecord) {
		t.Errorf("ByEmail of a newer record: %v", err)
	}
	if n, err := stores.Credentials.DeleteExpired(ctx, token.ExpiresAt, 10); n != 0 || err != nil {
		t.Errorf("DeleteExpired: %d, %v", n, err)
	}
	if err := stores.Credentials.Delete(ctx, "1", 1); !errors.Is(err, kit.ErrNewerRecord) {
		t.Errorf("Delete of a newer record: %v", err)
	}
	if err := errors.Join(newer.Stores().Credentials.Delete(ctx, "1", 1), newer.Stores().Users.Delete(ctx, "ann"), stores.Users.Create(ctx, heir), stores.Credentials.Create(ctx, token)); err != nil {
		t.Errorf("once the newer version has removed them: %v", err)
	}
}
