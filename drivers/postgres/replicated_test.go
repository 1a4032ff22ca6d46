package postgres_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"strings"
	"testing"

	"myauth.internal/drivers/postgres"
	"myauth.internal/kit"
)

// A server whose synchronous standby is gone waits with each commit. When the wait is
// canceled it says success, and that nobody else has it only in a warning.
func TestCommitsThatAreNotReplicated(t *testing.T) {
	if os.Getenv("MYAUTH_TEST_POSTGRES_URL") != "" {
		t.Skip("it changes settings of the whole server, so it needs one of its own")
	}
	dataSource := schema(t)
	db := pool(t, with(t, dataSource, "application_name", t.Name()), nil, 1)
	store, err := postgres.New(t.Context(), db, nil)
	if err != nil {
		t.Fatal(err)
	}
	server := admin(t, dataSource)
	exec(t, server, "CREATE TABLE things (n int)")
	exec(t, server, "ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
	exec(t, server, "SELECT pg_reload_conf()")
	defer exec(t, server, "SELECT pg_reload_conf()") // and the end of the schema waits until it took effect
	defer exec(t, server, "ALTER SYSTEM RESET synchronous_standby_names")

	writes := map[string]func(context.Context) error{
		"Exec": func(ctx context.Context) error { return store.Users().Delete(ctx, "u") },
		"QueryRow": func(ctx context.Context) error {
			return db.QueryRowContext(ctx, "INSERT INTO things VALUES (1) RETURNING n").Scan(new(int))
		},
		"Rows": func(ctx context.Context) error {
			rows, err := db.QueryContext(ctx, "INSERT INTO things VALUES (1) RETURNING n")
			if err != nil {
				return err
			}
			defer rows.Close()
			for rows.Next() {
			}
			return rows.Err()
		},
		"Commit": func(ctx context.Context) error {
			tx, err := db.BeginTx(ctx, nil)
			if err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, "INSERT INTO things VALUES (1)"); err != nil {
				return errors.Join(err, tx.Rollback())
			}
			return tx.Commit()
		},
	}
	const waiting = " FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND application_name = $1"
	ends := map[string]func(cancel context.CancelFunc) (n int, err error){
		"the server": func(context.CancelFunc) (n int, err error) {
			err = server.QueryRowContext(t.Context(), "SELECT count(pg_cancel_backend(pid))"+waiting, t.Name()).Scan(&n)
			return n, err
		},
		"the context": func(cancel context.CancelFunc) (n int, err error) {
			err = server.QueryRowContext(t.Context(), "SELECT count(pid)"+waiting, t.Name()).Scan(&n)
			if n > 0 {
				cancel()
			}
			return n, err
		},
	}
	for write, f := range writes {
		for who, end := range ends {
			t.Run(write+" ended by "+who, func(t *testing.T) {
				for waited := false; !waited; { // until the setting has taken effect
					if write == "Exec" {
						create(t, server)
					}
					waited, err = canceled(t, f, end)
				}
				if err == nil {
					t.Error("a commit that no standby has is acknowledged")
				} else if who == "the server" && !strings.Contains(err.Error(), "standby") || write == "Exec" && who == "the server" && !errors.Is(err, kit.ErrUnavailable) {
					t.Errorf("got %v", err)
				}
				if err := db.PingContext(t.Context()); err != nil {
					t.Errorf("the call after it: %v", err)
				}
			})
		}
	}
}

// create makes the row that a Delete is to remove, without waiting for a standby.
func create(t *testing.T, server *sql.DB) {
	t.Helper()
	exec(t, server, `SET synchronous_commit = local; INSERT INTO users VALUES ('u', 'u@example.com', 'u@example.com', 'u', 'h', '[]', '{}', true, true, 0, 0, 0, 1) ON CONFLICT DO NOTHING`)
}

// canceled runs a write, ends it once it waits for a standby, and reports whether it
// did.
func canceled(t *testing.T, write func(context.Context) error, end func(context.CancelFunc) (int, error)) (waited bool, err error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	answer := make(chan error, 1)
	go func() { answer <- write(ctx) }()
	for {
		select {
		case err := <-answer:
			return waited, err
		default:
		}
		n, err := end(cancel)
		if err != nil {
			t.Fatal(err)
		}
		waited = waited || n > 0
	}
}
