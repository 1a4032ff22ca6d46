//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package main

import (
	"context"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/memstore"
)

var (
	_ kit.UserStore  = Users{}
	_ kit.UserLister = Users{}
	_ kit.TokenStore = Tokens{}
	_ kit.Pinger     = (*Store)(nil)
)

// Create implements kit.UserStore.
func (s Users) Create(ctx context.Context, u kit.User) error { return s.put(ctx, "create", u) }

// Update implements kit.UserStore.
func (s Users) Update(ctx context.Context, u kit.User) error { return s.put(ctx, "update", u) }

func (s Users) put(ctx context.Context, op string, u kit.User) error {
	record := userRecord(u)
	record.CreatedAt, record.UpdatedAt, record.Settings, record.Private = u.CreatedAt.UTC(), u.UpdatedAt.UTC(), nil, nil
	_, err := s.write(ctx, line{Op: op, Table: "users", ID: u.ID, User: record, Hash: string(u.PasswordHash), Settings: u.Settings, Private: u.Private})
	return err
}

// Delete implements kit.UserStore.
func (s Users) Delete(ctx context.Context, id string) error {
	_, err := s.write(ctx, line{Op: "delete", Table: "users", ID: id})
	return err
}

// ByID implements kit.UserStore.
func (s Users) ByID(ctx context.Context, id string) (kit.User, error) {
	return readOne(ctx, s.Store, "users", userID, func() (kit.User, error) { return s.memory.Users().ByID(ctx, id) })
}

// ByEmail implements kit.UserStore.
func (s Users) ByEmail(ctx context.Context, email string) (kit.User, error) {
	return readOne(ctx, s.Store, "users", userID, func() (kit.User, error) { return s.memory.Users().ByEmail(ctx, email) })
}

// List implements kit.UserLister.
func (s Users) List(ctx context.Context, after string, limit int) ([]kit.User, error) {
	return read(ctx, s.Store, "users", userID, func() ([]kit.User, error) { return s.memory.Users().List(ctx, after, limit) })
}

// ListByEmail implements kit.UserLister.
func (s Users) ListByEmail(ctx context.Context, prefix, after string, limit int) ([]kit.User, error) {
	return read(ctx, s.Store, "users", userID, func() ([]kit.User, error) { return s.memory.Users().ListByEmail(ctx, prefix, after, limit) })
}

func userID(u kit.User) string { return u.ID }

// Create implements kit.TokenStore.
func (s Tokens) Create(ctx context.Context, t kit.Token) error { return s.put(ctx, "create", t) }

// Update implements kit.TokenStore.
func (s Tokens) Update(ctx context.Context, t kit.Token) error { return s.put(ctx, "update", t) }

func (s Tokens) put(ctx context.Context, op string, t kit.Token) error {
	record := tokenRecord(t)
	record.CreatedAt, record.RotatedAt, record.ExpiresAt, record.RevokedAt = t.CreatedAt.UTC(), t.RotatedAt.UTC(), t.ExpiresAt.UTC(), t.RevokedAt.UTC()
	_, err := s.write(ctx, line{Op: op, Table: s.table, ID: t.ID, Token: record})
	return err
}

// Delete implements kit.TokenStore.
func (s Tokens) Delete(ctx context.Context, id string, version int64) error {
	_, err := s.write(ctx, line{Op: "delete", Table: s.table, ID: id, Version: version})
	return err
}

// ByID implements kit.TokenStore.
func (s Tokens) ByID(ctx context.Context, id string) (kit.Token, error) {
	return readOne(ctx, s.Store, s.table, tokenID, func() (kit.Token, error) { return s.memory().ByID(ctx, id) })
}

// ByUser implements kit.TokenStore.
func (s Tokens) ByUser(ctx context.Context, userID, after string, limit int) ([]kit.Token, error) {
	return read(ctx, s.Store, s.table, tokenID, func() ([]kit.Token, error) { return s.memory().ByUser(ctx, userID, after, limit) })
}

// DeleteExpired implements kit.TokenStore.
func (s Tokens) DeleteExpired(ctx context.Context, before time.Time, limit int) (int, error) {
	return s.write(ctx, line{Op: "purge", Table: s.table, before: before, limit: min(max(limit, 1), 1000)})
}

func tokenID(t kit.Token) string { return t.ID }

func (s Tokens) memory() *memstore.Tokens {
	if s.table == "credentials" {
		return s.Store.memory.Credentials()
	}
	return s.Store.memory.Tokens()
}
