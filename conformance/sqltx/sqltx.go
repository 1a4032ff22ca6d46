// Package sqltx tests stores that write in a transaction of the caller, as drivers/sqlite and
// drivers/postgres do. Package conformance tests the same stores outside of one.
package sqltx

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"myauth.internal/kit"
)

// Handle is one pool of a database, and a store in it.
type Handle struct {
	// DB is the pool. Tables without a schema are those of the store.
	DB *sql.DB
	// Stores are the stores outside of a transaction.
	Stores kit.Stores
	// InTx returns the stores in a transaction of DB.
	InTx func(*sql.Tx) kit.Stores
	// Transaction is the store's own, over DB.
	Transaction func(context.Context, func(kit.Stores) error) error
	// Begin is how a transaction that writes begins; nil means the defaults.
	Begin *sql.TxOptions
	// Anew says that of transactions that meet, one may have to be run anew, for which its
	// error wraps [kit.ErrUnavailable].
	Anew bool
	// Newer is that of conformance.Stores.
	Newer func(table, id string) error
}

// Open opens one more handle to a database, closed when the test ends.
type Open func(testing.TB) Handle

// Run tests stores in transactions. The function makes an empty database for one case.
func Run(t *testing.T, newDatabase func(testing.TB) Open) {
	t.Helper()
	for _, c := range []struct {
		name string
		test func(*testing.T, Open)
	}{
		{"an account and a row of the application", accountAndRow},
		{"what is taken", taken},
		{"what is not as presented", notAsPresented},
		{"what is not there", notThere},
		{"a row of a newer version", newerRow},
		{"a transaction that is over", over},
		{"a context that is over", contextIsOver},
		{"many calls in one transaction", manyCalls},
		{"many register one address", oneAddress},
		{"a transaction of the store's own", ownTransaction},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, newDatabase(t)) })
	}
}

// database is an Open's, with the table of the application in it.
type database struct {
	t testing.TB
	Handle
}

func openFirst(t testing.TB, open Open) database {
	t.Helper()
	d := database{t, open(t)}
	if _, err := d.DB.ExecContext(t.Context(), "CREATE TABLE profiles (user_id TEXT PRIMARY KEY)"); err != nil {
		t.Fatal(err)
	}
	return d
}

// begin opens a transaction, which the test rolls back if nothing else ends it.
func (d database) begin() (*sql.Tx, kit.Stores) {
	d.t.Helper()
	tx, err := d.DB.BeginTx(context.Background(), d.Begin)
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { _ = tx.Rollback() })
	return tx, d.InTx(tx)
}

// commit adds a row of the application, so that a transaction that cannot go on is found out,
// and commits.
func (d database) commit(tx *sql.Tx, id string) {
	d.t.Helper()
	_, err := tx.ExecContext(d.t.Context(), "INSERT INTO profiles VALUES ('"+id+"')")
	if err == nil {
		err = tx.Commit()
	}
	if err != nil {
		d.t.Errorf("the transaction does not go on: %v", err)
	}
}

// profiles returns the rows of the application.
func (d database) profiles() (ids []string) {
	d.t.Helper()
	rows, err := d.DB.QueryContext(d.t.Context(), "SELECT user_id FROM profiles ORDER BY user_id")
	if err != nil {
		d.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			d.t.Fatal(err)
		}
		ids = append(ids, id)
	}
	if err := rows.Err(); err != nil {
		d.t.Fatal(err)
	}
	return ids
}

func (d database) expect(what string, err, want error) {
	d.t.Helper()
	if !errors.Is(err, want) {
		d.t.Errorf("%s: %v, want %v", what, err, want)
	}
}

var made = time.Date(2026, 11, 5, 12, 30, 0, 123456000, time.UTC)

func user(id string) kit.User {
	return kit.User{ID: id, Email: id + "@Example.com", Username: id, Settings: []byte("{}"), Active: true, CreatedAt: made, UpdatedAt: made, Version: 1}
}

func token(id string) kit.Token {
	return kit.Token{ID: id, Type: kit.RefreshToken, UserID: "u", SecretHash: []byte("hash"), Data: []byte("data"), CreatedAt: made, ExpiresAt: made, Version: 1}
}

// fill creates users, tokens and credentials.
func (d database) fill(stores kit.Stores, ids ...string) {
	d.t.Helper()
	for _, id := range ids {
		ctx := d.t.Context()
		if err := errors.Join(stores.Users.Create(ctx, user(id)), stores.Tokens.Create(ctx, token(id)), stores.Credentials.Create(ctx, token(id))); err != nil {
			d.t.Fatal(err)
		}
	}
}

