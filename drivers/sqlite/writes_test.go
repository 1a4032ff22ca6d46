package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/driver"
	"github.com/ncruces/go-sqlite3/vfs"

	"myauth.internal/drivers/sqlite"
	"myauth.internal/kit"
)

// callers is how many write at once, beside the one that keeps them waiting.
const callers = 16

// askingDisk is a file system that asks before it syncs the log, once per commit.
type askingDisk struct {
	vfs.VFSFilename
	asks  atomic.Bool
	syncs chan chan<- error
}

func (d *askingDisk) OpenFilename(name *vfs.Filename, flags vfs.OpenFlag) (vfs.File, vfs.OpenFlag, error) {
	f, flags, err := d.VFSFilename.OpenFilename(name, flags)
	if err == nil && flags&vfs.OPEN_WAL != 0 {
		f = askingFile{f, d}
	}
	return f, flags, err
}

type askingFile struct {
	vfs.File
	disk *askingDisk
}

func (f askingFile) Sync(flags vfs.SyncFlag) error {
	if f.disk.asks.Load() {
		answer := make(chan error)
		f.disk.syncs <- answer
		if err := <-answer; err != nil {
			return err
		}
	}
	return f.File.Sync(flags)
}

// crowd is a store whose disk asks, with callers that write at once.
type crowd struct {
	t     *testing.T
	store *sqlite.Store
	disk  *askingDisk
	begun <-chan chan<- error // asks when a statement calls begun()
	errs  []chan error        // of each caller
}

