package storebench

import (
	"context"
	"database/sql"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"myauth.internal/kit"
)

// SQL returns the statements of a driver that is built on package kit/sqlstore, those
// that sqlstore.Statements lists, prepared on a pool.
func SQL(b *testing.B, db *sql.DB, statements []string) Bare {
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
	return Bare{
		UserByID:    user(byID),
		UserByEmail: user(byEmail),
		UserCreate: func(ctx context.Context, u kit.User) error {
			roles, err := json.Marshal(u.Roles)
			if err != nil {
				return err
			}
			_, err = createUser.ExecContext(ctx, u.ID, u.Email, u.Username, string(u.PasswordHash), string(roles), string(u.Settings), u.Verified, u.Active,
				u.SessionEpoch, u.CreatedAt.UnixMicro(), u.UpdatedAt.UnixMicro(), u.Version, u.Email)
			return err
		},
		TokenByID: func(ctx context.Context, key string) error {
			var id, kind, userID, sessionID string
			var hash, previous, salt []byte
			var epoch, created, rotated, expires, revoked, version int64
			return tokenByID.QueryRowContext(ctx, key).Scan(&id, &kind, &userID, &sessionID, &epoch, &hash, &previous, &salt, &created, &rotated, &expires, &revoked, &version)
		},
		TokenCreate: func(ctx context.Context, t kit.Token) error {
			_, err := createToken.ExecContext(ctx, t.ID, string(t.Type), t.UserID, t.SessionID, t.Epoch, t.SecretHash, t.PreviousHash, t.Salt,
				t.CreatedAt.UnixMicro(), t.RotatedAt.UnixMicro(), t.ExpiresAt.UnixMicro(), t.RevokedAt.UnixMicro(), t.Version)
			return err
		},
		TokenUpdate: func(ctx context.Context, t kit.Token) error {
			_, err := updateToken.ExecContext(ctx, t.SessionID, t.Epoch, t.SecretHash, t.PreviousHash, t.Salt,
				t.CreatedAt.UnixMicro(), t.RotatedAt.UnixMicro(), t.ExpiresAt.UnixMicro(), t.RevokedAt.UnixMicro(), t.Version+1, t.ID, t.Version)
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
}
