package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"myauth.internal/kit"
)

var errMet = errors.New("met another statement")

func retryDialect() Dialect {
	return Dialect{Name: "test", Due: noStatement, Classify: func(err error) (Kind, string) {
		if errors.Is(err, errMet) {
			return Retry, ""
		}
		return Unexpected, ""
	}}
}

// busy is a database, and all that belongs to one, in which the next statements meet
// others: the first of them when it is sent, the rest when its rows are read.
type busy struct{ *meetings }

type meetings struct {
	left  int
	empty bool // nothing is changed, and that meets nobody
}

func (b busy) Connect(context.Context) (driver.Conn, error) { return b, nil }
func (busy) Driver() driver.Driver                          { return nil }
func (b busy) Prepare(string) (driver.Stmt, error)          { return b, nil }
func (busy) Begin() (driver.Tx, error)                      { return nil, errDown }
func (busy) Close() error                                   { return nil }
func (busy) NumInput() int                                  { return -1 }
func (busy) Columns() []string                              { return []string{"version"} }

func (b busy) Exec([]driver.Value) (driver.Result, error) {
	if b.empty {
		return driver.RowsAffected(0), nil
	}
	if b.left > 0 {
		b.left--
		return nil, errMet
	}
	return driver.RowsAffected(1), nil
}

func (b busy) Query([]driver.Value) (driver.Rows, error) {
	if b.left == attempts-1 {
		b.left--
		return nil, errMet
	}
	return b, nil
}

func (b busy) Next([]driver.Value) error {
	if b.left > 0 {
		b.left--
		return errMet
	}
	return io.EOF
}

// Whatever meets other statements is done again, reads too.
func TestEveryMethodIsDoneAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := busy{new(meetings)}
		db := sql.OpenDB(b)
		defer db.Close()
		s := New(db, retryDialect(), 0)
		ctx, users, tokens := t.Context(), s.Users(), s.Tokens()
		for name, call := range map[string]func() error{
			"user by id":     func() error { _, err := users.ByID(ctx, "1"); return err },
			"user by email":  func() error { _, err := users.ByEmail(ctx, "a@b.c"); return err },
			"create user":    func() error { return users.Create(ctx, kit.User{}) },
			"update user":    func() error { return users.Update(ctx, kit.User{}) },
			"delete user":    func() error { return users.Delete(ctx, "1") },
			"token by id":    func() error { _, err := tokens.ByID(ctx, "1"); return err },
			"create token":   func() error { return tokens.Create(ctx, kit.Token{}) },
			"update token":   func() error { return tokens.Update(ctx, kit.Token{}) },
			"delete token":   func() error { return tokens.Delete(ctx, "1", 1) },
			"tokens by user": func() error { _, err := tokens.ByUser(ctx, "1", "", 10); return err },
			"delete expired": func() error { _, err := tokens.DeleteExpired(ctx, time.Time{}, 10); return err },
			"ping":           func() error { return users.Ping(ctx) },
			"update without a row": func() error {
				b.empty = true
				defer func() { b.empty = false }()
				return users.Update(ctx, kit.User{})
			},
		} {
			b.left = attempts - 1
			if err := call(); err != nil && !errors.Is(err, kit.ErrNotFound) {
				t.Errorf("%s, after it met %d others: %v", name, attempts-1, err)
			}
			if b.left != 0 {
				t.Errorf("%s: %d attempts were not made", name, b.left)
			}
			b.left = attempts
			if err := call(); !errors.Is(err, kit.ErrUnavailable) {
				t.Errorf("%s, after it met %d others: %v, want kit.ErrUnavailable", name, attempts, err)
			}
		}
	})
}

// In a transaction of the caller nothing is: it has met others as a whole.
func TestNothingIsDoneAgainInATransaction(t *testing.T) {
	b := busy{new(meetings)}
	db := sql.OpenDB(b)
	defer db.Close()
	s := New(db, retryDialect(), 0).In(db, nil)
	ctx := t.Context()
	for name, call := range map[string]func() error{
		"user by id":  func() error { _, err := s.Users().ByID(ctx, "1"); return err },
		"create user": func() error { return s.Users().Create(ctx, kit.User{}) },
		"update user": func() error { return s.Users().Update(ctx, kit.User{}) },
		"delete":      func() error { return s.Credentials().Delete(ctx, "1", 1) },
	} {
		b.left = attempts - 1
		if err := call(); !errors.Is(err, kit.ErrUnavailable) || b.left != attempts-2 {
			t.Errorf("%s: %v after %d attempts, want kit.ErrUnavailable after one", name, err, attempts-1-b.left)
		}
	}
}

func TestPausesBetweenAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at []time.Duration
		start := time.Now()
		meet := func() error {
			at = append(at, time.Since(start))
			return errMet
		}
		if err := retryDialect().again(t.Context(), meet); err != errMet || len(at) != attempts {
			t.Fatalf("again: %v after %d attempts", err, len(at))
		}
		if at[1] != 0 {
			t.Errorf("the second attempt came after %v, want at once", at[1])
		}
		for i := 2; i < len(at); i++ {
			if pause := at[i] - at[i-1]; pause <= 0 || pause > firstPause<<(i-2) {
				t.Errorf("pause %v before attempt %d", pause, i+1)
			}
		}

		start = time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
		defer cancel()
		if err := retryDialect().again(ctx, meet); err != errMet || time.Since(start) != time.Nanosecond {
			t.Errorf("a context that ends in a pause: %v after %v", err, time.Since(start))
		}
	})
}
