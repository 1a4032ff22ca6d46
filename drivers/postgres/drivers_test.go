package postgres_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"strings"
	"testing"

	"github.com/lib/pq"

	"myauth.internal/drivers/postgres"
	"myauth.internal/kit"
)

// wrapped is lib/pq in the driver of somebody else.
type wrapped struct {
	driver.Connector
	wrap func(driver.Conn) driver.Conn
}

func (w wrapped) Driver() driver.Driver { return w }

func (w wrapped) Open(string) (driver.Conn, error) { return nil, errors.New("not by a name") }

func (w wrapped) Connect(ctx context.Context) (driver.Conn, error) {
	c, err := w.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return w.wrap(c), nil
}

// preparing has a statement prepared for each call.
type preparing struct{ driver.Conn }

// wordy says what is wrong in words only.
type wordy struct {
	driver.Conn
	driver.QueryerContext
}

func (m wordy) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	result, err := m.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
	if err != nil {
		err = errors.New(err.Error())
	}
	return result, err
}

// A pool is refused by name when its driver may run another client's statement behind a
// pooler, or does not tell errors apart. One that is wrapped is not.
func TestPoolsOfOtherDrivers(t *testing.T) {
	dataSource := schema(t)
	oneMessage := with(t, dataSource, "binary_parameters", "yes")
	for name, c := range map[string]struct {
		dataSource string
		wrap       func(driver.Conn) driver.Conn
		want       string
	}{
		"plain lib/pq":      {dataSource, func(c driver.Conn) driver.Conn { return c }, "binary_parameters=yes"},
		"in one message":    {oneMessage, func(c driver.Conn) driver.Conn { return c }, ""},
		"prepares each one": {oneMessage, func(c driver.Conn) driver.Conn { return preparing{c} }, "sends a statement and its arguments apart"},
		"errors in words":   {oneMessage, func(c driver.Conn) driver.Conn { return wordy{c, c.(driver.QueryerContext)} }, "SQLSTATE"},
	} {
		t.Run(name, func(t *testing.T) {
			inner, err := pq.NewConnector(c.dataSource)
			if err != nil {
				t.Fatal(err)
			}
			db := sql.OpenDB(wrapped{inner, c.wrap})
			defer db.Close()
			db.SetMaxOpenConns(1)
			store, err := postgres.New(t.Context(), db, nil)
			if err == nil {
				defer store.Close()
			}
			if c.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				if err := store.Users().Create(t.Context(), newUser("u")); err != nil {
					t.Error(err)
				}
				if err := store.Users().Create(t.Context(), newUser("u")); !errors.Is(err, kit.ErrUserExists) {
					t.Errorf("a second Create: %v", err)
				}
				return
			}
			if err == nil || errors.Is(err, kit.ErrUnavailable) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "postgres_test.wrapped") {
				t.Errorf("got %v, want %q and the name of the driver", err, c.want)
			}
		})
	}
}

// The random names of a connector suit also where another driver is around it.
func TestAConnectorThatIsWrapped(t *testing.T) {
	inner, err := postgres.NewConnector(schema(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(wrapped{inner, func(c driver.Conn) driver.Conn {
		return struct { // that prepares what it reads
			driver.Conn
			driver.ExecerContext
		}{c, c.(driver.ExecerContext)}
	}})
	defer db.Close()
	store, err := postgres.New(t.Context(), db, nil)
	if err != nil {
		t.Fatal(err)
	}
	store.Close()
}
