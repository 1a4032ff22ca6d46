package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"myauth.internal/kit"
)

const (
	tokenKeys = `id, token_type, user_id` // which no update writes
	// tokenColumns are the others, in the order of tokenValues and scanToken.
	tokenColumns  = `session_id, epoch, secret_hash, previous_hash, salt, data, created_at, rotated_at, expires_at, revoked_at, version`
	tokenSelected = `form, ` + tokenKeys + `, ` + tokenColumns
	// tokenWritten has besides when the purge looks at a row: at expires_at, as it was when the row was
	// made or when a purge last looked. A refresh changes expires_at and leaves purge_at, so it
	// writes no index. Only a token that would expire before it gets another one.
	tokenWritten = tokenColumns + `, purge_at`
)

const (
	tokenCreate = iota
	tokenByID
	tokenWithOwner
	tokenUpdate
	tokenUpdateEarlier
	tokenVersion
	tokenDelete
	tokensByUser
	tokensDeleteExpired
	tokensPutOff
	tokenTexts // their number
)

// tokenTexts are the statements of one of the tables tokens and credentials.
func (d Dialect) tokenTexts(table string) (texts [tokenTexts]string) {
	written := count(tokenWritten)
	for i, text := range [tokenTexts]string{
		tokenCreate:         insert(table, tokenKeys+`, `+tokenWritten),
		tokenByID:           row(tokenSelected, table, `id`),
		tokenUpdate:         set(table, tokenColumns) + fmt.Sprintf(`purge_at <= $%d AND `, written) + unchanged(written),
		tokenUpdateEarlier:  set(table, tokenWritten) + unchanged(written),
		tokenWithOwner:      joined(tokenSelected, table, userSelected),
		tokenVersion:        look(table),
		tokenDelete:         `DELETE FROM ` + table + ` WHERE id = $1 AND version = $2 AND ` + known,
		tokensByUser:        page(tokenSelected, table, `user_id = $1 AND id > $2`, `id`),
		tokensDeleteExpired: `DELETE FROM ` + table + ` WHERE purge_at >= expires_at AND ` + d.Due(table, known),
		tokensPutOff:        `UPDATE ` + table + ` SET purge_at = expires_at WHERE purge_at < expires_at AND ` + d.Due(table, known),
	} {
		texts[i] = d.qualify(text)
	}
	return texts
}

// tokenValues appends what is stored of a token beside its keys.
func tokenValues(values []any, t kit.Token, version int64) []any {
	return append(values, t.SessionID, t.Epoch, notNull(t.SecretHash), t.PreviousHash, t.Salt, t.Data,
		t.CreatedAt.UnixMicro(), t.RotatedAt.UnixMicro(), t.ExpiresAt.UnixMicro(), t.RevokedAt.UnixMicro(), version, t.ExpiresAt.UnixMicro())
}

// tokenScan is what a row of a token has beside what scan puts into the token itself.
type tokenScan struct{ form, created, rotated, expires, revoked int64 }

// places are where the columns go.
func (r *tokenScan) places(places []any, t *kit.Token) []any {
	return append(places, &r.form, &t.ID, (*string)(&t.Type), &t.UserID, &t.SessionID, &t.Epoch, &t.SecretHash, &t.PreviousHash, &t.Salt, &t.Data,
		&r.created, &r.rotated, &r.expires, &r.revoked, &t.Version)
}

func (r *tokenScan) finish(t *kit.Token, err error) error {
	t.CreatedAt, t.RotatedAt = fromMicros(r.created), fromMicros(r.rotated)
	t.ExpiresAt, t.RevokedAt = fromMicros(r.expires), fromMicros(r.revoked)
	return checkForm(r.form, err)
}

func scanToken(rows *sql.Rows, t *kit.Token) error {
	var r tokenScan
	return r.finish(t, rows.Scan(r.places(make([]any, 0, maxRead), t)...))
}

// Tokens implements kit.TokenStore and kit.Pinger, on the table tokens or credentials. Times
// are kept to the microsecond.
type Tokens struct {
	s     *Store
	texts *[tokenTexts]string
}

var (
	_ kit.TokenStore      = (*Tokens)(nil)
	_ kit.OwnedTokenStore = (*Tokens)(nil)
	_ kit.Pinger          = (*Tokens)(nil)
)

