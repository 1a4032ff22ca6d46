package kit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"myauth.internal/kit/throttle"
)

// Core is what a [Feature] may do. Each call of a store has a deadline, and its errors are those
// of the store contract. The zero Core is of no use: New makes one for each feature.
type Core struct {
	svc     *Service
	feature string
}

// Service is the one that the feature is attached to, for a feature that serves administrators.
// It works once New has returned.
func (c *Core) Service() *Service { return c.svc }

// Now returns the time, in UTC and to the microsecond.
func (c *Core) Now() time.Time { return c.svc.now() }

// Issuer is Options.JWTIssuer.
func (c *Core) Issuer() string { return c.svc.opts.JWTIssuer }

// Logger is Options.Logger.
func (c *Core) Logger() *slog.Logger { return c.svc.opts.Logger }

// User returns a user. Errors: [ErrUserNotFound].
func (c *Core) User(ctx context.Context, id string) (User, error) { return c.svc.UserByID(ctx, id) }

// UserByEmail returns the user with that address. Errors: [ErrUserNotFound].
func (c *Core) UserByEmail(ctx context.Context, email string) (User, error) {
	return c.svc.UserByEmail(ctx, email)
}

// Register creates an active account without a password, whose address is not verified, for a
// way to sign in that needs none. Hooks.BeforeRegister is asked, and no mail is sent. The feature
// creates its record after that, and marks the address as verified last, if that is proved: until
// then nothing logs in to the account, and the feature may claim it when it tries again.
//
// Errors: [ErrRegistrationClosed], a [ValidationError] of email and username, [ErrUserExists], what
// Hooks.BeforeRegister returns.
func (c *Core) Register(ctx context.Context, email, username string) (User, error) {
	return c.svc.register(ctx, Registration{Email: email, Username: username})
}

// ChangeUser reads a user, calls change, and writes the result unless another call wrote
// meanwhile; then it begins again. So change may be called more than once, also after its own
// write: it returns [ErrUnchanged] when it finds its work done, and any other error to refuse.
// changed reports whether this call has changed the record. Errors: [ErrUserNotFound].
func (c *Core) ChangeUser(ctx context.Context, id string, change func(*User) error) (u User, changed bool, err error) {
	return c.svc.changeUser(ctx, id, change)
}

// recordType returns the type of the feature's records of one kind: its name, and the kind if
// it is not empty.
func (c *Core) recordType(kind string) TokenType {
	if kind == "" {
		return TokenType(c.feature)
	}
	return TokenType(c.feature + "/" + kind)
}

// Tokens are the records that a login can make anew. The Type of a feature's own is its name, or
// begins with its name and a slash.
func (c *Core) Tokens() TokenStore { return c.svc.tokens }

// Credentials are the records that only their owner can make anew. [Core.Create] and the methods
// after it are the safe way to them.
func (c *Core) Credentials() TokenStore { return c.svc.credentials }

// Credential returns a record of u that does not expire and is unique by kind and key, such
// as a passkey by its credential ID: see [Core.Create]. It is void when the user's
// CredentialEpoch changes. The feature sets Data, and ExpiresAt for one that expires. A record
// of the zero User belongs to no user: it must expire.
func (c *Core) Credential(u User, kind, key string) Token {
	t := derivedRecord(c.recordType(kind), key)
	t.UserID, t.Epoch = u.ID, u.CredentialEpoch
	t.CreatedAt, t.ExpiresAt = c.Now(), never
	return t
}

// Create stores a record that [Core.Credential] made. Of any number of records with one kind
// and key, of one user or of many, one is stored. The others get [ErrConflict], until it
// expires, its user is deleted, or the user's credentials are voided. If that happens to the
// user of t at the same time, Create returns [ErrRevokedToken].
func (c *Core) Create(ctx context.Context, t Token) error { return c.svc.createUnique(ctx, t) }

// Put stores a record that [Core.Credential] made, in place of the user's own record with that
// key, if there is one. Errors: [ErrConflict] if it is another user's.
func (c *Core) Put(ctx context.Context, t Token) error { return c.svc.putUnique(ctx, t, always) }

