package kit

import (
	"context"
	"sync"
)

// outbox has the events and mails of a Service within a transaction.
type outbox struct {
	of   *Service
	mu   sync.Mutex
	acts []func()
}

func (o *outbox) add(act func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.acts = append(o.acts, act)
}

func (o *outbox) enqueueMail(ctx context.Context, kind MailKind, email string, u User, content MailContent) {
	o.add(func() { o.of.enqueueMail(ctx, kind, email, u, content) })
}

// Within returns a Service over stores that run in a transaction of the caller's, such as the
// InTx of the SQL drivers, so that an account and the application's own rows are written
// together or not at all. It shares everything else with s. Its events and mails are kept back
// until the caller calls release, after the commit; without that they are dropped.
//
//	tx, err := db.BeginTx(ctx, nil)
//	within, release := svc.Within(store.InTx(tx))
//	user, err := within.Register(ctx, registration)
//	_, err = tx.ExecContext(ctx, `INSERT INTO customers (user_id) VALUES ($1)`, user.ID)
//	if err = tx.Commit(); err == nil {
//		release()
//	}
//
// A store that is nil stays that of s, such as one for tokens in another database.
//
// After an error of within the transaction must be rolled back, unless the error is a refusal, such
// as [ErrUserExists] or a [ValidationError]. What a refusal has kept back, its event, and with
// Options.ConcealAccounts the mail to the owner of the address, release passes on too.
// Hooks run before the commit. The gates and factors of features do too, and they see the
// stores of s, without the transaction: so a login belongs after the commit.
func (s *Service) Within(stores Stores) (within *Service, release func()) {
	w := *s
	if stores.Users != nil {
		w.users.store = stores.Users
	}
	if stores.Tokens == nil {
		stores.Tokens = s.tokens.store
	}
	w.tokens = s.tokens.of(stores.Tokens, w.users.store)
	if stores.Credentials != nil {
		w.credentials.store = stores.Credentials
	}
	w.outbox = &outbox{of: s}
	return &w, func() {
		w.outbox.mu.Lock()
		acts := w.outbox.acts
		w.outbox.acts = nil
		w.outbox.mu.Unlock()
		for _, act := range acts {
			act()
		}
	}
}