func newCrowd(t *testing.T, prepare string) *crowd {
	disk := &askingDisk{VFSFilename: vfs.Find("").(vfs.VFSFilename), syncs: make(chan chan<- error)}
	vfs.Register(t.Name(), disk)
	t.Cleanup(func() { vfs.Unregister(t.Name()) })
	begun := make(chan chan<- error)
	db, err := driver.Open("file:"+filepath.ToSlash(tempFile(t))+
		"?_pragma=busy_timeout(5000)&_pragma=journal_mode(wal)&_pragma=synchronous(full)&_pragma=foreign_keys(on)&vfs="+url.QueryEscape(t.Name()), func(conn *sqlite3.Conn) error {
		return conn.CreateFunction("begun", 0, sqlite3.INNOCUOUS, func(sqlite3.Context, ...sqlite3.Value) {
			if disk.asks.Load() {
				goOn := make(chan error)
				begun <- goOn
				<-goOn
			}
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	store, err := sqlite.New(t.Context(), db, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	mustExec(t, db, prepare)
	for _, id := range []string{"known", "other"} {
		if err := errors.Join(store.Users().Create(t.Context(), newUser(id)), store.Tokens().Create(t.Context(), newToken(id, id))); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { disk.asks.Store(false) })
	return &crowd{t: t, store: store, disk: disk, begun: begun}
}

// write lets all the callers wait while another one's write is committed.
func (c *crowd) write(call func(ctx context.Context, i int) error, contexts ...context.Context) {
	c.disk.asks.Store(true)
	first := make(chan error, 1)
	go func() { first <- c.store.Users().Create(c.t.Context(), newUser("first")) }()
	commit := <-c.disk.syncs
	for i := range callers {
		ctx, answer := c.t.Context(), make(chan error, 1)
		if i < len(contexts) {
			ctx = contexts[i]
		}
		c.errs = append(c.errs, answer)
		go func() { answer <- call(ctx, i) }()
		synctest.Wait()
	}
	commit <- nil
	if err := <-first; err != nil {
		c.t.Error(err)
	}
}

// answered is how many callers have an answer.
func (c *crowd) answered() (n int) {
	for _, errs := range c.errs {
		n += len(errs)
	}
	return n
}

// exists looks for a user.
func (c *crowd) exists(id string) bool {
	_, err := c.store.Users().ByID(c.t.Context(), id)
	if err != nil && !errors.Is(err, kit.ErrNotFound) {
		c.t.Error(err)
	}
	return err == nil
}

func (c *crowd) create(ctx context.Context, i int) error {
	return c.store.Users().Create(ctx, newUser(fmt.Sprint(i)))
}

// One commit serves all callers, each with an answer of its own, and nobody is answered before it.
func TestWritesAreCommittedTogether(t *testing.T) { synctest.Test(t, writesAreCommittedTogether) }

func writesAreCommittedTogether(t *testing.T) {
	c := newCrowd(t, "")
	users, tokens := c.store.Users(), c.store.Tokens()
	const updates = 8
	c.write(func(ctx context.Context, i int) error {
		u := newUser(fmt.Sprint(i))
		switch i {
		case 8, 9:
			return users.Create(ctx, u)
		case 10:
			u.Email = newUser("known").Email
			return users.Create(ctx, u)
		case 11:
			u.ID, u.Version = "other", 7
			return users.Update(ctx, u)
		case 12:
			return users.Delete(ctx, "nobody")
		case 13:
			return tokens.Delete(ctx, "other", 1)
		case 14:
			return tokens.Create(ctx, newToken("known", "known"))
		case 15:
			_, err := tokens.DeleteExpired(ctx, testTime, 1000)
			return err
		}
		token := newToken("known", "known")
		token.SessionID = fmt.Sprint(i)
		return tokens.Update(ctx, token)
	})
	commit := <-c.disk.syncs
	if n := c.answered(); n > 0 {
		t.Errorf("%d callers were answered before the commit", n)
	}
	commit <- nil // there is no other
	want := []error{8: nil, 9: nil, 10: kit.ErrUserExists, 11: kit.ErrConflict, 12: kit.ErrNotFound, 13: nil, 14: kit.ErrConflict, 15: nil}
	winner := -1
	for i, errs := range c.errs {
		err := <-errs
		switch {
		case i >= updates && !errors.Is(err, want[i]):
			t.Errorf("caller %d: %v, want %v", i, err, want[i])
		case i < updates && err == nil && winner >= 0:
			t.Errorf("both %d and %d have updated one version", winner, i)
		case i < updates && err == nil:
			winner = i
		case i < updates && !errors.Is(err, kit.ErrConflict):
			t.Errorf("caller %d: %v, want kit.ErrConflict", i, err)
		}
	}
	if token, err := tokens.ByID(t.Context(), "known"); err != nil || token.SessionID != fmt.Sprint(winner) || token.Version != 2 {
		t.Errorf("the token is of %s, version %d, %v; the winner is %d", token.SessionID, token.Version, err, winner)
	}
	if _, err := tokens.ByID(t.Context(), "other"); !errors.Is(err, kit.ErrNotFound) {
		t.Errorf("the token that was deleted: %v", err)
	}
	if other, err := users.ByID(t.Context(), "other"); err != nil || other.Version != 1 {
		t.Errorf("the user who was not updated: version %d, %v", other.Version, err)
	}
	if !c.exists("first") || !c.exists("8") || !c.exists("9") || c.exists("10") {
		t.Error("the users are not those that were acknowledged")
	}
}

// A commit that fails is an error for each of them, and nothing is written again, whatever went wrong.
func TestACommitForManyFails(t *testing.T) {
	for _, fault := range []sqlite3.ErrorCode{sqlite3.IOERR, sqlite3.INTERNAL} {
		t.Run(fault.Error(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { aCommitForManyFails(t, fault) })
		})
	}
}

func aCommitForManyFails(t *testing.T, fault sqlite3.ErrorCode) {
	c := newCrowd(t, "")
	c.write(func(ctx context.Context, i int) error {
		if i == 0 {
			return c.store.Tokens().Delete(ctx, "known", 7) // a conflict, if it were committed
		}
		return c.create(ctx, i)
	})
	commit := <-c.disk.syncs
	c.disk.asks.Store(false)
	commit <- fault
	for i, errs := range c.errs {
		if err := <-errs; !errors.Is(err, fault) || errors.Is(err, kit.ErrUnavailable) != (fault == sqlite3.IOERR) {
			t.Errorf("caller %d: %v, want %v", i, err, fault)
		}
		if c.exists(fmt.Sprint(i)) {
			t.Errorf("user %d is there", i)
		}
	}
	if err := c.create(t.Context(), 1); err != nil {
		t.Error("once the disk is mended:", err)
	}
}

// A caller that gives up has its answer at once, also while another commits its write, and those
// that have not given up are answered. It is the same if that is who commits for all, who leaves after that. What
// was given up before it was begun is not written.
func TestACallerGivesUp(t *testing.T) { synctest.Test(t, aCallerGivesUp) }

func aCallerGivesUp(t *testing.T) {
	const leader, begun, slow, later = 0, 1, 2, 3
	c := newCrowd(t, `CREATE TRIGGER slow AFTER INSERT ON users WHEN new.id = '2' BEGIN SELECT begun(); END`)
	var contexts []context.Context
	var cancels []context.CancelFunc
	for range callers {
		ctx, cancel := context.WithCancel(t.Context())
		contexts, cancels = append(contexts, ctx), append(cancels, cancel)
		defer cancel()
	}
	c.write(c.create, contexts...)
	goOn := <-c.begun
	for _, i := range []int{leader, begun, later} {
		cancels[i]()
	}
	for _, i := range []int{begun, later} {
		if err := <-c.errs[i]; !errors.Is(err, context.Canceled) {
			t.Errorf("caller %d: %v, want context.Canceled", i, err)
		}
	}
	goOn <- nil
	commit := <-c.disk.syncs
	cancels[slow]()
	if err := <-c.errs[slow]; !errors.Is(err, context.Canceled) {
		t.Errorf("a caller whose write is being committed: %v, want context.Canceled", err)
	}
	commit <- nil
	for i, errs := range c.errs {
		if i == leader || i > later {
			if err := <-errs; err != nil {
				t.Errorf("caller %d: %v", i, err)
			}
		}
		if written := c.exists(fmt.Sprint(i)); written != (i != later) {
			t.Errorf("user %d is written: %v", i, written)
		}
	}
}

// While another process has the lock each that would run all the writes may give up, and the next
// does it.
func TestWhoeverRunsTheWritesGivesUp(t *testing.T) { synctest.Test(t, whoeverRunsTheWritesGivesUp) }

func whoeverRunsTheWritesGivesUp(t *testing.T) {
	path := tempFile(t)
	store := open(t, path)
	unlock := lock(t, path)
	var errs []chan error
	var cancels []context.CancelFunc
	for i := range callers {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		answer := make(chan error, 1)
		errs, cancels = append(errs, answer), append(cancels, cancel)
		go func() { answer <- store.Users().Create(ctx, newUser(fmt.Sprint(i))) }()
		synctest.Wait()
	}
	const gone = 3
	for i := range gone {
		cancels[i]()
		if err := <-errs[i]; !errors.Is(err, context.Canceled) {
			t.Errorf("caller %d: %v, want context.Canceled", i, err)
		}
	}
	unlock()
	for i, answer := range errs {
		want := kit.ErrNotFound
		if i >= gone {
			want = nil
			if err := <-answer; err != nil {
				t.Errorf("caller %d: %v", i, err)
			}
		}
		if _, err := store.Users().ByID(t.Context(), fmt.Sprint(i)); !errors.Is(err, want) {
			t.Errorf("user %d: %v, want %v", i, err, want)
		}
	}
}

// The fault of one write undoes those before it, which are then made again: it is an answer to its
// caller alone.
func TestAFaultIsThatOfOneCaller(t *testing.T) {
	const bad = 5
	for _, test := range []struct {
		name, prepare string
		outlasts      bool // the context of the caller
		call          func(c *crowd, ctx context.Context) error
	}{
		{
			name: "a unique key is taken",
			call: func(c *crowd, ctx context.Context) error {
				u := newUser("other")
				u.Email = newUser("known").Email
				return c.store.Users().Update(ctx, u)
			},
		}, {
			name: "a trigger rolls back because a unique key is taken",
			prepare: `CREATE TABLE names (name UNIQUE ON CONFLICT ROLLBACK);
				CREATE TRIGGER named AFTER INSERT ON users WHEN new.id IN ('known', '5') BEGIN INSERT INTO names VALUES ('Ada'); END`,
			call: func(c *crowd, ctx context.Context) error { return c.create(ctx, bad) },
		}, {
			name:    "a trigger refuses",
			prepare: `CREATE TRIGGER bad BEFORE INSERT ON users WHEN new.id = '5' BEGIN SELECT RAISE(ABORT, 'no'); END`,
			call:    func(c *crowd, ctx context.Context) error { return c.create(ctx, bad) },
		}, {
			name: "a statement without end",
			prepare: `CREATE TRIGGER bad AFTER INSERT ON users WHEN new.id = '5' BEGIN
				SELECT begun(); SELECT count(*) FROM (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n); END`,
			outlasts: true,
			call:     func(c *crowd, ctx context.Context) error { return c.create(ctx, bad) },
		}, {
			name: "the commit is refused",
			prepare: `CREATE TABLE orders (user_id REFERENCES users (id) DEFERRABLE INITIALLY DEFERRED);
				CREATE TRIGGER ordered AFTER INSERT ON users WHEN new.id = 'known' BEGIN INSERT INTO orders VALUES (new.id); END`,
			call: func(c *crowd, ctx context.Context) error { return c.store.Users().Delete(ctx, "known") },
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCrowd(t, test.prepare)
				of, cancel := context.WithCancel(t.Context())
				defer cancel()
				c.write(func(ctx context.Context, i int) error {
					if i == bad {
						return test.call(c, of)
					}
					return c.create(ctx, i)
				})
				if test.outlasts {
					goOn := <-c.begun
					cancel()
					goOn <- nil
				}
				for range callers - 1 { // each commits
					commit := <-c.disk.syncs
					commit <- nil
				}
				for i, errs := range c.errs {
					err := <-errs
					switch {
					case i != bad && err != nil:
						t.Errorf("caller %d: %v", i, err)
					case i == bad && (err == nil || errors.Is(err, kit.ErrUnavailable) || errors.Is(err, context.Canceled) != test.outlasts):
						t.Errorf("whose fault it is: %v", err)
					}
					if c.exists(fmt.Sprint(i)) == (i == bad) {
						t.Errorf("user %d: that is not how it was answered", i)
					}
				}
				if !c.exists("known") {
					t.Error("the user who could not be deleted is gone")
				}
			})
		})
	}
}