// Find returns the live record with a kind and key, or [ErrNotFound].
func (c *Core) Find(ctx context.Context, kind, key string) (Token, error) {
	id, hash := derivedID(c.recordType(kind), key)
	t, err := c.svc.credentials.ByID(ctx, id)
	if err != nil {
		return Token{}, err
	}
	if live, err := c.svc.live(ctx, t); err != nil {
		return Token{}, err
	} else if !live || !sameHash(t.SecretHash, hash) {
		return Token{}, ErrNotFound
	}
	return t, nil
}

// List returns the live records of u of one kind.
func (c *Core) List(ctx context.Context, u User, kind string) ([]Token, error) {
	var list []Token
	err := eachToken(ctx, c.svc.credentials, u.ID, func(t Token) error {
		if t.Type == c.recordType(kind) && t.Epoch == u.CredentialEpoch && t.RevokedAt.IsZero() && c.Now().Before(t.ExpiresAt) {
			list = append(list, t)
		}
		return nil
	})
	return list, err
}

// Change changes a credential: change, compare and swap, and read again after losing. change
// may refuse with an error, and may be called more than once. A change that must happen once
// refuses what it finds done by another call; its own write is never shown to it.
func (c *Core) Change(ctx context.Context, t Token, change func(*Token) error) (Token, error) {
	return c.svc.changeRecord(ctx, c.svc.credentials, t, change)
}

// Remove deletes a credential, whatever its version. One that is gone is no error.
func (c *Core) Remove(ctx context.Context, t Token) error {
	return remove(ctx, c.svc.credentials, t)
}

// Once uses up a key of some kind until a time, such as a nonce: of any number of calls, of any
// instance, one returns nil and the others [ErrConflict].
func (c *Core) Once(ctx context.Context, userID, kind, key string, until time.Time) error {
	return c.svc.once(ctx, userID, c.feature+"/"+kind, key, until)
}

// SealState seals what must be known again at a later request, for the client to bring back.
// Only [Core.OpenState] of this feature with the same kind and binding opens it, until a time.
// Begin must write nothing, or strangers can fill the store. data has at most 8 KiB.
func (c *Core) SealState(kind string, until time.Time, data []byte, binding ...string) (Secret, error) {
	text, err := c.svc.sealState(c.feature+"/"+kind, until, data, binding...)
	return Secret(text), err
}

// State is what [Core.OpenState] opened.
type State struct {
	unprinted

	// Data is what was sealed.
	Data []byte
	open openState
}

// OpenState opens what SealState sealed. A state is good for any number of calls until
// [Core.SpendState]. Errors: [ErrInvalidToken], [ErrExpiredToken].
func (c *Core) OpenState(kind, text string, binding ...string) (State, error) {
	opened, err := c.svc.openState(text, c.feature+"/"+kind, binding...)
	return State{Data: opened.data, open: opened}, err
}

// SpendState uses a state up: of any number of calls one returns nil, and the others
// [ErrRevokedToken]. userID is whose it is, or empty. The record goes with its user, so leave it
// empty if the state could make the account anew.
func (c *Core) SpendState(ctx context.Context, userID string, st State) error {
	return c.svc.spendState(ctx, userID, st.open)
}

// StateSpent reports whether a state was used up, and writes nothing.
func (c *Core) StateSpent(ctx context.Context, st State) (bool, error) {
	return c.svc.stateSpent(ctx, st.open)
}

// Suspend keeps a login that a gate refuses until the user has done something, such as
// accepted new terms: it spends the proof of l, and returns the login sealed, for the client to
// bring back until a time.
func (c *Core) Suspend(ctx context.Context, l Login, until time.Time) (Secret, error) {
	text, err := c.svc.sealLogin(c.loginKind(), l, until)
	if err == nil && l.Spend != nil {
		err = l.Spend(ctx)
	}
	if err != nil {
		return "", err
	}
	return Secret(text), nil
}

// loginKind is no kind of SealState, so a feature cannot seal a login of a client's making.
func (c *Core) loginKind() string { return "suspended login of " + c.feature }

// Resume returns a login that Suspend kept, for [Core.Grant], which lets it log in once, and
// not after its sessions or credentials were ended. Errors: [ErrInvalidToken],
// [ErrExpiredToken].
func (c *Core) Resume(text string) (Login, error) { return c.svc.openLogin(c.loginKind(), text) }

