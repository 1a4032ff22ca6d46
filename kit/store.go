package kit

import (
	"context"
	"time"
)

// Stores are where a [Service] keeps its records. All three are required.
//
// A driver's method Stores returns the three of one database. With tokens elsewhere, such as
// in Redis, replace the one field:
//
//	stores := database.Stores()
//	stores.Tokens = redis.Tokens()
type Stores struct {
	Users UserStore
	// Tokens has what a login can make anew: sessions, and the tokens of mails.
	Tokens TokenStore
	// Credentials has what only its owner can make anew: second factors, passkeys, linked
	// identities, known devices. It is a second TokenStore, another table of the database
	// that has the users, and must be as durable as they are.
	Credentials TokenStore
}

// UserStore keeps users. The package conformance proves an implementation: every sentence
// of this comment has a case there, named after its rule.
//
// Every method:
//   - is safe for concurrent use, also through several handles and processes that share
//     the data;
//   - returns ctx's error, or an error that wraps it or [ErrUnavailable], soon after ctx is
//     done; a context that was done before the call changes nothing;
//   - returns an error that wraps [ErrUnavailable] when the data cannot be reached, or the
//     store has a time limit and it has passed, or the store was closed; it never returns
//     [ErrNotFound] for such a reason. A store needs no time limit: every call of a
//     [Service] has a deadline;
//   - may return an error that wraps [ErrUnavailable] once in a while for a passing reason,
//     such as a deadlock that the database ended, a failover or a full pool. The caller then
//     does not know whether a write has happened;
//   - returns an error that wraps [ErrUnavailable] when an answer is lost on the way; a write
//     then has happened as a whole or not at all, and a call never reports its own write as
//     a conflict;
//   - works again, without being opened anew, soon after the data can be reached;
//   - shares no memory with its caller: the slices in a User are copied on the way in and on
//     the way out;
//   - reads no clock and fills in nothing: what was stored is what comes back.
//
// A User comes back as it was stored, field by field: every Unicode string without U+0000
// byte for byte, Roles and Factors in their order, Settings and Private byte for byte, times
// as the same instant in UTC to the microsecond or better (the zero Time and the year 9999
// included), integers over their whole range. An empty and a nil slice are the same, either
// may come back for the other.
//
// A record that a newer version of MyAuth wrote may have fields that this one does not know,
// and an Update would drop them. Each record that outlives the process carries the version of
// its form; every read of one whose version is newer returns an error that wraps
// [ErrNewerRecord].
//
// A write that was acknowledged is durable, to the degree that the store's own documentation
// says, and every later read sees it, through any handle.
type UserStore interface {
	// Create adds u. It returns [ErrUserExists] when there is a user with the
	// same [EmailKey], or with the same ID; of any number of concurrent calls for
	// one address exactly one succeeds. u is stored with the Version it has.
	Create(ctx context.Context, u User) error

	// ByID returns the user with that ID, or [ErrNotFound].
	ByID(ctx context.Context, id string) (User, error)

	// ByEmail returns the user whose address has the same [EmailKey] as email,
	// or [ErrNotFound]. No other folding applies: U+212A KELVIN SIGN is not k.
	ByEmail(ctx context.Context, email string) (User, error)

	// Update replaces the record with u's ID by u, but only while the stored
	// Version is u.Version; the record then has Version u.Version+1. Otherwise
	// it changes nothing and returns [ErrConflict], or [ErrNotFound] when there
	// is no such user. It returns [ErrUserExists], and changes nothing, when u's
	// Email belongs to another user. Of any number of concurrent calls with
	// one Version exactly one succeeds.
	Update(ctx context.Context, u User) error

	// Delete removes the user with that ID, whatever its version, and frees
	// its address. It returns [ErrNotFound] when there is none; of any number of
	// concurrent calls exactly one succeeds.
	Delete(ctx context.Context, id string) error
}

