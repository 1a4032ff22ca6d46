package sqlite_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
)

// The log has a bound, however much is written, also by writers who never pause.
func TestTheLogHasABound(t *testing.T) {
	// In pages, of which each user takes some twenty. What one commit of 16 writers adds comes on top.
	const pageSize, users, bound, slack = 4096, 400, 1000, 400
	for _, writers := range []int{1, 16} {
		path := tempFile(t)
		store := open(t, path)
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for i := range users / writers {
					u := newUser(fmt.Sprint(w, "-", i))
					u.Settings = json.RawMessage(`{"text":"` + strings.Repeat("x", 15*pageSize) + `"}`)
					if err := store.Users().Create(t.Context(), u); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		info, err := os.Stat(path + "-wal") // which never shrinks
		if err != nil {
			t.Fatal(err)
		}
		// Each page has a header of 24 bytes (https://sqlite.org/fileformat2.html#walformat).
		if length := info.Size() / (pageSize + 24); length < bound || length > bound+slack {
			t.Errorf("%d writers: the log has %d pages, want %d", writers, length, bound)
		}
	}
}
