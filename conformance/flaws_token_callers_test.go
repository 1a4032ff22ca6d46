package conformance

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"time"

	"myauth.internal/kit"
)

// tokenCallerFlaws are about what comes back, memory shared with callers, and callers that meet.
var tokenCallerFlaws = []flaw{
	{name: "drops PreviousHash", by: "tokens/values/every-field", alter: func(f *fake) { f.tokenIn(func(t *kit.Token) { t.PreviousHash = nil }) }},
	{name: "drops Salt", by: "tokens/values/every-field", alter: func(f *fake) { f.tokenIn(func(t *kit.Token) { t.Salt = nil }) }},
	{name: "drops RevokedAt", by: "tokens/values/every-field", alter: func(f *fake) { f.tokenIn(func(t *kit.Token) { t.RevokedAt = time.Time{} }) }},
	{name: "drops SessionID", by: "tokens/values/every-field", alter: func(f *fake) { f.tokenIn(func(t *kit.Token) { t.SessionID = "" }) }},
	{name: "mixes PreviousHash and SecretHash up", by: "tokens/values/every-field", alter: func(f *fake) {
		f.tokenOut(func(t *kit.Token) {
			if t.PreviousHash != nil {
				t.PreviousHash, t.SecretHash = t.SecretHash, t.PreviousHash
			}
		})
	}},
	{name: "keeps only the two types as a flag of the session", by: "tokens/values/every-field", alter: func(f *fake) {
		f.tokenOut(func(t *kit.Token) { t.Type = kit.RefreshToken })
	}},
	{name: "invents a SessionID", by: "tokens/values/every-field", alter: func(f *fake) {
		f.tokenIn(func(t *kit.Token) {
			if t.SessionID == "" {
				t.SessionID = "s-" + t.ID
			}
		})
	}},
	{name: "keeps hashes as text", by: "tokens/values/bytes", alter: func(f *fake) {
		f.tokenIn(func(t *kit.Token) { t.SecretHash = bytes.ToValidUTF8(t.SecretHash, []byte("\ufffd")) })
	}},
	{name: "cuts PreviousHash at a NUL", by: "tokens/values/bytes", alter: func(f *fake) {
		f.tokenIn(func(t *kit.Token) { t.PreviousHash, _, _ = bytes.Cut(t.PreviousHash, []byte{0}) })
	}},
	{name: "strips zeros from the end of Salt", by: "tokens/values/bytes", alter: func(f *fake) {
		f.tokenIn(func(t *kit.Token) { t.Salt = bytes.TrimRight(t.Salt, "\x00") })
	}},
	{name: "strips spaces from the end of SecretHash", by: "tokens/values/bytes", alter: func(f *fake) {
		f.tokenIn(func(t *kit.Token) { t.SecretHash = bytes.TrimRight(t.SecretHash, " ") })
	}},
	{name: "turns no Salt into 32 zeros", by: "tokens/values/empty-slices", alter: func(f *fake) {
		f.tokenIn(func(t *kit.Token) {
			if len(t.Salt) == 0 {
				t.Salt = make([]byte, 32)
			}
		})
	}},
	{name: "trims SessionID", by: "tokens/values/unicode", alter: func(f *fake) {
		f.tokenIn(func(t *kit.Token) { t.SessionID = strings.TrimSpace(t.SessionID) })
	}},
	{name: "keeps Epoch in an int32", by: "tokens/values/integers", alter: func(f *fake) {
		f.tokenIn(func(t *kit.Token) { t.Epoch = int64(int32(t.Epoch)) })
	}},
	{name: "keeps Epoch in a float64", by: "tokens/values/integers", alter: func(f *fake) {
		f.tokenIn(func(t *kit.Token) { t.Epoch = int64(float64(t.Epoch)) })
	}},
	{name: "compares versions of tokens as int32", by: "tokens/update/version", alter: func(f *fake) {
		f.withOldToken(func(t *kit.Token, old kit.Token) {
			if int32(old.Version) == int32(t.Version) {
				t.Version = old.Version
			}
		})
	}},

	{name: "keeps the SecretHash given to Create", by: "tokens/memory/in", alter: func(f *fake) {
		f.shareTokenIn(true, func(own *kit.Token, given kit.Token) { own.SecretHash = given.SecretHash })
	}},
	{name: "keeps the PreviousHash given to Create", by: "tokens/memory/in", alter: func(f *fake) {
		f.shareTokenIn(true, func(own *kit.Token, given kit.Token) { own.PreviousHash = given.PreviousHash })
	}},
	{name: "keeps the Salt given to Create", by: "tokens/memory/in", alter: func(f *fake) {
		f.shareTokenIn(true, func(own *kit.Token, given kit.Token) { own.Salt = given.Salt })
	}},
	{name: "keeps the SecretHash given to Update", by: "tokens/memory/in", alter: func(f *fake) {
		f.shareTokenIn(false, func(own *kit.Token, given kit.Token) { own.SecretHash = given.SecretHash })
	}},
	{name: "keeps the PreviousHash given to Update", by: "tokens/memory/in", alter: func(f *fake) {
		f.shareTokenIn(false, func(own *kit.Token, given kit.Token) { own.PreviousHash = given.PreviousHash })
	}},
	{name: "keeps the Salt given to Update", by: "tokens/memory/in", alter: func(f *fake) {
		f.shareTokenIn(false, func(own *kit.Token, given kit.Token) { own.Salt = given.Salt })
	}},
	{name: "returns its own SecretHash from ByID", by: "tokens/memory/out", alter: func(f *fake) {
		f.shareTokenByID(func(out *kit.Token, own kit.Token) { out.SecretHash = own.SecretHash })
	}},
	{name: "returns its own PreviousHash from ByID", by: "tokens/memory/out", alter: func(f *fake) {
		f.shareTokenByID(func(out *kit.Token, own kit.Token) { out.PreviousHash = own.PreviousHash })
	}},
	{name: "returns its own Salt from ByID", by: "tokens/memory/out", alter: func(f *fake) {
		f.shareTokenByID(func(out *kit.Token, own kit.Token) { out.Salt = own.Salt })
	}},
	{name: "returns its own hashes from ByUser", by: "tokens/memory/out", alter: func(f *fake) {
		byUser := f.byUser
		f.byUser = func(ctx context.Context, userID, after string, limit int) ([]kit.Token, error) {
			list, err := byUser(ctx, userID, after, limit)
			for i := range list {
				list[i].SecretHash = f.ownToken(list[i]).SecretHash
			}
			return list, err
		}
	}},
	{name: "reads the hashes of a list into memory that the next list overwrites", by: "tokens/memory/out", alter: func(f *fake) {
		byUser := f.byUser
		var row []byte // as a driver reuses the buffer of a row
		f.byUser = func(ctx context.Context, userID, after string, limit int) ([]kit.Token, error) {
			list, err := byUser(ctx, userID, after, limit)
			f.busy.Lock()
			defer f.busy.Unlock()
			row = row[:0]
			for i := range list {
				row = append(row, list[i].SecretHash...)
				list[i].SecretHash = row[len(row)-len(list[i].SecretHash):]
			}
			return list, err
		}
	}},
	{name: "joins the caller's hashes in place", by: "tokens/memory/in", alter: func(f *fake) {
		create := f.createToken
		f.createToken = func(ctx context.Context, t kit.Token) error {
			hashes := append(t.SecretHash, t.PreviousHash...) // one column for both
			kept := t.Clone()
			kept.SecretHash, kept.PreviousHash = hashes[:len(t.SecretHash)], hashes[len(t.SecretHash):]
			return create(ctx, kept)
		}
	}},
	{name: "wipes the caller's SecretHash", by: "tokens/memory/in", alter: func(f *fake) {
		create := f.createToken
		f.createToken = func(ctx context.Context, t kit.Token) error {
			kept := t.Clone()
			clear(t.SecretHash)
			return create(ctx, kept)
		}
	}},

	{name: "checks the ID and then creates a token", by: "tokens/create/one-winner", racy: true, alter: looseCreateToken},
	{name: "checks the ID of each type and then creates", by: "tokens/create/one-winner", racy: true, alter: looseCreateToken},
	{name: "checks the Version and then updates a token", by: "tokens/update/one-winner", racy: true, alter: looseUpdateToken},
	{name: "checks for a token and then deletes", by: "tokens/delete/one-winner", racy: true, alter: func(f *fake) {
		remove := f.removeToken
		f.removeToken = func(ctx context.Context, at idAt) error {
			if _, err := f.tokenByID(ctx, at.id); err != nil {
				return err
			}
			yield()
			if err := remove(ctx, at); !isNotFound(err) {
				return err
			}
			return nil
		}
	}},
	{name: "writes an updated token back though a Delete has removed it", by: "tokens/delete/against-update", racy: true, alter: resurrects},
	{name: "reads a token in two steps", by: "tokens/concurrent/linearizable", racy: true, alter: func(f *fake) {
		byID := f.tokenByID
		f.tokenByID = func(ctx context.Context, id string) (kit.Token, error) {
			t, err := byID(ctx, id)
			yield()
			if later, err := byID(ctx, id); err == nil {
				t.SecretHash = later.SecretHash
			}
			return t, err
		}
	}},
	{name: "reads a token in two steps in every process but the first", by: "tokens/concurrent/linearizable", racy: true, alter: func(f *fake) {
		if f.number == 1 {
			return
		}
		byID := f.tokenByID
		f.tokenByID = func(ctx context.Context, id string) (kit.Token, error) {
			t, err := byID(ctx, id)
			yield()
			if later, err := byID(ctx, id); err == nil {
				t.PreviousHash = later.PreviousHash
			}
			return t, err
		}
	}},
	{name: "lists tokens from a copy that lags", by: "tokens/concurrent/linearizable", racy: true, alter: func(f *fake) {
		byUser := f.byUser
		f.byUser = func(ctx context.Context, userID, after string, limit int) ([]kit.Token, error) {
			list, err := byUser(ctx, userID, after, limit)
			if err == nil && len(list) == 1 {
				f.mu.Lock()
				defer f.mu.Unlock()
				lagging, ok := f.tokens1[userID]
				f.tokens1[userID] = list[0].Clone()
				if ok && lagging.Version < list[0].Version {
					return []kit.Token{lagging.Clone()}, nil
				}
			}
			return list, err
		}
	}},
	{name: "purges and updates under two locks in two orders", by: "tokens/concurrent/no-deadlock", racy: true, hangs: "fakeTokens.DeleteExpired", alter: func(f *fake) {
		update, deleteExpired := f.updateToken, f.deleteExpired
		f.updateToken = func(ctx context.Context, t kit.Token) error {
			f.busy.Lock()
			defer f.busy.Unlock()
			yield()
			f.busy2.Lock()
			defer f.busy2.Unlock()
			return update(ctx, t)
		}
		f.deleteExpired = func(ctx context.Context, before time.Time, limit int) (int, error) {
			f.busy2.Lock()
			defer f.busy2.Unlock()
			yield()
			f.busy.Lock()
			defer f.busy.Unlock()
			return deleteExpired(ctx, before, limit)
		}
	}},
}

