//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package main

import (
	"context"
	"time"

	"myauth.internal/kit"
)

// Create implements kit.UserStore.
func (s Users) Create(ctx context.Context, u kit.User) error { return s.put(ctx, "create user", u) }

// Update implements kit.UserStore.
func (s Users) Update(ctx context.Context, u kit.User) error { return s.put(ctx, "update user", u) }

func (s Users) put(ctx context.Context, op string, u kit.User) error {
	record := userRecord(u)
	record.CreatedAt, record.UpdatedAt, record.Settings = u.CreatedAt.UTC(), u.UpdatedAt.UTC(), nil
	_, err := s.write(ctx, line{Op: op, User: record, Hash: string(u.PasswordHash), Settings: u.Settings})
	return err
}

// Delete implements kit.UserStore.
func (s Users) Delete(ctx context.Context, id string) error {
	_, err := s.write(ctx, line{Op: "delete user", ID: id})
	return err
}

// ByID implements kit.UserStore.
func (s Users) ByID(ctx context.Context, id string) (u kit.User, err error) {
	err = s.read(ctx, func() error { u, err = s.memory.Users().ByID(ctx, id); return err })
	return u, err
}

// ByEmail implements kit.UserStore.
func (s Users) ByEmail(ctx context.Context, email string) (u kit.User, err error) {
	err = s.read(ctx, func() error { u, err = s.memory.Users().ByEmail(ctx, email); return err })
	return u, err
}

// Create implements kit.TokenStore.
func (s Tokens) Create(ctx context.Context, t kit.Token) error { return s.put(ctx, "create token", t) }

// Update implements kit.TokenStore.
func (s Tokens) Update(ctx context.Context, t kit.Token) error { return s.put(ctx, "update token", t) }

func (s Tokens) put(ctx context.Context, op string, t kit.Token) error {
	record := tokenRecord(t)
	record.CreatedAt, record.RotatedAt, record.ExpiresAt, record.RevokedAt = t.CreatedAt.UTC(), t.RotatedAt.UTC(), t.ExpiresAt.UTC(), t.RevokedAt.UTC()
	_, err := s.write(ctx, line{Op: op, Token: record})
	return err
}

// Delete implements kit.TokenStore.
func (s Tokens) Delete(ctx context.Context, id string) (bool, error) {
	n, err := s.write(ctx, line{Op: "delete token", ID: id})
	return n > 0, err
}

// ByID implements kit.TokenStore.
func (s Tokens) ByID(ctx context.Context, id string) (t kit.Token, err error) {
	err = s.read(ctx, func() error { t, err = s.memory.Tokens().ByID(ctx, id); return err })
	return t, err
}

// ByUser implements kit.TokenStore.
func (s Tokens) ByUser(ctx context.Context, userID, after string, limit int) (list []kit.Token, err error) {
	err = s.read(ctx, func() error { list, err = s.memory.Tokens().ByUser(ctx, userID, after, limit); return err })
	return list, err
}

// DeleteExpired implements kit.TokenStore.
func (s Tokens) DeleteExpired(ctx context.Context, before time.Time, limit int) (int, error) {
	return s.write(ctx, line{Op: "delete expired", before: before, limit: min(max(limit, 1), 1000)})
}