// UserLister is an optional interface of a [UserStore], for [Service.Users]. The rules of
// UserStore apply. A user who exists throughout a walk over the pages is seen exactly once,
// whatever is created, changed and deleted meanwhile, unless the key of the walk changes.
//
// A page begins behind a key, and never at a number or at something that the store keeps: after
// is a place in the order, whether or not a user has that key now. So a walk goes on when the
// last user of a page is deleted or gets another address, and a page costs what it has, not what
// comes before it. Who gets another address may be seen twice, or not at all, by a walk over the
// addresses.
type UserLister interface {
	// List returns the users whose ID is greater than after, in ascending byte order of
	// their IDs, at most limit (1 to 1000) of them; fewer than limit means that there are
	// no more. None: an empty slice, no error.
	List(ctx context.Context, after string, limit int) ([]User, error)

	// ListByEmail returns the users whose [EmailKey] begins with that of prefix and is
	// greater than that of after, in ascending byte order of their EmailKeys, at most limit
	// (1 to 1000) of them, with the same meaning. No character of prefix is a wildcard; the
	// empty prefix is that of every user.
	ListByEmail(ctx context.Context, prefix, after string, limit int) ([]User, error)
}

// TokenStore keeps tokens and credentials, all as records of the type [Token]. The rules of
// [UserStore] for every method apply here word for word, and so do those for values, times,
// durability and reads after writes; SecretHash, PreviousHash, Salt and Data come back byte
// for byte.
type TokenStore interface {
	// Create adds t, with the Version it has. It returns [ErrConflict] when
	// there is a token with the same ID, whatever its type; of any number of
	// concurrent calls for one ID exactly one succeeds.
	Create(ctx context.Context, t Token) error

	// ByID returns the token with that ID, or [ErrNotFound]. An expired or
	// revoked token is returned like any other: the caller checks it.
	ByID(ctx context.Context, id string) (Token, error)

	// Update replaces the record with t's ID by t, but only while the stored
	// Version is t.Version; the record then has Version t.Version+1. Otherwise
	// it changes nothing and returns [ErrConflict], or [ErrNotFound] when there
	// is no such token. Of any number of concurrent calls with one Version
	// exactly one succeeds. The stored UserID and Type stay as Create stored them.
	// A [Service] never passes others. A store need not compare them: it may leave
	// them out of what it writes, or refuse the Update with any error.
	Update(ctx context.Context, t Token) error

	// Delete removes the token with that ID, but only while the stored Version is
	// version. Otherwise it changes nothing and returns [ErrConflict], or [ErrNotFound]
	// when there is no such token. Of any number of concurrent calls exactly one succeeds.
	Delete(ctx context.Context, id string, version int64) error

	// ByUser returns the tokens of a user, of every type, expired and revoked
	// ones too, whose ID is greater than after, in ascending byte order of their
	// IDs, at most limit (1 to 1000) of them. None: an empty slice, no error.
	ByUser(ctx context.Context, userID, after string, limit int) ([]Token, error)

	// DeleteExpired removes tokens, at most limit (1 to 1000) of them, whose
	// ExpiresAt is not after before, and returns how many this call removed:
	// fewer than limit only when no more are left. It never touches a token
	// whose ExpiresAt is after before, and reads no clock.
	DeleteExpired(ctx context.Context, before time.Time, limit int) (int, error)
}

// OwnedTokenStore is an optional interface of a [TokenStore] that looks a token and its user up in
// one round trip, for [Service.Refresh]. The rules for ByID of both stores apply. A wrapper that embeds
// such a store must have a WithOwner too, which may return nil, because the promoted one goes round it.
type OwnedTokenStore interface {
	// WithOwner returns a look-up of the token with an ID, and of the user whose ID is its
	// UserID. The look-up returns [ErrNotFound] if either is not there. WithOwner returns nil if users is
	// not the store of users in the same database, but another one or a wrapper.
	WithOwner(users UserStore) func(ctx context.Context, tokenID string) (Token, User, error)
}

// Pinger is an optional interface of stores: Ping returns nil when the store
// answers, and an error that wraps [ErrUnavailable] when it does not.
// [Service.Ready] uses it.
type Pinger interface {
	Ping(ctx context.Context) error
}
