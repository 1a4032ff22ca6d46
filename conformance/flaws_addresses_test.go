package conformance

import (
	"context"
	"errors"
	"slices"
	"strings"

	"myauth.internal/kit"
)

// userFlaws are the flaws of a store of users.
var userFlaws = slices.Concat(addressFlaws, userValueFlaws, userWriteFlaws, userCallerFlaws, userMoveFlaws)

// flaw is one way in which a store is wrong.
type flaw struct {
	// name says what the store does.
	name string
	// by is the rule that names it: the case that has to catch it.
	by    string
	alter func(f *fake)
	// racy flaws show only when callers meet.
	racy bool
	// hangs is the method that never returns, of flaws under which one does not.
	hangs string
}

// rekey lets a store see another key in place of every address, and keeps the
// spelling beside it.
func (f *fake) rekey(key func(string) string) {
	const between = "\x00rekeyed\x00"
	f.userIn(func(u *kit.User) { u.Username, u.Email = u.Email+between+u.Username, key(u.Email) })
	f.userOut(func(u *kit.User) { u.Email, u.Username, _ = strings.Cut(u.Username, between) })
	f.findBy(key)
}

// findBy changes the address that is looked for.
func (f *fake) findBy(key func(string) string) {
	byEmail := f.byEmail
	f.byEmail = func(ctx context.Context, email string) (kit.User, error) { return byEmail(ctx, key(email)) }
}

// hexCase hides letters from the folding of the store below.
func hexCase(email string) string {
	var b strings.Builder
	for _, r := range email {
		if 'A' <= r && r <= 'Z' {
			r += 0xf0000
		}
		b.WriteRune(r)
	}
	return b.String()
}

func localCase(email string) string {
	at := strings.LastIndexByte(email, '@') + 1
	return hexCase(email[:at]) + email[at:]
}

// fold is the folding of package strings, with the Turkish i's besides.
func fold(email string) string {
	return strings.NewReplacer("\u017f", "s", "\u0130", "i", "\u0131", "i").Replace(strings.ToLower(email))
}

// compose does a little of what NFC does.
var compose = strings.NewReplacer("a\u030a", "\u00e5", "e\u0301", "\u00e9", "\u212b", "\u00e5", "x\u0301\u0323", "x\u0323\u0301", "\u1100\u1161\u11a8", "\uac01")

// unaccent does a little of what a collation does.
var unaccent = strings.NewReplacer("\u00e9", "e", "\u00c9", "e", "e\u0301", "e", "\u00df", "ss", "\uff41", "a", "\ufb01", "fi")

func without(remove string) func(string) string {
	return func(email string) string { return strings.ReplaceAll(email, remove, "") }
}

