package postgres_test

import (
	"database/sql"
	"testing"

	"myauth.internal/drivers/postgres"
)

// The pool of Open has as many connections as the options say, and keeps all of them:
// a new one would prepare every statement again.
func TestPoolOfOpen(t *testing.T) {
	for _, c := range []struct {
		opts *postgres.Options
		want int
	}{
		{nil, 16},
		{&postgres.Options{}, 16},
		{&postgres.Options{MaxConns: 3}, 3},
	} {
		db := postgres.Pool(open(t, schema(t), c.opts))
		if most := db.Stats().MaxOpenConnections; most != c.want {
			t.Errorf("%+v: at most %d connections, want %d", c.opts, most, c.want)
			continue
		}
		var conns []*sql.Conn
		for range c.want {
			conn, err := db.Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			conns = append(conns, conn)
		}
		for _, conn := range conns {
			if err := conn.Close(); err != nil {
				t.Error(err)
			}
		}
		if idle := db.Stats().Idle; idle != c.want {
			t.Errorf("%+v: %d connections are kept, want %d", c.opts, idle, c.want)
		}
	}
}