// Seal seals a secret of a credential under Options.DataKeys: only for this record, type and
// user it opens again. Errors: [ErrNoDataKeys].
func (c *Core) Seal(t Token, secret []byte) ([]byte, error) {
	if c.svc.opts.DataKeys == nil {
		return nil, ErrNoDataKeys
	}
	return c.svc.opts.DataKeys.Seal(secret, sealContext(t)...), nil
}

// Open opens what Seal sealed. outdated says that another key than the first was used: seal it
// again at the next write. Errors: [ErrNoDataKeys], those of package seal.
func (c *Core) Open(t Token, sealed []byte) (secret []byte, outdated bool, err error) {
	if c.svc.opts.DataKeys == nil {
		return nil, false, ErrNoDataKeys
	}
	return c.svc.opts.DataKeys.Open(sealed, sealContext(t)...)
}

func sealContext(t Token) []string { return []string{string(t.Type), t.ID, t.UserID} }

// ErrNoDataKeys says that a feature keeps secrets that must be readable again.
var ErrNoDataKeys = errors.New("kit: a feature needs Options.DataKeys: see package seal")

// Attempt asks Options.Limiter, calls check, which compares the secret, and tells the limiter
// what came of it by the error that check returns, which it returns too. guess is the secret
// that is tried, or empty. Time, IP, Guess and Recoverable of a are filled in. Errors: a
// [throttle.LimitError], that of check.
func (c *Core) Attempt(ctx context.Context, a throttle.Attempt, guess string, check func() error) (err error) {
	ch, err := c.svc.attempt(ctx, a, guess)
	if err != nil {
		return err
	}
	defer ch.end(ctx, &err)
	return check()
}

// Emit passes an event to the audit stream. Time and Client are filled in.
func (c *Core) Emit(ctx context.Context, e Event) { c.svc.emit(ctx, e) }

// CanMail reports whether mails of a kind are sent at all: there is Options.Mailer, and
// Options.WithoutMails does not have the kind. A feature whose user would wait for the mail asks
// before, and returns [ErrEmailNotConfigured].
func (c *Core) CanMail(kind MailKind) bool { return c.svc.canMail(kind) }

// Mail queues a mail to u, at the address that u has, of a kind that is among the feature's
// Mails. It is not sent within the call, and without Options.Mailer not at all. A mail of
// another kind, or to an address that no account could have, is logged as an error and not
// sent. With the zero User it goes to content.To, whether or not there is an account: the work is
// the same, and its mailbox gets few of a kind, also of a notice.
func (c *Core) Mail(ctx context.Context, kind MailKind, u User, content MailContent) {
	_, ours := c.svc.mailRules[kind]
	to, bad := checkEmail("to", cmp.Or(content.To, u.Email))
	if !ours || len(bad) > 0 {
		c.svc.opts.Logger.ErrorContext(ctx, "myauth: a feature sent a mail of a kind that is not among its Mails, or to an invalid address", "feature", c.feature, "kind", kind)
		return
	}
	if content.To != "" {
		content.To = to
	}
	c.svc.queueMailWith(ctx, kind, u, content)
}

// RequestMail queues a mail of the feature to the active account with an address, if there is
// one, such as a link to log in. It does the same work for every address, so neither its answer
// nor its time tells who has an account: the queue looks the account up a moment later, and
// then calls content, with an account that may be of any state but inactive. An attempt of that
// action is charged.
//
// Errors: [ErrEmailNotConfigured], a [ValidationError], a [throttle.LimitError].
func (c *Core) RequestMail(ctx context.Context, action throttle.Action, kind MailKind, email string, content func(context.Context, User) (MailContent, error)) error {
	if _, ours := c.svc.mailRules[kind]; !ours {
		return fmt.Errorf("kit: feature %s requests a mail of the kind %q, which is not among its Mails", c.feature, kind)
	}
	return c.svc.requestMail(ctx, action, kind, email, MailContent{fill: content})
}

// Grant is [Service.Grant].
func (c *Core) Grant(ctx context.Context, l Login) (TokenPair, error) { return c.svc.Grant(ctx, l) }
