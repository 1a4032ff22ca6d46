//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package main

import (
	"context"
	"errors"
	"go/scanner"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
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
			return conformance.Stores{Users: Users{s}, Tokens: Tokens{s}, Close: s.Close, Stall: func() func() { return hold(t, path) }}
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
	if len(lines) >= 200 {
		t.Errorf("the store has %d lines of code, want fewer than 200", len(lines))
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

// A file that somebody else has written is an outage, and stays as it is.
func TestADamagedFile(t *testing.T) {
	for _, text := range []string{
		"notes of somebody\n", "{}\n", `{"Op":"create user"}` + "\n", `{"Op":"update user"}` + "\n", `{"Op":"create token"}` + "\n", `{"Op":"update token"}` + "\n",
		"\x00\x00\x00\x00\n",
	} {
		path := filepath.Join(t.TempDir(), "auth.jsonl")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		users := Users{Open(path)}
		for range 2 { // what it could not read it must not pass over
			if err := users.Create(context.Background(), newUser("ann")); !errors.Is(err, kit.ErrUnavailable) {
				t.Errorf("%q: got %v", text, err)
			}
		}
		if left, err := os.ReadFile(path); err != nil || string(left) != text {
			t.Errorf("the file of %q is now %q, %v", text, left, err)
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
	if removed, err := (Tokens{s}).Delete(t.Context(), "nothing"); removed || err != nil {
		t.Errorf("Delete of an absent token: %v, %v", removed, err)
	}
	if n, err := (Tokens{s}).DeleteExpired(t.Context(), time.Now(), 100); n != 0 || err != nil {
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
	writer := Tokens{Open(path)}
	expiry := time.Date(2026, 11, 5, 12, 30, 0, 0, time.UTC)
	for i := range 20 {
		id := strconv.Itoa(i)
		if err := writer.Create(t.Context(), kit.Token{ID: id, UserID: "ann", ExpiresAt: expiry.Add(time.Duration(i*7%20) * 10 * time.Second), Version: 1}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := writer.Delete(t.Context(), "3"); err != nil {
		t.Fatal(err)
	}
	if n, err := writer.DeleteExpired(t.Context(), expiry.Add(150*time.Second), 7); n != 7 || err != nil {
		t.Fatalf("DeleteExpired: %d, %v", n, err)
	}
	want, err := writer.ByUser(t.Context(), "ann", "", 100)
	if err != nil {
		t.Fatal(err)
	}
	got, err := (Tokens{Open(path)}).ByUser(t.Context(), "ann", "", 100)
	if err != nil || !reflect.DeepEqual(got, want) || len(want) != 12 {
		t.Errorf("a reader finds %v, %v; the writer left %v", got, err, want)
	}
}
