package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"myauth.internal/kit"
)

// Tokens implements kit.TokenStore and kit.Pinger. Times are kept to the
// microsecond.
type Tokens struct{ s *Store }

var (
	_ kit.TokenStore = (*Tokens)(nil)
	_ kit.Pinger     = (*Tokens)(nil)
)

// maxBatch is the largest limit that the contract allows.
const maxBatch = 1000

// Ping implements kit.Pinger.
func (t *Tokens) Ping(ctx context.Context) error { return t.s.Ping(ctx) }

// Create implements kit.TokenStore.
func (t *Tokens) Create(ctx context.Context, token kit.Token) error {
	_, err := t.s.write(ctx, tokenCreate, token.ID, string(token.Type), token.UserID, token.SessionID, token.Epoch,
		notNull(token.SecretHash), token.PreviousHash, token.Salt, token.CreatedAt.UnixMicro(), token.RotatedAt.UnixMicro(),
		token.ExpiresAt.UnixMicro(), token.RevokedAt.UnixMicro(), token.Version)
	return t.s.duplicate(ctx, "create token", err, kit.ErrConflict)
}

// ByID implements kit.TokenStore.
func (t *Tokens) ByID(ctx context.Context, id string) (kit.Token, error) {
	var row tokenRow
	err := t.s.row(ctx, tokenByID, []any{id}, row.columns()...)
	if err != nil {
		return kit.Token{}, t.s.absent(ctx, "token by id", err)
	}
	return row.token(), nil
}

// Update implements kit.TokenStore.
func (t *Tokens) Update(ctx context.Context, token kit.Token) error {
	err := t.s.swap(ctx, token.ID, token.Version, tokenUpdate, tokenVersion,
		token.SessionID, token.Epoch, notNull(token.SecretHash), token.PreviousHash, token.Salt, token.CreatedAt.UnixMicro(),
		token.RotatedAt.UnixMicro(), token.ExpiresAt.UnixMicro(), token.RevokedAt.UnixMicro(), token.Version+1, token.ID, token.Version)
	return t.s.fail(ctx, "update token", err)
}

// Delete implements kit.TokenStore.
func (t *Tokens) Delete(ctx context.Context, id string) (bool, error) {
	n, err := t.s.write(ctx, tokenDelete, id)
	if err = t.s.absent(ctx, "delete token", err); errors.Is(err, kit.ErrNotFound) {
		return false, nil
	}
	return n > 0, err
}

// ByUser implements kit.TokenStore.
func (t *Tokens) ByUser(ctx context.Context, userID, after string, limit int) ([]kit.Token, error) {
	var tokens []kit.Token
	err := t.s.each(ctx, tokensByUser, []any{userID, after, clampLimit(limit)}, func() { tokens = []kit.Token{} }, func(rows *sql.Rows) error {
		var row tokenRow
		if err := rows.Scan(row.columns()...); err != nil {
			return err
		}
		tokens = append(tokens, row.token())
		return nil
	})
	switch err := t.s.absent(ctx, "tokens by user", err); {
	case errors.Is(err, kit.ErrNotFound):
		return []kit.Token{}, nil
	case err != nil:
		return nil, err
	}
	return tokens, nil
}

// DeleteExpired implements kit.TokenStore.
func (t *Tokens) DeleteExpired(ctx context.Context, before time.Time, limit int) (int, error) {
	n, err := t.s.write(ctx, tokensDeleteExpired, before.UnixMicro(), clampLimit(limit))
	return int(n), t.s.fail(ctx, "delete expired tokens", err)
}

// clampLimit keeps a limit within what the contract allows; to some databases a
// negative one means all rows.
func clampLimit(limit int) int { return max(0, min(limit, maxBatch)) }

// tokenRow is what a row is read into.
type tokenRow struct {
	kit.Token
	created, rotated, expires, revoked int64
}

// columns are the targets of tokenColumns.
func (r *tokenRow) columns() []any {
	return []any{
		&r.ID, (*string)(&r.Type), &r.UserID, &r.SessionID, &r.Epoch, &r.SecretHash, &r.PreviousHash, &r.Salt,
		&r.created, &r.rotated, &r.expires, &r.revoked, &r.Version,
	}
}

func (r *tokenRow) token() kit.Token {
	r.CreatedAt, r.RotatedAt = fromMicros(r.created), fromMicros(r.rotated)
	r.ExpiresAt, r.RevokedAt = fromMicros(r.expires), fromMicros(r.revoked)
	return r.Token
}

// notNull is b for a column that is never NULL: database/sql takes nil for it.
func notNull(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// fromMicros returns the time that UnixMicro gave, the zero Time as itself.
func fromMicros(micros int64) time.Time { return time.UnixMicro(micros).UTC() }