func looseCreateToken(f *fake) {
	create := f.createToken
	f.createToken = func(ctx context.Context, t kit.Token) error {
		if _, err := f.tokenByID(ctx, t.ID); err == nil {
			return kit.ErrConflict
		}
		yield()
		if err := create(ctx, t); !errors.Is(err, kit.ErrConflict) {
			return err
		}
		return nil
	}
}

func looseUpdateToken(f *fake) {
	update := f.updateToken
	f.updateToken = func(ctx context.Context, t kit.Token) error {
		old, err := f.tokenByID(ctx, t.ID)
		if err != nil {
			return err
		}
		if old.Version != t.Version {
			return kit.ErrConflict
		}
		yield()
		for {
			now, err := f.tokens.ByID(ctx, t.ID)
			if err != nil {
				return err
			}
			next := t
			next.Version = now.Version
			if err := update(ctx, next); !errors.Is(err, kit.ErrConflict) {
				return err
			}
		}
	}
}

// shareTokenIn lets a store keep a slice that the caller gave to Create or to
// Update.
func (f *fake) shareTokenIn(atCreate bool, share func(own *kit.Token, given kit.Token)) {
	create, update := f.createToken, f.updateToken
	keep := func(t kit.Token, err error, version int64) {
		if err == nil {
			f.mu.Lock()
			t.Version = version
			f.tokens1[t.ID] = t
			f.mu.Unlock()
		}
	}
	if atCreate {
		f.createToken = func(ctx context.Context, t kit.Token) error {
			err := create(ctx, t)
			keep(t, err, t.Version)
			return err
		}
	} else {
		f.updateToken = func(ctx context.Context, t kit.Token) error {
			err := update(ctx, t)
			keep(t, err, t.Version+1)
			return err
		}
	}
	f.tokenOut(func(t *kit.Token) {
		f.mu.Lock()
		defer f.mu.Unlock()
		if given, ok := f.tokens1[t.ID]; ok && given.Version == t.Version {
			share(t, given.Clone())
		}
	})
}

// shareTokenByID lets ByID return a slice of the store's own copy.
func (f *fake) shareTokenByID(share func(out *kit.Token, own kit.Token)) {
	byID := f.tokenByID
	f.tokenByID = func(ctx context.Context, id string) (kit.Token, error) {
		t, err := byID(ctx, id)
		if err == nil {
			share(&t, f.ownToken(t))
		}
		return t, err
	}
}

// ownToken returns the one copy of a record that a store with shared memory has.
func (f *fake) ownToken(t kit.Token) kit.Token {
	f.mu.Lock()
	defer f.mu.Unlock()
	if kept, ok := f.tokens1[t.ID]; ok && kept.Version == t.Version {
		return kept
	}
	f.tokens1[t.ID] = t.Clone()
	return f.tokens1[t.ID]
}