// Ping implements kit.Pinger.
func (t *Tokens) Ping(ctx context.Context) error { return t.s.ping(ctx) }

// Create implements kit.TokenStore.
func (t *Tokens) Create(ctx context.Context, token kit.Token) error {
	keys := append(make([]any, 0, maxValues), token.ID, string(token.Type), token.UserID)
	err := t.s.add(ctx, t.texts[tokenCreate], kit.ErrConflict, tokenValues(keys, token, token.Version))
	return t.s.fail(ctx, "create token", err)
}

// ByID implements kit.TokenStore.
func (t *Tokens) ByID(ctx context.Context, id string) (kit.Token, error) {
	token, err := one(ctx, t.s, scanToken, t.texts[tokenByID], id)
	return token, t.s.absent(ctx, "token by id", err)
}

// ownedToken is a token with its user.
type ownedToken struct {
	token kit.Token
	user  kit.User
}

func scanOwned(rows *sql.Rows, o *ownedToken) error {
	var t tokenScan
	var u userScan
	err := rows.Scan(u.places(t.places(make([]any, 0, maxRead), &o.token), &o.user)...)
	return u.finish(&o.user, t.finish(&o.token, err))
}

// WithOwner implements kit.OwnedTokenStore for users of the same store.
func (t *Tokens) WithOwner(users kit.UserStore) func(context.Context, string) (kit.Token, kit.User, error) {
	if users != kit.UserStore(&t.s.users) {
		return nil
	}
	return func(ctx context.Context, id string) (kit.Token, kit.User, error) {
		o, err := one(ctx, t.s, scanOwned, t.texts[tokenWithOwner], id)
		return o.token, o.user, t.s.absent(ctx, "token with its user", err)
	}
}

// Update implements kit.TokenStore.
func (t *Tokens) Update(ctx context.Context, token kit.Token) error {
	values := tokenValues(make([]any, 0, maxValues), token, token.Version+1)
	err := t.s.swap(ctx, t.texts[tokenUpdate:tokenUpdateEarlier+1], t.texts[tokenVersion], token.ID, token.Version, values)
	return t.s.fail(ctx, "update token", err)
}

// Delete implements kit.TokenStore.
func (t *Tokens) Delete(ctx context.Context, id string, version int64) error {
	err := t.s.swap(ctx, t.texts[tokenDelete:tokenDelete+1], t.texts[tokenVersion], id, version, nil)
	return t.s.absent(ctx, "delete token", err)
}

// ByUser implements kit.TokenStore.
func (t *Tokens) ByUser(ctx context.Context, userID, after string, limit int) ([]kit.Token, error) {
	tokens, err := list(ctx, t.s, scanToken, t.texts[tokensByUser], userID, after, clampLimit(limit))
	return nothing(tokens, t.s.absent(ctx, "tokens by user", err))
}

// DeleteExpired implements kit.TokenStore. Each statement reads the first rows that are due, and no
// more of them, however many there are: one deletes those that have expired, and if these are too few, another
// puts off those that have been extended, so that others are the first. Of calls that do so at once one may
// find nothing to put off, because another has just done it. It gives way: the other goes on.
func (t *Tokens) DeleteExpired(ctx context.Context, before time.Time, limit int) (int, error) {
	at := before.UnixMicro()
	limit = clampLimit(limit)
	for removed := 0; ; {
		n, err := t.s.write(ctx, t.texts[tokensDeleteExpired], at, limit-removed)
		removed += int(n)
		if err == nil && removed < limit {
			if n, err = t.s.write(ctx, t.texts[tokensPutOff], at, maxLimit); n > 0 {
				continue
			}
		}
		return removed, t.s.fail(ctx, "delete expired tokens", err)
	}
}

// maxLimit is the highest limit that the contract allows.
const maxLimit = 1000

// clampLimit keeps a limit within what the contract allows: to some databases a negative
// one means all rows.
func clampLimit(limit int) int { return max(0, min(limit, maxLimit)) }

// notNull returns b for a column that is never NULL, which database/sql makes of nil.
func notNull(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// fromMicros returns the time that UnixMicro gave, the zero Time as itself.
func fromMicros(micros int64) time.Time { return time.UnixMicro(micros).UTC() }
