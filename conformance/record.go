package conformance

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"myauth.internal/kit"
)

// record is a user or a token. What the two contracts say in the same words is tested
// through it, by cases that are written once.
type record interface {
	// all points at the record's kit.User or kit.Token.
	all() any
	id() string
	// numbers points at the Version, and at an integer that Update can change.
	numbers() (version, epoch *int64)
	setID(id string)
	clone() record
	// as returns a copy with the ID of another record, and its address or user.
	as(other record) record
	// bare returns a record of the same identity with nothing else, and at another
	// address if it has one.
	bare() record

	// create returns what taken does when the record exists.
	create(ctx context.Context, h *handle) error
	taken() error
	byID(ctx context.Context, h *handle) (record, error)
	// byIndex reads the record by the method that index names, ByEmail or ByUser, and by
	// what it asks for. It returns kit.ErrNotFound when the user's list lacks the token.
	byIndex(ctx context.Context, h *handle) (record, error)
	index() (method, asked string)
	update(ctx context.Context, h *handle) error
	// delete returns kit.ErrNotFound when there was nothing to remove.
	delete(ctx context.Context, h *handle) error
}

// way is one of the ways to read a record.
type way struct {
	method string
	call   string // the method and what it asks for
	read   func(ctx context.Context, h *handle) (record, error)
}

func ways(r record) []way {
	method, asked := r.index()
	return []way{{"ByID", "ByID of " + brief(r.id()), r.byID}, {method, method + " of " + asked, r.byIndex}}
}

// user and token are the two kinds of records.
type (
	user  struct{ kit.User }
	token struct{ kit.Token }
)

func (u *user) all() any               { return &u.User }
func (u *user) id() string             { return u.ID }
func (u *user) setID(id string)        { u.ID = id }
func (u *user) index() (_, _ string)   { return "ByEmail", brief(u.Email) }
func (u *user) taken() error           { return kit.ErrUserExists }
func (u *user) numbers() (_, _ *int64) { return &u.Version, &u.SessionEpoch }
func (u *user) copy() *user            { return &user{u.Clone()} }
func (u *user) clone() record          { return u.copy() }
func (u *user) as(other record) record {
	u = u.copy()
	u.ID, u.Email = other.(*user).ID, other.(*user).Email
	return u
}
func (u *user) bare() record {
	return &user{kit.User{ID: u.ID, Email: "another@example.com", Version: u.Version}}
}

func (u *user) create(ctx context.Context, h *handle) error { return h.Users.Create(ctx, u.User) }
func (u *user) update(ctx context.Context, h *handle) error { return h.Users.Update(ctx, u.User) }
func (u *user) delete(ctx context.Context, h *handle) error { return h.Users.Delete(ctx, u.ID) }
func (u *user) byID(ctx context.Context, h *handle) (record, error) {
	got, err := h.Users.ByID(ctx, u.ID)
	return &user{got}, err
}
func (u *user) byIndex(ctx context.Context, h *handle) (record, error) {
	got, err := h.Users.ByEmail(ctx, u.Email)
	return &user{got}, err
}

func (t *token) all() any               { return &t.Token }
func (t *token) id() string             { return t.ID }
func (t *token) setID(id string)        { t.ID = id }
func (t *token) index() (_, _ string)   { return "ByUser", brief(t.UserID) + ", token " + brief(t.ID) }
func (t *token) taken() error           { return kit.ErrConflict }
func (t *token) numbers() (_, _ *int64) { return &t.Version, &t.Epoch }
func (t *token) copy() *token           { return &token{t.Clone()} }
func (t *token) clone() record          { return t.copy() }
func (t *token) as(other record) record {
	t = t.copy()
	t.ID, t.UserID = other.(*token).ID, other.(*token).UserID
	return t
}
func (t *token) bare() record {
	return &token{kit.Token{ID: t.ID, UserID: t.UserID, Type: t.Type, Version: t.Version}}
}

func (t *token) create(ctx context.Context, h *handle) error { return h.Tokens.Create(ctx, t.Token) }
func (t *token) update(ctx context.Context, h *handle) error { return h.Tokens.Update(ctx, t.Token) }
func (t *token) delete(ctx context.Context, h *handle) error {
	return h.Tokens.Delete(ctx, t.ID, t.Version)
}
func (t *token) byID(ctx context.Context, h *handle) (record, error) {
	got, err := h.Tokens.ByID(ctx, t.ID)
	return &token{got}, err
}
func (t *token) byIndex(ctx context.Context, h *handle) (record, error) {
	list, err := h.Tokens.ByUser(ctx, t.UserID, "", 1000)
	if err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(list, func(other kit.Token) bool { return other.ID != t.ID })
	switch len(list) {
	case 0:
		return nil, fmt.Errorf("ByUser does not list it: %w", kit.ErrNotFound)
	case 1:
		return &token{list[0]}, nil
	}
	return nil, fmt.Errorf("ByUser lists it %d times", len(list))
}

// epoch is the time around which the suite's records lie. No store compares it
// with a clock.
var epoch = time.Date(2024, time.February, 29, 23, 59, 59, 123456000, time.UTC)

// newUser returns a user whose fields are all set and differ from one name to
// another.
func newUser(name string) *user {
	return &user{kit.User{
		ID:              "user-" + name,
		Email:           name + "@example.com",
		Username:        "Name of " + name,
		PasswordHash:    kit.Secret("$2b$12$" + base64.RawStdEncoding.EncodeToString(hashOf(name))),
		Roles:           []string{"staff", "admin", name},
		Settings:        json.RawMessage(`{"name":"` + name + `","theme":{"dark":true}}`),
		Private:         json.RawMessage(`{"note":"about ` + name + `"}`),
		Factors:         []string{"totp", "passkey", "factor of " + name},
		Verified:        true,
		Active:          true,
		SessionEpoch:    3,
		CredentialEpoch: 4,
		CreatedAt:       epoch,
		UpdatedAt:       epoch.Add(time.Hour),
		Version:         1,
	}}
}

// newToken returns a refresh token whose fields are all set and differ from one
// name to another.
func newToken(name, userID string) *token {
	return &token{kit.Token{
		ID:           tokenID(name),
		Type:         kit.RefreshToken,
		UserID:       userID,
		SessionID:    "session-" + name,
		Epoch:        3,
		SecretHash:   hashOf("secret " + name),
		PreviousHash: hashOf("previous " + name),
		Salt:         hashOf("salt " + name),
		Data:         []byte("data of " + name),
		CreatedAt:    epoch,
		RotatedAt:    epoch.Add(time.Minute),
		ExpiresAt:    epoch.Add(time.Hour),
		RevokedAt:    epoch.Add(2 * time.Minute),
		Version:      1,
	}}
}

// newReset returns a password-reset token, with the fields empty that such a
// token leaves empty.
func newReset(name, userID string) *token {
	t := newToken(name, userID)
	t.Type, t.SessionID = kit.PasswordResetToken, ""
	t.PreviousHash, t.Salt, t.Data = nil, nil, nil
	t.RotatedAt, t.RevokedAt = time.Time{}, time.Time{}
	return t
}

// tokenID returns 22 characters of base64url, the form that every token ID has.
func tokenID(name string) string {
	return base64.RawURLEncoding.EncodeToString(hashOf("id " + name)[:16])
}

func hashOf(s string) []byte {
	sum := sha256.Sum256([]byte(s))
	return sum[:]
}
