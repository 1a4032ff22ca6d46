package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"

	"myauth.internal/kit"
)

// flaw is one way in which a store is wrong.
type flaw struct {
	// name says what the store does.
	name string
	// by is the rule that names it: the case that has to catch it.
	by    string
	alter func(f *fake)
	// racy flaws show only when callers meet.
	racy bool
	// hangs marks flaws under which a call never returns.
	hangs bool
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

var userFlaws = []flaw{
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

	// Addresses.
	{name: "accepts a second user with the same address", by: "users/create/unique-email", alter: func(f *fake) {
		create := f.create
		f.create = func(ctx context.Context, u kit.User) error {
			if err := create(ctx, u); !errors.Is(err, kit.ErrUserExists) {
				return err
			}
			u.Email += ".second"
			return create(ctx, u)
		}
	}},
	{name: "swallows the error of a second user with the same address", by: "users/create/unique-email", alter: func(f *fake) {
		create := f.create
		f.create = func(ctx context.Context, u kit.User) error {
			if err := create(ctx, u); !errors.Is(err, kit.ErrUserExists) {
				return err
			}
			return nil
		}
	}},
	{name: "answers a taken address with ErrConflict", by: "users/create/unique-email", alter: func(f *fake) {
		create := f.create
		f.create = func(ctx context.Context, u kit.User) error {
			if err := create(ctx, u); !errors.Is(err, kit.ErrUserExists) {
				return err
			}
			return kit.ErrConflict
		}
	}},
	{name: "answers a taken address with an error of its own", by: "users/create/unique-email", alter: func(f *fake) {
		create := f.create
		f.create = func(ctx context.Context, u kit.User) error {
			if err := create(ctx, u); !errors.Is(err, kit.ErrUserExists) {
				return err
			}
			return errors.New("UNIQUE constraint failed: users.email")
		}
	}},
	{name: "replaces the user whose address is taken", by: "users/create/refused-changes-nothing", alter: func(f *fake) {
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
	{name: "compares addresses with regard to case", by: "users/create/unique-email-ascii-case", alter: func(f *fake) { f.rekey(hexCase) }},
	{name: "compares local parts with regard to case", by: "users/create/unique-email-ascii-case", alter: func(f *fake) { f.rekey(localCase) }},
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
	{name: "folds addresses as package strings does", by: "users/create/no-other-folding", alter: func(f *fake) { f.rekey(fold) }},
	{name: "folds the address that is looked up as package strings does", by: "users/by-email/no-other-folding", alter: func(f *fake) { f.findBy(fold) }},
	{name: "normalises addresses", by: "users/create/no-other-folding", alter: func(f *fake) { f.rekey(compose.Replace) }},
	{name: "compares addresses without accents", by: "users/create/no-other-folding", alter: func(f *fake) { f.rekey(unaccent.Replace) }},
	{name: "trims addresses", by: "users/create/no-other-folding", alter: func(f *fake) {
		f.rekey(func(email string) string { return strings.TrimSpace(strings.ReplaceAll(email, " .", ".")) })
	}},
	{name: "removes dots from local parts", by: "users/create/no-other-folding", alter: func(f *fake) {
		f.rekey(func(email string) string {
			local, domain, _ := strings.Cut(email, "@")
			return without(".")(local) + "@" + domain
		})
	}},
	{name: "ignores tags in addresses", by: "users/create/no-other-folding", alter: func(f *fake) { f.rekey(without("+tag")) }},
	{name: "ignores zero-width characters in addresses", by: "users/create/no-other-folding", alter: func(f *fake) {
		f.rekey(func(email string) string { return without("\u200b")(without("\u00ad")(email)) })
	}},
	{name: "stores addresses in lower case", by: "users/create/keeps-spelling", alter: func(f *fake) {
		f.userIn(func(u *kit.User) { u.Email = kit.EmailKey(u.Email) })
	}},
	{name: "looks addresses up as patterns", by: "users/by-email/absent", alter: func(f *fake) {
		byEmail := f.byEmail
		f.byEmail = func(ctx context.Context, email string) (kit.User, error) {
			return byEmail(ctx, strings.ReplaceAll(email, "_", "."))
		}
	}},
	{name: "cuts the address that is looked up at a NUL", by: "users/by-email/absent", alter: func(f *fake) {
		f.findBy(func(email string) string { email, _, _ = strings.Cut(email, "\x00"); return email })
	}},
	{name: "finds no address: nil error and an empty user", by: "users/by-email/absent", alter: func(f *fake) {
		byEmail := f.byEmail
		f.byEmail = func(ctx context.Context, email string) (kit.User, error) {
			u, err := byEmail(ctx, email)
			if isNotFound(err) {
				return kit.User{}, nil
			}
			return u, err
		}
	}},

	// IDs.
	{name: "finds no ID: nil error and an empty user", by: "users/by-id/absent", alter: func(f *fake) {
		byID := f.byID
		f.byID = func(ctx context.Context, id string) (kit.User, error) {
			u, err := byID(ctx, id)
			if isNotFound(err) {
				return kit.User{}, nil
			}
			return u, err
		}
	}},
	{name: "finds no ID: an error of its own", by: "users/by-id/absent", alter: func(f *fake) {
		byID := f.byID
		f.byID = func(ctx context.Context, id string) (kit.User, error) {
			u, err := byID(ctx, id)
			if isNotFound(err) {
				return kit.User{}, errors.New("sql: no rows in result set")
			}
			return u, err
		}
	}},
	{name: "accepts a second user with the same ID", by: "users/create/unique-id", alter: func(f *fake) {
		create := f.create
		f.create = func(ctx context.Context, u kit.User) error {
			if _, err := f.users.ByID(ctx, u.ID); err == nil {
				_ = f.users.Delete(ctx, u.ID)
			}
			return create(ctx, u)
		}
	}},
	{name: "answers a taken ID with ErrConflict", by: "users/create/unique-id", alter: func(f *fake) {
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

	// Values.
	{name: "trims strings", by: "users/values/unicode", alter: func(f *fake) {
		f.userIn(func(u *kit.User) { u.Username = strings.TrimSpace(u.Username) })
	}},
	{name: "normalises strings", by: "users/values/unicode", alter: func(f *fake) {
		f.userIn(func(u *kit.User) { u.Username = compose.Replace(u.Username) })
	}},
	{name: "keeps no character of four bytes", by: "users/values/unicode", alter: func(f *fake) {
		f.userIn(func(u *kit.User) {
			u.Username = strings.Map(func(r rune) rune {
				if r > 0xffff {
					return '?'
				}
				return r
			}, u.Username)
		})
	}},
	{name: "turns CRLF into LF", by: "users/values/unicode", alter: func(f *fake) {
		f.userIn(func(u *kit.User) { u.Username = strings.ReplaceAll(u.Username, "\r\n", "\n") })
	}},
	{name: "drops the byte order mark", by: "users/values/unicode", alter: func(f *fake) {
		f.userIn(func(u *kit.User) { u.Username = strings.TrimPrefix(u.Username, "\ufeff") })
	}},
	{name: "takes the string null for nothing", by: "users/values/unicode", alter: func(f *fake) {
		f.userIn(func(u *kit.User) {
			if u.Username == "null" {
				u.Username = ""
			}
		})
	}},
	{name: "escapes HTML", by: "users/values/unicode", alter: func(f *fake) {
		f.userIn(func(u *kit.User) { u.Username = strings.ReplaceAll(u.Username, "<", "&lt;") })
	}},
	{name: "cuts strings at a NUL", by: "users/values/nul", alter: func(f *fake) {
		f.userIn(func(u *kit.User) { u.Username, _, _ = strings.Cut(u.Username, "\x00") })
	}},
	{name: "refuses strings with a NUL", by: "users/values/nul", alter: func(f *fake) {
		create := f.create
		f.create = func(ctx context.Context, u kit.User) error {
			if strings.Contains(u.Username, "\x00") {
				return errors.New("invalid byte sequence for encoding")
			}
			return create(ctx, u)
		}
	}},
	{name: "counts the length of strings in bytes", by: "users/values/long-strings", alter: func(f *fake) {
		f.userIn(func(u *kit.User) { u.Username = u.Username[:min(len(u.Username), 128)] })
	}},
	{name: "cuts long password hashes", by: "users/values/long-strings", alter: func(f *fake) {
		f.userIn(func(u *kit.User) { u.PasswordHash = u.PasswordHash[:min(len(u.PasswordHash), 60)] })
	}},
	{name: "sorts roles", by: "users/values/roles-order", alter: func(f *fake) {
		f.userIn(func(u *kit.User) { slices.Sort(u.Roles) })
	}},
	{name: "takes roles that differ in case for one", by: "users/values/roles-order", alter: func(f *fake) {
		f.userIn(func(u *kit.User) { u.Roles = slices.CompactFunc(u.Roles, strings.EqualFold) })
	}},
	{name: "joins roles by commas", by: "users/values/roles-order", alter: func(f *fake) {
		f.userIn(func(u *kit.User) {
			if len(u.Roles) > 0 {
				u.Roles = strings.Split(strings.Join(u.Roles, ","), ",")
			}
		})
	}},
	{name: "keeps at most 100 roles", by: "users/values/large", alter: func(f *fake) {
		f.userIn(func(u *kit.User) { u.Roles = u.Roles[:min(len(u.Roles), 100)] })
	}},
	{name: "keeps at most 8 KiB of settings", by: "users/values/large", alter: func(f *fake) {
		f.userIn(func(u *kit.User) { u.Settings = u.Settings[:min(len(u.Settings), 8<<10)] })
	}},
	{name: "decodes settings and encodes them again", by: "users/values/settings-bytes", alter: func(f *fake) {
		f.userIn(func(u *kit.User) {
			var v map[string]any
			if json.Unmarshal(u.Settings, &v) == nil {
				u.Settings, _ = json.Marshal(v)
			}
		})
	}},
	{name: "decodes settings with exact numbers and encodes them again", by: "users/values/settings-bytes", alter: func(f *fake) {
		f.userIn(func(u *kit.User) {
			d := json.NewDecoder(bytes.NewReader(u.Settings))
			d.UseNumber()
			var v map[string]any
			if d.Decode(&v) == nil {
				u.Settings, _ = json.Marshal(v)
			}
		})
	}},
	{name: "compacts settings", by: "users/values/settings-bytes", alter: func(f *fake) {
		f.userIn(func(u *kit.User) {
			var b bytes.Buffer
			if json.Compact(&b, u.Settings) == nil {
				u.Settings = b.Bytes()
			}
		})
	}},
	{name: "escapes HTML in settings", by: "users/values/settings-bytes", alter: func(f *fake) {
		f.userIn(func(u *kit.User) {
			var b bytes.Buffer
			json.HTMLEscape(&b, u.Settings)
			u.Settings = b.Bytes()
		})
	}},
	{name: "keeps settings at most 8 levels deep", by: "users/values/settings-deep", alter: func(f *fake) {
		f.userIn(func(u *kit.User) {
			if bytes.Count(u.Settings, []byte("{")) > 8 && len(u.Settings) < 1000 {
				u.Settings = json.RawMessage(`{}`)
			}
		})
	}},
	{name: "turns no settings into an empty object", by: "users/values/empty-slices", alter: func(f *fake) {
		f.userIn(func(u *kit.User) {
			if len(u.Settings) == 0 {
				u.Settings = json.RawMessage(`{}`)
			}
		})
	}},
	{name: "turns no settings into null", by: "users/values/empty-slices", alter: func(f *fake) {
		f.userOut(func(u *kit.User) {
			if len(u.Settings) == 0 {
				u.Settings = json.RawMessage(`null`)
			}
		})
	}},
	{name: "turns no roles into one empty role", by: "users/values/empty-slices", alter: func(f *fake) {
		f.userIn(func(u *kit.User) {
			if len(u.Roles) == 0 {
				u.Roles = strings.Split("", ",")
			}
		})
	}},
	{name: "gives users without roles a default role", by: "users/values/fills-in-nothing", alter: func(f *fake) {
		f.userIn(func(u *kit.User) {
			if len(u.Roles) == 0 {
				u.Roles = []string{"user"}
			}
		})
	}},
	{name: "drops Verified", by: "users/values/every-field", alter: func(f *fake) { f.userIn(func(u *kit.User) { u.Verified = false }) }},
	{name: "makes every user active", by: "users/values/every-field", alter: func(f *fake) { f.userIn(func(u *kit.User) { u.Active = true }) }},
	{name: "drops the password hash in ByID", by: "users/values/every-field", alter: func(f *fake) {
		byID := f.byID
		f.byID = func(ctx context.Context, id string) (kit.User, error) {
			u, err := byID(ctx, id)
			u.PasswordHash = ""
			return u, err
		}
	}},
	{name: "stores the redacted form of the password hash", by: "users/values/every-field", alter: func(f *fake) {
		f.userIn(func(u *kit.User) {
			text, _ := u.PasswordHash.MarshalText()
			u.PasswordHash = kit.PasswordHash(text)
		})
	}},
	{name: "keeps SessionEpoch in an int32", by: "users/values/integers", alter: func(f *fake) {
		f.userIn(func(u *kit.User) { u.SessionEpoch = int64(int32(u.SessionEpoch)) })
	}},
	{name: "keeps SessionEpoch in a float64", by: "users/values/integers", alter: func(f *fake) {
		f.userIn(func(u *kit.User) { u.SessionEpoch = int64(float64(u.SessionEpoch)) })
	}},
	{name: "keeps no negative SessionEpoch", by: "users/values/integers", alter: func(f *fake) {
		f.userIn(func(u *kit.User) { u.SessionEpoch = max(u.SessionEpoch, 0) })
	}},
	{name: "compares versions as float64", by: "users/values/neighbouring-versions", alter: func(f *fake) {
		update := f.update
		f.update = func(ctx context.Context, u kit.User) error {
			if old, err := f.users.ByID(ctx, u.ID); err == nil && float64(old.Version) == float64(u.Version) {
				u.Version = old.Version
			}
			return update(ctx, u)
		}
	}},

	// Update.
	{name: "starts every user at Version 1", by: "users/create/keeps-version", alter: func(f *fake) {
		create := f.create
		f.create = func(ctx context.Context, u kit.User) error { u.Version = 1; return create(ctx, u) }
	}},
	{name: "updates without regard to Version", by: "users/update/conflict", alter: func(f *fake) {
		update := f.update
		f.update = func(ctx context.Context, u kit.User) error {
			if old, err := f.users.ByID(ctx, u.ID); err == nil {
				u.Version = old.Version
			}
			return update(ctx, u)
		}
	}},
	{name: "accepts an Update from a later Version", by: "users/update/conflict", alter: func(f *fake) {
		update := f.update
		f.update = func(ctx context.Context, u kit.User) error {
			if old, err := f.users.ByID(ctx, u.ID); err == nil && u.Version > old.Version {
				u.Version = old.Version
			}
			return update(ctx, u)
		}
	}},
	{name: "swallows the conflict of an Update", by: "users/update/conflict", alter: func(f *fake) {
		update := f.update
		f.update = func(ctx context.Context, u kit.User) error {
			if err := update(ctx, u); !errors.Is(err, kit.ErrConflict) {
				return err
			}
			return nil
		}
	}},
	{name: "answers a conflict with ErrNotFound", by: "users/update/conflict", alter: func(f *fake) {
		update := f.update
		f.update = func(ctx context.Context, u kit.User) error {
			if err := update(ctx, u); !errors.Is(err, kit.ErrConflict) {
				return err
			}
			return kit.ErrNotFound
		}
	}},
	{name: "wraps two errors in a conflict", by: "users/update/conflict", alter: func(f *fake) {
		f.userErrors(func(_ context.Context, err error) error {
			if errors.Is(err, kit.ErrConflict) {
				return errors.Join(err, kit.ErrNotFound)
			}
			return err
		})
	}},
	{name: "reports a conflict and updates all the same", by: "users/update/conflict-changes-nothing", alter: func(f *fake) {
		update := f.update
		f.update = func(ctx context.Context, u kit.User) error {
			err := update(ctx, u)
			if old, find := f.users.ByID(ctx, u.ID); errors.Is(err, kit.ErrConflict) && find == nil {
				u.Version = old.Version
				_ = update(ctx, u)
			}
			return err
		}
	}},
	{name: "keeps the Version of an Update", by: "users/update/adds-one-to-version", alter: func(f *fake) {
		update := f.update
		f.update = func(ctx context.Context, u kit.User) error {
			err := update(ctx, u)
			if err == nil {
				_ = f.users.Delete(ctx, u.ID)
				_ = f.users.Create(ctx, u)
			}
			return err
		}
	}},
	{name: "adds two to the Version", by: "users/update/adds-one-to-version", alter: func(f *fake) {
		update := f.update
		f.update = func(ctx context.Context, u kit.User) error {
			err := update(ctx, u)
			if err == nil {
				u.Version++
				_ = f.users.Update(ctx, u)
			}
			return err
		}
	}},
	{name: "inserts what an Update does not find", by: "users/update/absent", alter: func(f *fake) {
		update := f.update
		f.update = func(ctx context.Context, u kit.User) error {
			if err := update(ctx, u); !isNotFound(err) {
				return err
			}
			return f.users.Create(ctx, u)
		}
	}},
	{name: "answers the Update of an absent user with ErrConflict", by: "users/update/absent", alter: func(f *fake) {
		update := f.update
		f.update = func(ctx context.Context, u kit.User) error {
			if err := update(ctx, u); !isNotFound(err) {
				return err
			}
			return kit.ErrConflict
		}
	}},
	{name: "updates only the fields that are not empty", by: "users/update/replaces-by-empty", alter: func(f *fake) {
		update := f.update
		f.update = func(ctx context.Context, u kit.User) error {
			if old, err := f.users.ByID(ctx, u.ID); err == nil {
				if u.Username == "" {
					u.Username = old.Username
				}
				if u.Settings == nil {
					u.Settings = old.Settings
				}
			}
			return update(ctx, u)
		}
	}},
	{name: "forgets Roles in an Update", by: "users/update/replaces", alter: func(f *fake) {
		update := f.update
		f.update = func(ctx context.Context, u kit.User) error {
			if old, err := f.users.ByID(ctx, u.ID); err == nil {
				u.Roles = old.Roles
			}
			return update(ctx, u)
		}
	}},
	{name: "forgets SessionEpoch in an Update", by: "users/update/replaces", alter: func(f *fake) {
		update := f.update
		f.update = func(ctx context.Context, u kit.User) error {
			if old, err := f.users.ByID(ctx, u.ID); err == nil {
				u.SessionEpoch = old.SessionEpoch
			}
			return update(ctx, u)
		}
	}},
	{name: "never updates CreatedAt", by: "users/update/replaces", alter: func(f *fake) {
		update := f.update
		f.update = func(ctx context.Context, u kit.User) error {
			if old, err := f.users.ByID(ctx, u.ID); err == nil {
				u.CreatedAt = old.CreatedAt
			}
			return update(ctx, u)
		}
	}},
	{name: "finds a user by an address given up", by: "users/update/moves-email", alter: func(f *fake) {
		update, byEmail := f.update, f.byEmail
		f.update = func(ctx context.Context, u kit.User) error {
			old, _ := f.users.ByID(ctx, u.ID)
			err := update(ctx, u)
			if err == nil && kit.EmailKey(old.Email) != kit.EmailKey(u.Email) {
				f.mu.Lock()
				f.users1[kit.EmailKey(old.Email)] = u
				f.mu.Unlock()
			}
			return err
		}
		f.byEmail = func(ctx context.Context, email string) (kit.User, error) {
			u, err := byEmail(ctx, email)
			f.mu.Lock()
			defer f.mu.Unlock()
			if moved, ok := f.users1[kit.EmailKey(email)]; ok && isNotFound(err) {
				return f.users.ByID(ctx, moved.ID)
			}
			return u, err
		}
	}},
	{name: "does not find a user by the address moved to", by: "users/update/moves-email", alter: func(f *fake) {
		update, byEmail := f.update, f.byEmail
		f.update = func(ctx context.Context, u kit.User) error {
			old, _ := f.users.ByID(ctx, u.ID)
			err := update(ctx, u)
			if err == nil && kit.EmailKey(old.Email) != kit.EmailKey(u.Email) {
				f.flag(kit.EmailKey(u.Email), true)
			}
			return err
		}
		f.byEmail = func(ctx context.Context, email string) (kit.User, error) {
			f.mu.Lock()
			moved := f.flags[kit.EmailKey(email)]
			f.mu.Unlock()
			if moved {
				return kit.User{}, kit.ErrNotFound
			}
			return byEmail(ctx, email)
		}
	}},
	{name: "never frees an address that a user moves away from", by: "users/update/moves-email", alter: func(f *fake) {
		create, update := f.create, f.update
		f.update = func(ctx context.Context, u kit.User) error {
			old, _ := f.users.ByID(ctx, u.ID)
			err := update(ctx, u)
			if err == nil && kit.EmailKey(old.Email) != kit.EmailKey(u.Email) {
				f.flag(kit.EmailKey(old.Email), true)
			}
			return err
		}
		f.create = func(ctx context.Context, u kit.User) error {
			f.mu.Lock()
			kept := f.flags[kit.EmailKey(u.Email)]
			f.mu.Unlock()
			if kept {
				return kit.ErrUserExists
			}
			return create(ctx, u)
		}
	}},
	{name: "lets an Update take another user's address", by: "users/update/taken-email", alter: func(f *fake) {
		update := f.update
		f.update = func(ctx context.Context, u kit.User) error {
			if owner, err := f.users.ByEmail(ctx, u.Email); err == nil && owner.ID != u.ID {
				owner.Email = "evicted." + owner.Email
				_ = f.users.Update(ctx, owner)
			}
			return update(ctx, u)
		}
	}},
	{name: "answers an Update to another user's address with ErrConflict", by: "users/update/taken-email", alter: func(f *fake) {
		update := f.update
		f.update = func(ctx context.Context, u kit.User) error {
			if err := update(ctx, u); !errors.Is(err, kit.ErrUserExists) {
				return err
			}
			return kit.ErrConflict
		}
	}},
	{name: "updates everything but the address when that is taken", by: "users/update/taken-email-changes-nothing", alter: func(f *fake) {
		update := f.update
		f.update = func(ctx context.Context, u kit.User) error {
			err := update(ctx, u)
			if old, find := f.users.ByID(ctx, u.ID); errors.Is(err, kit.ErrUserExists) && find == nil {
				u.Email = old.Email
				_ = update(ctx, u)
			}
			return err
		}
	}},
	{name: "adds one to the Version when the address is taken", by: "users/update/taken-email-changes-nothing", alter: func(f *fake) {
		update := f.update
		f.update = func(ctx context.Context, u kit.User) error {
			err := update(ctx, u)
			if old, find := f.users.ByID(ctx, u.ID); errors.Is(err, kit.ErrUserExists) && find == nil {
				_ = update(ctx, old)
			}
			return err
		}
	}},
	{name: "takes another spelling of one's own address for a stranger's", by: "users/update/own-spelling", alter: func(f *fake) {
		update := f.update
		f.update = func(ctx context.Context, u kit.User) error {
			if old, err := f.users.ByEmail(ctx, u.Email); err == nil && old.Email != u.Email {
				return kit.ErrUserExists
			}
			return update(ctx, u)
		}
	}},
	{name: "folds the address of an Update as package strings does", by: "users/update/lookalike-email", alter: func(f *fake) {
		update := f.update
		f.update = func(ctx context.Context, u kit.User) error {
			if old, err := f.users.ByEmail(ctx, fold(u.Email)); err == nil && old.ID != u.ID {
				return kit.ErrUserExists
			}
			return update(ctx, u)
		}
	}},
	{name: "answers a stale Update to a taken address with ErrNotFound", by: "users/update/stale-and-taken", alter: func(f *fake) {
		update := f.update
		f.update = func(ctx context.Context, u kit.User) error {
			if old, err := f.users.ByEmail(ctx, u.Email); err == nil && old.ID != u.ID {
				if own, err := f.users.ByID(ctx, u.ID); err == nil && own.Version != u.Version {
					return kit.ErrNotFound
				}
			}
			return update(ctx, u)
		}
	}},

	// Delete.
	{name: "says that it deleted a user that never was", by: "users/delete/absent", alter: func(f *fake) {
		remove := f.remove
		f.remove = func(ctx context.Context, id string) error {
			if err := remove(ctx, id); !isNotFound(err) {
				return err
			}
			return nil
		}
	}},
	{name: "deletes nothing", by: "users/delete/removes", alter: func(f *fake) {
		f.remove = func(ctx context.Context, id string) error {
			_, err := f.byID(ctx, id)
			return err
		}
	}},
	{name: "finds deleted users by their address", by: "users/delete/removes", alter: func(f *fake) {
		remove, byEmail := f.remove, f.byEmail
		f.remove = func(ctx context.Context, id string) error {
			old, _ := f.users.ByID(ctx, id)
			err := remove(ctx, id)
			if err == nil {
				f.mu.Lock()
				f.users1[kit.EmailKey(old.Email)] = old
				f.mu.Unlock()
			}
			return err
		}
		f.byEmail = func(ctx context.Context, email string) (kit.User, error) {
			u, err := byEmail(ctx, email)
			f.mu.Lock()
			defer f.mu.Unlock()
			if old, ok := f.users1[kit.EmailKey(email)]; ok && isNotFound(err) {
				return old.Clone(), nil
			}
			return u, err
		}
	}},
	{name: "never frees the address of a deleted user", by: "users/delete/frees-address", alter: func(f *fake) {
		create, remove := f.create, f.remove
		f.remove = func(ctx context.Context, id string) error {
			old, _ := f.users.ByID(ctx, id)
			err := remove(ctx, id)
			if err == nil {
				f.flag(kit.EmailKey(old.Email), true)
			}
			return err
		}
		f.create = func(ctx context.Context, u kit.User) error {
			f.mu.Lock()
			kept := f.flags[kit.EmailKey(u.Email)]
			f.mu.Unlock()
			if kept {
				return kit.ErrUserExists
			}
			return create(ctx, u)
		}
	}},
	{name: "deletes a user only at its first Version", by: "users/delete/any-version", alter: func(f *fake) {
		remove := f.remove
		f.remove = func(ctx context.Context, id string) error {
			if old, err := f.users.ByID(ctx, id); err == nil && old.Version > 1 {
				return kit.ErrConflict
			}
			return remove(ctx, id)
		}
	}},
	{name: "deletes by the beginning of the ID", by: "users/delete/absent", alter: func(f *fake) {
		remove := f.remove
		f.remove = func(ctx context.Context, id string) error {
			if id == "user-an" {
				id = "user-ann"
			}
			return remove(ctx, id)
		}
	}},

	// Memory.
	{name: "keeps the Roles given to Create", by: "users/memory/create", alter: func(f *fake) {
		f.shareIn(true, func(own *kit.User, given kit.User) { own.Roles = given.Roles })
	}},
	{name: "keeps the Settings given to Create", by: "users/memory/create", alter: func(f *fake) {
		f.shareIn(true, func(own *kit.User, given kit.User) { own.Settings = given.Settings })
	}},
	{name: "keeps the Roles given to Update", by: "users/memory/update", alter: func(f *fake) {
		f.shareIn(false, func(own *kit.User, given kit.User) { own.Roles = given.Roles })
	}},
	{name: "keeps the Settings given to Update", by: "users/memory/update", alter: func(f *fake) {
		f.shareIn(false, func(own *kit.User, given kit.User) { own.Settings = given.Settings })
	}},
	{name: "returns its own Roles from ByID", by: "users/memory/by-id", alter: func(f *fake) {
		byID := f.byID
		f.byID = func(ctx context.Context, id string) (kit.User, error) {
			u, err := byID(ctx, id)
			if err == nil {
				u.Roles = f.own(u).Roles
			}
			return u, err
		}
	}},
	{name: "returns its own Settings from ByID", by: "users/memory/by-id", alter: func(f *fake) {
		byID := f.byID
		f.byID = func(ctx context.Context, id string) (kit.User, error) {
			u, err := byID(ctx, id)
			if err == nil {
				u.Settings = f.own(u).Settings
			}
			return u, err
		}
	}},
	{name: "returns its own Roles from ByEmail", by: "users/memory/by-email", alter: func(f *fake) {
		byEmail := f.byEmail
		f.byEmail = func(ctx context.Context, email string) (kit.User, error) {
			u, err := byEmail(ctx, email)
			if err == nil {
				u.Roles = f.own(u).Roles
			}
			return u, err
		}
	}},
	{name: "returns its own Settings from ByEmail", by: "users/memory/by-email", alter: func(f *fake) {
		byEmail := f.byEmail
		f.byEmail = func(ctx context.Context, email string) (kit.User, error) {
			u, err := byEmail(ctx, email)
			if err == nil {
				u.Settings = f.own(u).Settings
			}
			return u, err
		}
	}},
	{name: "sorts the caller's Roles in place", by: "users/memory/arguments", alter: func(f *fake) {
		create := f.create
		f.create = func(ctx context.Context, u kit.User) error {
			kept := u.Clone()
			slices.Sort(u.Roles)
			return create(ctx, kept)
		}
	}},
	{name: "appends to the caller's Roles", by: "users/memory/arguments", alter: func(f *fake) {
		update := f.update
		f.update = func(ctx context.Context, u kit.User) error {
			_ = append(u.Roles, "mark")
			return update(ctx, u)
		}
	}},

	// Callers that meet.
	{name: "checks the user and then creates", by: "users/create/one-winner", racy: true, alter: func(f *fake) {
		create := f.create
		f.create = func(ctx context.Context, u kit.User) error {
			if _, err := f.byID(ctx, u.ID); err == nil {
				return kit.ErrUserExists
			}
			yield()
			if err := create(ctx, u); !errors.Is(err, kit.ErrUserExists) {
				return err
			}
			return nil
		}
	}},
	{name: "checks the address and then creates", by: "users/create/one-winner-address", racy: true, alter: func(f *fake) {
		create := f.create
		f.create = func(ctx context.Context, u kit.User) error {
			_, err := f.byEmail(ctx, u.Email)
			if err == nil {
				return kit.ErrUserExists
			}
			if !isNotFound(err) {
				return err
			}
			yield()
			if err := create(ctx, u); errors.Is(err, kit.ErrUserExists) {
				return nil
			} else {
				return err
			}
		}
	}},
	{name: "checks the ID and then creates", by: "users/create/one-winner-id", racy: true, alter: func(f *fake) {
		create := f.create
		f.create = func(ctx context.Context, u kit.User) error {
			if _, err := f.byID(ctx, u.ID); err == nil {
				return kit.ErrUserExists
			}
			yield()
			_ = f.users.Delete(ctx, u.ID)
			return create(ctx, u)
		}
	}},
	{name: "checks the address and then updates", by: "users/update/one-winner-address", racy: true, alter: func(f *fake) {
		update := f.update
		f.update = func(ctx context.Context, u kit.User) error {
			if owner, err := f.byEmail(ctx, u.Email); err == nil && owner.ID != u.ID {
				return kit.ErrUserExists
			}
			yield()
			if owner, err := f.users.ByEmail(ctx, u.Email); err == nil && owner.ID != u.ID {
				owner.Email += ".twin"
				_ = f.users.Update(ctx, owner)
			}
			return update(ctx, u)
		}
	}},
	{name: "checks the Version and then updates a user", by: "users/update/one-winner", racy: true, alter: looseUpdate},
	{name: "loses updates of a user", by: "users/update/no-lost-update", racy: true, alter: looseUpdate},
	{name: "checks for a user and then deletes", by: "users/delete/one-winner", racy: true, alter: func(f *fake) {
		remove := f.remove
		f.remove = func(ctx context.Context, id string) error {
			if _, err := f.byID(ctx, id); err != nil {
				return err
			}
			yield()
			_ = remove(ctx, id)
			return nil
		}
	}},
	{name: "reads a user in two steps", by: "users/concurrent/whole-records", racy: true, alter: func(f *fake) {
		byID := f.byID
		f.byID = func(ctx context.Context, id string) (kit.User, error) {
			u, err := byID(ctx, id)
			yield()
			if later, err := byID(ctx, id); err == nil {
				u.Settings = later.Settings
			}
			return u, err
		}
	}},
	{name: "reads a user by address from a copy that lags", by: "users/concurrent/linearizable", racy: true, alter: func(f *fake) {
		byEmail := f.byEmail
		f.byEmail = func(ctx context.Context, email string) (kit.User, error) {
			f.mu.Lock()
			lagging, ok := f.users1[email]
			f.mu.Unlock()
			u, err := byEmail(ctx, email)
			if err == nil {
				f.mu.Lock()
				f.users1[email] = u.Clone()
				f.mu.Unlock()
				if ok && lagging.Version < u.Version {
					return lagging.Clone(), nil
				}
			}
			return u, err
		}
	}},
	{name: "locks two addresses in the order of the call", by: "users/concurrent/no-deadlock", racy: true, hangs: true, alter: func(f *fake) {
		lock := func(email string) *sync.Mutex {
			f.mu.Lock()
			defer f.mu.Unlock()
			m := f.locks[email]
			if m == nil {
				m = new(sync.Mutex)
				f.locks[email] = m
			}
			return m
		}
		update := f.update
		f.update = func(ctx context.Context, u kit.User) error {
			old, err := f.byID(ctx, u.ID)
			if err != nil {
				return err
			}
			first, second := lock(old.Email), lock(u.Email)
			first.Lock()
			defer first.Unlock()
			if first != second {
				yield()
				second.Lock()
				defer second.Unlock()
			}
			return update(ctx, u)
		}
	}},
	{name: "keeps its lock after a conflict", by: "users/update/conflict", hangs: true, alter: func(f *fake) {
		update := f.update
		f.update = func(ctx context.Context, u kit.User) error {
			f.busy.Lock()
			err := update(ctx, u)
			if err == nil {
				f.busy.Unlock()
			}
			return err
		}
	}},
	{name: "panics where there is no user", by: "users/by-id/absent", alter: func(f *fake) {
		byID := f.byID
		f.byID = func(ctx context.Context, id string) (kit.User, error) {
			u, err := byID(ctx, id)
			if isNotFound(err) {
				panic("assignment to entry in nil map")
			}
			return u, err
		}
	}},
}

// looseUpdate makes Update read, compare and write in steps of their own.
func looseUpdate(f *fake) {
	update := f.update
	f.update = func(ctx context.Context, u kit.User) error {
		old, err := f.byID(ctx, u.ID)
		if err != nil {
			return err
		}
		if old.Version != u.Version {
			return kit.ErrConflict
		}
		yield()
		for {
			now, err := f.users.ByID(ctx, u.ID)
			if err != nil {
				return err
			}
			next := u
			next.Version = now.Version
			if err := update(ctx, next); !errors.Is(err, kit.ErrConflict) {
				return err
			}
		}
	}
}

// shareIn lets a store keep a slice that the caller gave to Create or to Update.
func (f *fake) shareIn(atCreate bool, share func(own *kit.User, given kit.User)) {
	create, update := f.create, f.update
	keep := func(u kit.User, err error, version int64) {
		if err == nil {
			f.mu.Lock()
			u.Version = version
			f.users1[u.ID] = u
			f.mu.Unlock()
		}
	}
	if atCreate {
		f.create = func(ctx context.Context, u kit.User) error {
			err := create(ctx, u)
			keep(u, err, u.Version)
			return err
		}
	} else {
		f.update = func(ctx context.Context, u kit.User) error {
			err := update(ctx, u)
			keep(u, err, u.Version+1)
			return err
		}
	}
	f.userOut(func(u *kit.User) {
		f.mu.Lock()
		defer f.mu.Unlock()
		if given, ok := f.users1[u.ID]; ok && given.Version == u.Version {
			share(u, given.Clone())
		}
	})
}

// own returns the one copy of a record that a store with shared memory has.
func (f *fake) own(u kit.User) kit.User {
	f.mu.Lock()
	defer f.mu.Unlock()
	if kept, ok := f.users1[u.ID]; ok && kept.Version == u.Version {
		return kept
	}
	f.users1[u.ID] = u.Clone()
	return f.users1[u.ID]
}
