package transfer

import (
	"context"
	"errors"
	"hash/maphash"
	"sync"

	"myauth.internal/kit"
	"myauth.internal/kit/memstore"
)

// dryRun returns a Service that imports into nothing.
func dryRun(svc *kit.Service) *kit.Service {
	dry, _ := svc.Within(kit.Stores{
		Users:       &dryUsers{svc: svc, seen: map[uint64]bool{}},
		Credentials: dryCredentials{memstore.New().Credentials()},
	})
	return dry
}

// dryUsers are the users of a Service and those that an import would add, of which it knows the
// hashes of ID and address.
type dryUsers struct {
	kit.UserStore // nil: nothing else is called
	svc           *kit.Service
	mu            sync.Mutex
	seen          map[uint64]bool
}

func (d *dryUsers) ByID(ctx context.Context, id string) (kit.User, error) {
	u, err := d.svc.UserByID(ctx, id)
	if errors.Is(err, kit.ErrUserNotFound) {
		err = kit.ErrNotFound
	}
	return u, err
}

func (d *dryUsers) Create(ctx context.Context, u kit.User) error {
	_, err := d.svc.UserByEmail(ctx, u.Email)
	if err == nil {
		return kit.ErrUserExists
	} else if !errors.Is(err, kit.ErrUserNotFound) {
		return err
	}
	id, email := maphash.String(seed, "id\x00"+u.ID), maphash.String(seed, "email\x00"+kit.EmailKey(u.Email))
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.seen[id] || d.seen[email] {
		return kit.ErrUserExists
	}
	d.seen[id], d.seen[email] = true, true
	return nil
}

// dryCredentials keep what belongs to no user: the record of administrators.
type dryCredentials struct{ kit.TokenStore }

func (d dryCredentials) Create(ctx context.Context, t kit.Token) error {
	if t.UserID != "" {
		return nil
	}
	return d.TokenStore.Create(ctx, t)
}