// addressFlaws are about creating and finding users.
var addressFlaws = []flaw{
	{name: "says that it created a user and does not", by: "users/create/adds", alter: func(f *fake) {
		f.create = func(ctx context.Context, u kit.User) error { return f.gate(ctx) }
	}},
	{name: "holds at most 5,000 users", by: "users/scale/ten-thousand", alter: func(f *fake) {
		create := f.create
		f.create = func(ctx context.Context, u kit.User) error {
			if f.count.Add(1) > 5000 {
				return nil
			}
			return create(ctx, u)
		}
	}},

	{name: "accepts a second user with the same address", by: "users/create/unique", alter: func(f *fake) {
		create := f.create
		f.create = func(ctx context.Context, u kit.User) error {
			if err := create(ctx, u); !errors.Is(err, kit.ErrUserExists) {
				return err
			}
			u.Email += ".second"
			return create(ctx, u)
		}
	}},
	{name: "swallows the error of a second user with the same address", by: "users/create/unique", alter: func(f *fake) { instead(&f.create, kit.ErrUserExists, nil) }},
	{name: "answers a taken address with ErrConflict", by: "users/create/unique", alter: func(f *fake) { instead(&f.create, kit.ErrUserExists, kit.ErrConflict) }},
	{name: "answers a taken address with an error of its own", by: "users/create/unique", alter: func(f *fake) {
		instead(&f.create, kit.ErrUserExists, errors.New("UNIQUE constraint failed: users.email"))
	}},
	{name: "replaces the user whose address is taken", by: "users/create/unique", alter: func(f *fake) {
		create := f.create
		f.create = func(ctx context.Context, u kit.User) error {
			err := create(ctx, u)
			if errors.Is(err, kit.ErrUserExists) {
				if old, find := f.users.ByEmail(ctx, u.Email); find == nil {
					_ = f.users.Delete(ctx, old.ID)
					_ = f.users.Create(ctx, u)
				}
			}
			return err
		}
	}},
	{name: "compares addresses with regard to case", by: "users/create/unique", alter: func(f *fake) { f.rekey(hexCase) }},
	{name: "compares local parts with regard to case", by: "users/create/unique", alter: func(f *fake) { f.rekey(localCase) }},
	{name: "looks addresses up with regard to case", by: "users/by-email/ascii-case", alter: func(f *fake) {
		byEmail := f.byEmail
		f.byEmail = func(ctx context.Context, email string) (kit.User, error) {
			u, err := byEmail(ctx, email)
			if err == nil && u.Email != email {
				return kit.User{}, kit.ErrNotFound
			}
			return u, err
		}
	}},
	{name: "folds addresses as package strings does", by: "users/by-email/no-other-folding", alter: func(f *fake) { f.rekey(fold) }},
	{name: "folds the address that is looked up as package strings does", by: "users/by-email/no-other-folding", alter: func(f *fake) { f.findBy(fold) }},
	{name: "normalises addresses", by: "users/by-email/no-other-folding", alter: func(f *fake) { f.rekey(compose.Replace) }},
	{name: "compares addresses without accents", by: "users/by-email/no-other-folding", alter: func(f *fake) { f.rekey(unaccent.Replace) }},
	{name: "trims addresses", by: "users/by-email/no-other-folding", alter: func(f *fake) {
		f.rekey(func(email string) string { return strings.TrimSpace(strings.ReplaceAll(email, " .", ".")) })
	}},
	{name: "removes dots from local parts", by: "users/by-email/no-other-folding", alter: func(f *fake) {
		f.rekey(func(email string) string {
			local, domain, _ := strings.Cut(email, "@")
			return without(".")(local) + "@" + domain
		})
	}},
	{name: "ignores tags in addresses", by: "users/by-email/no-other-folding", alter: func(f *fake) { f.rekey(without("+tag")) }},
	{name: "ignores zero-width characters in addresses", by: "users/by-email/no-other-folding", alter: func(f *fake) {
		f.rekey(func(email string) string { return without("\u200b")(without("\u00ad")(email)) })
	}},
	{name: "stores addresses in lower case", by: "users/create/keeps-spelling", alter: func(f *fake) {
		f.userIn(func(u *kit.User) { u.Email = kit.EmailKey(u.Email) })
	}},
	{name: "looks addresses up as patterns", by: "users/by-email/ascii-case", alter: func(f *fake) {
		byEmail := f.byEmail
		f.byEmail = func(ctx context.Context, email string) (kit.User, error) {
			return byEmail(ctx, strings.ReplaceAll(email, "_", "."))
		}
	}},
	{name: "finds no address: nil error and an empty user", by: "users/by-email/ascii-case", alter: func(f *fake) { insteadOf(&f.byEmail, kit.ErrNotFound, nil) }},

	{name: "finds no ID: nil error and an empty user", by: "users/by-id/exact", alter: func(f *fake) { insteadOf(&f.byID, kit.ErrNotFound, nil) }},
	{name: "finds no ID: an error of its own", by: "users/by-id/exact", alter: func(f *fake) { insteadOf(&f.byID, kit.ErrNotFound, errors.New("sql: no rows in result set")) }},
	{name: "accepts a second user with the same ID", by: "users/create/unique", alter: func(f *fake) {
		create := f.create
		f.create = func(ctx context.Context, u kit.User) error {
			if _, err := f.users.ByID(ctx, u.ID); err == nil {
				_ = f.users.Delete(ctx, u.ID)
			}
			return create(ctx, u)
		}
	}},
	{name: "answers a taken ID with ErrConflict", by: "users/create/unique", alter: func(f *fake) {
		create := f.create
		f.create = func(ctx context.Context, u kit.User) error {
			if _, err := f.users.ByID(ctx, u.ID); err == nil {
				return kit.ErrConflict
			}
			return create(ctx, u)
		}
	}},
	{name: "compares IDs without regard to case", by: "users/by-id/exact", alter: func(f *fake) {
		f.userIn(func(u *kit.User) { u.ID = strings.ToLower(u.ID) })
		byID := f.byID
		f.byID = func(ctx context.Context, id string) (kit.User, error) { return byID(ctx, strings.ToLower(id)) }
	}},
	{name: "forgets a part of long IDs", by: "users/by-id/exact", alter: func(f *fake) {
		cut := func(id string) string { return id[:min(len(id), 36)] }
		create, byID := f.create, f.byID
		f.create = func(ctx context.Context, u kit.User) error { u.ID = cut(u.ID); return create(ctx, u) }
		f.byID = func(ctx context.Context, id string) (kit.User, error) { return byID(ctx, cut(id)) }
	}},
}
