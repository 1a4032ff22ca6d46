package sqlite_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"myauth.internal/drivers/sqlite"
	"myauth.internal/kit"
)

// The log is no longer than what makes a checkpoint due, however much is written.
func TestTheLogBeginsAnew(t *testing.T) {
	path := tempFile(t)
	store := open(t, path)
	writeMuch(t, store.Users())
	checkLog(t, path, sqlite.CheckpointPages)
}

// Beside a checkpoint that never comes to its end the log would grow for ever, if no
// commit made one.
func TestTheLogHasABound(t *testing.T) {
	path := tempFile(t)
	if err := open(t, path).Close(); err != nil { // which made the file
		t.Fatal(err)
	}
	pool, err := sqlite.CommitsOnly(path)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	store, err := sqlite.New(t.Context(), pool, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	writeMuch(t, store.Users())
	checkLog(t, path, sqlite.MostLogPages)
}

// Writers who never pause leave the checkpoints between the writes behind, and find one
// of those under way when they are to make one.
func TestTheLogHasABoundUnderManyWriters(t *testing.T) {
	path := tempFile(t)
	store := open(t, path)
	var wg sync.WaitGroup
	for w := range 16 {
		wg.Go(func() {
			for i := range muchUsers / 16 {
				if err := store.Users().Create(t.Context(), largeUser(w*muchUsers+i)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if length := logPages(t, path); length > sqlite.MostLogPages+slack {
		t.Errorf("the log has %d pages, want %d at most", length, sqlite.MostLogPages)
	}
}

const (
	pageSize  = 4096
	slack     = 200 // pages, of which each of the writes adds some twenty
	muchUsers = 16 * 50
)

// writeMuch writes several times what the log may hold.
func writeMuch(t *testing.T, users kit.UserStore) {
	t.Helper()
	for i := range muchUsers {
		if err := users.Create(t.Context(), largeUser(i)); err != nil {
			t.Fatal(err)
		}
	}
}

func largeUser(i int) kit.User {
	u := newUser(fmt.Sprint(i))
	u.Settings = json.RawMessage(`{"text":"` + strings.Repeat("x", 15*pageSize) + `"}`)
	return u
}

// checkLog wants a log that has reached its bound and no more than that.
func checkLog(t *testing.T, path string, bound int64) {
	t.Helper()
	if length := logPages(t, path); length < bound || length > bound+slack {
		t.Errorf("the log has %d pages, want %d", length, bound)
	}
}

// logPages is the most pages that the log had, since its file never shrinks. Each has a
// header of 24 bytes (https://sqlite.org/fileformat2.html#walformat).
func logPages(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	return info.Size() / (pageSize + 24)
}