// has reports whether the stores have all of these records, or none of them.
func (d database) has(stores kit.Stores, id string, want error) {
	d.t.Helper()
	_, err := stores.Users.ByID(d.t.Context(), id)
	d.expect("user "+id, err, want)
	_, err = stores.Tokens.ByID(d.t.Context(), id)
	d.expect("token "+id, err, want)
	_, err = stores.Credentials.ByID(d.t.Context(), id)
	d.expect("credential "+id, err, want)
}

// Either both are there or none, and nobody sees them before.
func accountAndRow(t *testing.T, open Open) {
	d := openFirst(t, open)
	tx, stores := d.begin()
	d.fill(stores, "kept")
	d.has(stores, "kept", nil)
	d.has(d.Stores, "kept", kit.ErrNotFound)
	d.commit(tx, "kept")
	d.has(d.Stores, "kept", nil)

	tx, stores = d.begin()
	d.fill(stores, "gone")
	d.expect("Update", stores.Users.Update(t.Context(), user("kept")), nil)
	d.expect("Delete", stores.Tokens.Delete(t.Context(), "kept", 1), nil)
	if n, err := stores.Credentials.DeleteExpired(t.Context(), made, 10); n != 2 || err != nil {
		t.Errorf("DeleteExpired: %d, %v, want 2", n, err)
	}
	if _, err := tx.ExecContext(t.Context(), "INSERT INTO profiles VALUES ('gone')"); err != nil {
		t.Fatal(err)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	d.has(d.Stores, "gone", kit.ErrNotFound)
	d.has(d.Stores, "kept", nil)
	if u, err := d.Stores.Users.ByID(t.Context(), "kept"); err != nil || u.Version != 1 {
		t.Errorf("version %d, %v: the update outlives the rollback", u.Version, err)
	}
	if got := d.profiles(); !slices.Equal(got, []string{"kept"}) {
		t.Errorf("rows of the application: %q", got)
	}
}

// A key that is taken is an answer, after which the transaction goes on.
func taken(t *testing.T, open Open) {
	d := openFirst(t, open)
	ctx := t.Context()
	d.fill(d.Stores, "one", "two")
	tx, stores := d.begin()
	theirs, twice := user("three"), user("one")
	theirs.Email, twice.Email = "ONE@example.com", "four@example.com"
	d.expect("Create with an address that is taken", stores.Users.Create(ctx, theirs), kit.ErrUserExists)
	d.expect("Create with an ID that is taken", stores.Users.Create(ctx, twice), kit.ErrUserExists)
	two := user("two")
	for range 2 { // also once the first has cleared up behind itself
		two.Email = "One@example.com"
		d.expect("Update to an address that is taken", stores.Users.Update(ctx, two), kit.ErrUserExists)
	}
	d.expect("Create of a token", stores.Tokens.Create(ctx, token("one")), kit.ErrConflict)
	d.expect("Create of a credential", stores.Credentials.Create(ctx, token("one")), kit.ErrConflict)
	two.Email = "free@example.com"
	d.expect("Update to an address that is free", stores.Users.Update(ctx, two), nil)
	d.commit(tx, "two")
	if u, err := d.Stores.Users.ByEmail(ctx, "free@example.com"); err != nil || u.ID != "two" || u.Version != 2 {
		t.Errorf("got %s in version %d, %v", u.ID, u.Version, err)
	}
	if u, err := d.Stores.Users.ByEmail(ctx, "one@example.com"); err != nil || u.ID != "one" || u.Version != 1 {
		t.Errorf("got %s in version %d, %v", u.ID, u.Version, err)
	}
	d.has(d.Stores, "three", kit.ErrNotFound)
}

// So is a compare-and-swap that is lost.
func notAsPresented(t *testing.T, open Open) {
	d := openFirst(t, open)
	ctx := t.Context()
	d.fill(d.Stores, "one")
	old := user("one")
	d.expect("Update", d.Stores.Users.Update(ctx, old), nil)
	d.expect("Update", d.Stores.Tokens.Update(ctx, token("one")), nil)
	d.expect("Update", d.Stores.Credentials.Update(ctx, token("one")), nil)
	tx, stores := d.begin()
	d.expect("Update of a user", stores.Users.Update(ctx, old), kit.ErrConflict)
	for _, s := range []kit.TokenStore{stores.Tokens, stores.Credentials} {
		d.expect("Update", s.Update(ctx, token("one")), kit.ErrConflict)
		d.expect("Delete", s.Delete(ctx, "one", 1), kit.ErrConflict)
		d.expect("Update of nobody", s.Update(ctx, token("none")), kit.ErrNotFound)
		d.expect("Delete of nobody", s.Delete(ctx, "none", 1), kit.ErrNotFound)
		d.expect("Delete", s.Delete(ctx, "one", 2), nil)
	}
	d.expect("Update of nobody", stores.Users.Update(ctx, user("none")), kit.ErrNotFound)
	d.expect("Delete of nobody", stores.Users.Delete(ctx, "none"), kit.ErrNotFound)
	d.expect("Delete of a user", stores.Users.Delete(ctx, "one"), nil)
	d.commit(tx, "one")
	d.has(d.Stores, "one", kit.ErrNotFound)
}

// So is that a record is not there, also where the database could not have it.
func notThere(t *testing.T, open Open) {
	d := openFirst(t, open)
	ctx := t.Context()
	tx, stores := d.begin()
	for _, id := range []string{"none", "no\x00ne", "\xff", ""} {
		d.has(stores, id, kit.ErrNotFound)
		_, err := stores.Users.ByEmail(ctx, id)
		d.expect("ByEmail", err, kit.ErrNotFound)
		d.expect("Delete", stores.Users.Delete(ctx, id), kit.ErrNotFound)
		d.expect("Delete", stores.Tokens.Delete(ctx, id, 1), kit.ErrNotFound)
		if found, err := stores.Tokens.ByUser(ctx, id, "", 10); len(found) > 0 || err != nil {
			t.Errorf("ByUser(%q): %v, %v", id, found, err)
		}
		if found, err := stores.Users.(kit.UserLister).ListByEmail(ctx, id, "", 10); len(found) > 0 || err != nil {
			t.Errorf("ListByEmail(%q): %v, %v", id, found, err)
		}
	}
	d.fill(stores, "one")
	d.commit(tx, "one")
	d.has(d.Stores, "one", nil)
}

// A row of a newer version is refused, and stays as it is.
func newerRow(t *testing.T, open Open) {
	d := openFirst(t, open)
	ctx := t.Context()
	d.fill(d.Stores, "one")
	for _, table := range []string{"users", "tokens", "credentials"} {
		if err := d.Newer(table, "one"); err != nil {
			t.Fatal(err)
		}
	}
	tx, stores := d.begin()
	d.has(stores, "one", kit.ErrNewerRecord)
	d.expect("Update of a user", stores.Users.Update(ctx, user("one")), kit.ErrNewerRecord)
	d.expect("Delete of a user", stores.Users.Delete(ctx, "one"), kit.ErrNewerRecord)
	d.expect("Update of a token", stores.Tokens.Update(ctx, token("one")), kit.ErrNewerRecord)
	d.expect("Delete of a token", stores.Tokens.Delete(ctx, "one", 1), kit.ErrNewerRecord)
	if n, err := stores.Credentials.DeleteExpired(ctx, made, 10); n != 0 || err != nil {
		t.Errorf("DeleteExpired: %d, %v, want nothing removed", n, err)
	}
	d.commit(tx, "one")
	for _, table := range []string{"users", "tokens", "credentials"} {
		var version int64
		if err := d.DB.QueryRowContext(ctx, "SELECT version FROM "+table+" WHERE id = 'one'").Scan(&version); err != nil || version != 1 {
			t.Errorf("%s: version %d, %v", table, version, err)
		}
	}
}

// What a transaction that is over answers is an outage.
func over(t *testing.T, open Open) {
	d := openFirst(t, open)
	tx, stores := d.begin()
	d.commit(tx, "one")
	d.has(stores, "one", kit.ErrUnavailable)
	d.expect("Create", stores.Users.Create(t.Context(), user("one")), kit.ErrUnavailable)
	d.expect("Update", stores.Users.Update(t.Context(), user("one")), kit.ErrUnavailable)
	d.has(d.Stores, "one", kit.ErrNotFound)
}

// A context that was done before the call leaves the transaction as it was; one that ends the
// transaction leaves nothing of it.
func contextIsOver(t *testing.T, open Open) {
	d := openFirst(t, open)
	done, cancel := context.WithCancel(t.Context())
	cancel()
	tx, stores := d.begin()
	_, err := stores.Users.ByID(done, "one")
	d.expect("ByID", err, context.Canceled)
	d.expect("Create", stores.Users.Create(done, user("one")), context.Canceled)
	d.fill(stores, "one")
	d.commit(tx, "one")
	d.has(d.Stores, "one", nil)

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	tx, err = d.DB.BeginTx(ctx, d.Begin)
	if err != nil {
		t.Fatal(err)
	}
	d.fill(d.InTx(tx), "two")
	cancel()
	if err := tx.Commit(); err == nil {
		t.Error("the transaction is committed")
	}
	d.has(d.Stores, "two", kit.ErrNotFound)
}

// The stores in a transaction are safe for concurrent use as others are: no call takes back what
// another has done, or lets it fail.
func manyCalls(t *testing.T, open Open) {
	d := openFirst(t, open)
	const callers = 16
	ids := make([]string, callers)
	for i := range ids {
		ids[i] = fmt.Sprintf("%02d", i)
	}
	d.fill(d.Stores, append(ids, "taken")...)
	tx, stores := d.begin()
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i, id := range ids {
		wg.Go(func() {
			<-start
			ctx := t.Context()
			u, want := user(id), error(nil)
			if u.Email = "free" + id; i%2 == 0 {
				u.Email, want = "taken@example.com", kit.ErrUserExists
			}
			err := stores.Users.Update(ctx, u)
			if !errors.Is(err, want) {
				t.Errorf("Update of %s: %v, want %v", id, err, want)
			}
			if _, err := stores.Tokens.ByUser(ctx, "u", "", callers); err != nil {
				t.Errorf("ByUser: %v", err)
			}
			if err := stores.Credentials.Delete(ctx, id, 1); err != nil {
				t.Errorf("Delete of %s: %v", id, err)
			}
		})
	}
	close(start)
	wg.Wait()
	d.commit(tx, "one")
	for i, id := range ids {
		u, err := d.Stores.Users.ByID(t.Context(), id)
		if want := int64(1 + i%2); err != nil || u.Version != want {
			t.Errorf("user %s: version %d, %v, want %d", id, u.Version, err, want)
		}
		_, err = d.Stores.Credentials.ByID(t.Context(), id)
		d.expect("credential "+id, err, kit.ErrNotFound)
	}
}

// Of many transactions that create an account for one address, and a row beside it, one has both
// and the others have neither.
func oneAddress(t *testing.T, open Open) {
	d := openFirst(t, open)
	handles := []database{d, {t, open(t)}}
	for round := range 3 {
		const callers = 16
		errs := make([]error, callers)
		start := make(chan struct{})
		var wg sync.WaitGroup
		for i := range callers {
			wg.Go(func() {
				<-start
				errs[i] = handles[i%2].register(fmt.Sprintf("%d-%02d", round, i), fmt.Sprintf("all%d@example.com", round))
			})
		}
		close(start)
		wg.Wait()
		won := 0
		for i, err := range errs {
			id, want := fmt.Sprintf("%d-%02d", round, i), kit.ErrNotFound
			if err == nil {
				won++
				want = nil
			} else if !errors.Is(err, kit.ErrUserExists) && !(d.Anew && errors.Is(err, kit.ErrUnavailable)) {
				t.Error(err)
			}
			_, err := d.Stores.Users.ByID(t.Context(), id)
			d.expect("user "+id, err, want)
			if slices.Contains(d.profiles(), id) != (want == nil) {
				t.Errorf("the row of %s is there without the user, or the user without the row", id)
			}
		}
		if won != 1 {
			t.Errorf("%d callers registered one address", won)
		}
	}
}

func (d database) register(id, address string) error {
	ctx := d.t.Context()
	tx, err := d.DB.BeginTx(ctx, d.Begin)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(ctx, "INSERT INTO profiles VALUES ('"+id+"')"); err != nil {
		return err
	}
	u := user(id)
	u.Email = address
	if err := d.InTx(tx).Users.Create(ctx, u); err != nil {
		return err
	}
	return tx.Commit()
}

// ownTransaction: what the function wrote is there after nil, and only then.
func ownTransaction(t *testing.T, open Open) {
	d := openFirst(t, open)
	ctx, oops := t.Context(), errors.New("oops")
	create := func(id string, result error) error {
		return d.Transaction(ctx, func(in kit.Stores) error {
			if err := in.Users.Create(ctx, user(id)); err != nil {
				return err
			}
			if _, err := in.Users.ByID(ctx, id); err != nil {
				t.Error("within the transaction:", err)
			}
			return result
		})
	}
	if err := create("kept", nil); err != nil {
		t.Fatal(err)
	}
	if err := create("dropped", oops); err != oops {
		t.Errorf("got %v, want the error of the function as it is", err)
	}
	func() {
		defer func() { _ = recover() }()
		_ = d.Transaction(ctx, func(in kit.Stores) error {
			_ = in.Users.Create(ctx, user("panicked"))
			panic(oops)
		})
	}()
	done, cancel := context.WithCancel(ctx)
	cancel()
	err := d.Transaction(done, func(kit.Stores) error { t.Error("a transaction whose context is done"); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a context that is done: %v", err)
	}
	if err := d.Stores.Users.Create(ctx, user("after")); err != nil {
		t.Error("a write after that:", err)
	}
	for id, want := range map[string]error{"kept": nil, "dropped": kit.ErrNotFound, "panicked": kit.ErrNotFound} {
		_, err := d.Stores.Users.ByID(ctx, id)
		d.expect("user "+id, err, want)
	}
}
