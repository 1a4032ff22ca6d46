package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"myauth.internal/kit"
)

// Dialect is what differs from one SQL database to another.
type Dialect struct {
	// Name begins the text of errors, such as "sqlite".
	Name string
	// Schema is where the tables are, quoted if need be: a store looks for them there
	// and nowhere else, whatever a connection's search path is.
	Schema string
	// Prefix begins the names of the tables and of their indexes: see [CheckPrefix].
	Prefix string
	// Due returns a condition: the row is among the first $2 of the table, by purge_at, that have
	// purge_at <= $1 and for which the condition known is true, and never among more, also while other calls
	// change the same rows and more become due.
	Due func(table, known string) string
	// Savepoints: a statement that fails lets the whole transaction fail, unless there is a
	// savepoint before it.
	Savepoints bool
	// Readers, if it is not 0, is how many reads run at once, each of which finds a connection in
	// the pool without waiting for it; and the driver must look at a context by its Err.
	// Then package sql need not start a goroutine for each read, to wait for the context's end.
	Readers int
	// Classify says what an error of the database means, and in advice what a person
	// can do about it: a few words in lower case, without values.
	Classify func(error) (kind Kind, advice string)
}

// Kind is what an error of a database means to a store.
type Kind int

// The kinds of errors.
const (
	// Unexpected is a fault of the schema or of a statement: a bug.
	Unexpected Kind = iota
	// Duplicate: a unique key is taken.
	Duplicate
	// Unavailable: the data cannot be reached, or not now. It becomes
	// kit.ErrUnavailable.
	Unavailable
	// Retry: the statement did nothing because it conflicted with another one. It is
	// run again, ten times at most.
	Retry
	// Unstorable: a text is not of the form that the database can hold, so no record
	// has it.
	Unstorable
)

// Explain adds to an error what was being done and what to do about it. The result
// wraps ctx's error if ctx is done, and kit.ErrUnavailable for an outage.
func (d Dialect) Explain(ctx context.Context, op string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %s: %w", d.Name, op, ctx.Err())
	}
	kind, advice := d.Classify(err)
	if advice != "" {
		err = fmt.Errorf("%w: %s", err, advice)
	}
	if kind == Unavailable || kind == Retry || isOutage(err) {
		err = fmt.Errorf("%w: %w", kit.ErrUnavailable, err)
	}
	return fmt.Errorf("%s: %s: %w", d.Name, op, err)
}

// is reports whether the database means kind by an error.
func (d Dialect) is(err error, kind Kind) bool {
	if err == nil {
		return false
	}
	got, _ := d.Classify(err)
	return got == kind
}

// isOutage reports whether the pool, a connection, the transaction or the store was closed, a
// connection broke, or the store gave up. Two of the errors of database/sql have no name.
func isOutage(err error) bool {
	for _, outage := range []error{sql.ErrConnDone, sql.ErrTxDone, driver.ErrBadConn, errClosed, errNotInTime, errUnsettled} {
		if errors.Is(err, outage) {
			return true
		}
	}
	text := err.Error()
	return text == "sql: database is closed" || text == "sql: statement is closed"
}

const (
	// attempts is how often a statement that conflicts with another one is run.
	attempts = 10
	// firstPause is the longest that the first pause lasts. Each later one may be twice
	// as long, so all of them together last a quarter of a second at most.
	firstPause = time.Millisecond
)

// again runs f until it no longer conflicts with another statement. The second attempt
// comes at once, which suffices for two statements; the others come after random
// pauses, which a crowd of them needs.
func (d Dialect) again(ctx context.Context, f func() error) error {
	for n := 1; ; n++ {
		err := f()
		if n == attempts || ctx.Err() != nil || !d.is(err, Retry) {
			return err
		}
		if n == 1 {
			continue
		}
		select {
		case <-time.After(rand.N(firstPause << (n - 2))):
		case <-ctx.Done():
			return err
		}
	}
}
