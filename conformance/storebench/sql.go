package storebench

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"myauth.internal/conformance"
	"myauth.internal/kit"
)

// SQL returns the subject of a driver that is built on package kit/sqlstore: its
// stores, beside the statements that sqlstore.Statements lists, prepared on a pool.
// settle runs when the tables are filled, as ANALYZE does by itself in a database
// that has been up for a while; it may be empty.
func SQL(b *testing.B, stores conformance.Stores, db *sql.DB, statements []string, settle string) Subject {
	b.Helper()
	prepare := func(prefix, suffix string) *sql.Stmt {
		for _, text := range statements {
			if strings.HasPrefix(text, prefix) && strings.Contains(text, suffix) {
				stmt, err := db.PrepareContext(b.Context(), text)
				if err != nil {
					b.Fatal(err)
				}
				b.Cleanup(func() { _ = stmt.Close() }) // the pool goes with the benchmark
				return stmt
			}
		}
		b.Fatalf("no statement %s … %s", prefix, suffix)
		return nil
	}
	byID, byEmail := prepare("SELECT id, email", "FROM users WHERE id"), prepare("SELECT id, email", "FROM users WHERE email_key")
	tokenByID := prepare("SELECT id, token_type", "FROM tokens WHERE id")
	createUser, createToken := prepare("INSERT INTO users", ""), prepare("INSERT INTO tokens", "")
	updateToken, deleteExpired := prepare("UPDATE tokens", ""), prepare("DELETE FROM tokens", "expires_at")
	user := func(stmt *sql.Stmt) func(context.Context, string) error {
		return func(ctx context.Context, key string) error {
			var id, email, name, hash, roles, settings string
			var verified, active bool
			var epoch, created, updated, version int64
			return stmt.QueryRowContext(ctx, key).Scan(&id, &email, &name, &hash, &roles, &settings, &verified, &active, &epoch, &created, &updated, &version)
		}
	}
	insertUser := func(ctx context.Context, stmt *sql.Stmt, u kit.User) error {
		roles, err := json.Marshal(u.Roles)
		if err != nil {
			return err
		}
		_, err = stmt.ExecContext(ctx, u.ID, u.Email, u.Username, string(u.PasswordHash), string(roles), string(u.Settings), u.Verified, u.Active,
			u.SessionEpoch, u.CreatedAt.UnixMicro(), u.UpdatedAt.UnixMicro(), u.Version, u.Email)
		return err
	}
	insertToken := func(ctx context.Context, stmt *sql.Stmt, t kit.Token) error {
		_, err := stmt.ExecContext(ctx, t.ID, string(t.Type), t.UserID, t.SessionID, t.Epoch, t.SecretHash, t.PreviousHash, t.Salt,
			t.CreatedAt.UnixMicro(), t.RotatedAt.UnixMicro(), t.ExpiresAt.UnixMicro(), t.RevokedAt.UnixMicro(), t.Version)
		return err
	}
	bare := Bare{
		UserByID: user(byID),
		UserByEmail: func(ctx context.Context, key string) (bool, error) {
			err := user(byEmail)(ctx, key)
			if errors.Is(err, sql.ErrNoRows) {
				return false, nil
			}
			return err == nil, err
		},
		UserCreate: func(ctx context.Context, u kit.User) error { return insertUser(ctx, createUser, u) },
		TokenByID: func(ctx context.Context, key string) error {
			var id, kind, userID, sessionID string
			var hash, previous, salt []byte
			var epoch, created, rotated, expires, revoked, version int64
			return tokenByID.QueryRowContext(ctx, key).Scan(&id, &kind, &userID, &sessionID, &epoch, &hash, &previous, &salt, &created, &rotated, &expires, &revoked, &version)
		},
		TokenCreate: func(ctx context.Context, t kit.Token) error { return insertToken(ctx, createToken, t) },
		TokenUpdate: func(ctx context.Context, t kit.Token) error {
			result, err := updateToken.ExecContext(ctx, t.SessionID, t.Epoch, t.SecretHash, t.PreviousHash, t.Salt,
				t.CreatedAt.UnixMicro(), t.RotatedAt.UnixMicro(), t.ExpiresAt.UnixMicro(), t.RevokedAt.UnixMicro(), t.Version+1, t.ID, t.Version)
			if err != nil {
				return err
			}
			n, err := result.RowsAffected()
			if err == nil && n != 1 {
				err = errors.New("no token was updated")
			}
			return err
		},
		DeleteExpired: func(ctx context.Context, before time.Time, limit int) (int, error) {
			result, err := deleteExpired.ExecContext(ctx, before.UnixMicro(), limit)
			if err != nil {
				return 0, err
			}
			n, err := result.RowsAffected()
			return int(n), err
		},
	}
	fill := func(ctx context.Context, users []kit.User, tokens []kit.Token) error {
		if len(users) == 0 {
			if settle == "" {
				return nil
			}
			_, err := db.ExecContext(ctx, settle)
			return err
		}
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback() // nothing, after the commit
		userStmt, tokenStmt := tx.StmtContext(ctx, createUser), tx.StmtContext(ctx, createToken)
		for i := range users {
			if err := errors.Join(insertUser(ctx, userStmt, users[i]), insertToken(ctx, tokenStmt, tokens[i])); err != nil {
				return err
			}
		}
		return tx.Commit()
	}
	return Subject{Stores: stores, Bare: bare, Fill: fill}
}
