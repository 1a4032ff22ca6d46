package storebench_test

import (
	"context"
	"testing"
	"time"

	"myauth.internal/conformance"
	"myauth.internal/conformance/storebench"
	"myauth.internal/kit"
	"myauth.internal/kit/memstore"
)

// BenchmarkMemstore has no client beside the store, so the two forms are the same
// calls: their ratios say how far one may trust the others.
func BenchmarkMemstore(b *testing.B) {
	s := memstore.New()
	users, tokens := s.Users(), s.Tokens()
	storebench.Run(b, conformance.Stores{Users: users, Tokens: tokens}, storebench.Bare{
		UserByID:    func(ctx context.Context, id string) error { _, err := users.ByID(ctx, id); return err },
		UserByEmail: func(ctx context.Context, key string) error { _, err := users.ByEmail(ctx, key); return err },
		UserCreate:  func(ctx context.Context, u kit.User) error { return users.Create(ctx, u) },
		TokenByID:   func(ctx context.Context, id string) error { _, err := tokens.ByID(ctx, id); return err },
		TokenCreate: func(ctx context.Context, t kit.Token) error { return tokens.Create(ctx, t) },
		TokenUpdate: func(ctx context.Context, t kit.Token) error { return tokens.Update(ctx, t) },
		DeleteExpired: func(ctx context.Context, before time.Time, limit int) (int, error) {
			return tokens.DeleteExpired(ctx, before, limit)
		},
	})
}
