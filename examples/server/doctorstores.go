package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"myauth.internal/kit"
)

// checkOpening opens the stores, as the server does, and a Service over them.
func (x *examination) checkOpening(ctx context.Context) []finding {
	s := &x.settings
	for _, store := range []storeURL{s.store, s.tokenStore} {
		if store.scheme == "sqlite" && !exists(store.rest) {
			return []finding{warning("if that is the wrong place, write an absolute path", "there is no file %s yet, and the first start makes it", absolute(store.rest))}
		}
	}
	store, err := openStores(ctx, s, x.logger)
	if err != nil {
		fix := "see that it runs, and that the URL is right"
		switch {
		case errors.Is(err, kit.ErrNewerRecord):
			fix = "a newer version has written to it: run that one"
		case s.store.scheme == "sqlite" && s.tokenStore == s.store:
			fix = "" // the error says what to do about a file
		}
		return []finding{problem(fix, "%v", err)}
	}
	x.store = store
	if x.keys == nil {
		return nil // which is said
	}
	if x.svc, err = serviceOver(s, store, x.keys, x.public, x.logger, x.stderr); err != nil {
		return []finding{problem("", "%v", err)}
	}
	return nil
}

func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// checkRecords writes, reads and deletes a record of its own in each store, and measures.
func (x *examination) checkRecords(ctx context.Context) (found []finding) {
	if x.store.close == nil {
		return nil
	}
	s := &x.settings
	found = append(found, checkStore(ctx, "credentials, in MYAUTH_STORE", x.store.Credentials))
	name := "MYAUTH_STORE"
	if s.tokenStore != s.store {
		name = "MYAUTH_TOKEN_STORE"
	}
	found = append(found, checkStore(ctx, "tokens, in "+name, x.store.Tokens))
	return found
}

// slow is a round trip that people feel: a login makes several.
const slow = 50 * time.Millisecond

func checkStore(ctx context.Context, what string, store kit.TokenStore) finding {
	trip, err := roundTrip(ctx, store)
	switch {
	case errors.Is(err, kit.ErrNewerRecord):
		return problem("run the newer version that has written it", "%s: %v", what, err)
	case err != nil:
		return problem("see that the database takes writes, and has space", "%s: %v", what, err)
	case trip > slow:
		return warning("move the server nearer to its store", "%s: writing, reading and deleting work, and take %v each", what, trip.Round(time.Millisecond))
	}
	return fine("%s: writing, reading and deleting work, and take %v each", what, trip.Round(time.Microsecond))
}

// roundTrip is how long one call takes of creating, reading and deleting a record. If it is
// interrupted, a purge finds a record that has expired.
func roundTrip(ctx context.Context, store kit.TokenStore) (time.Duration, error) {
	id := make([]byte, 16)
	rand.Read(id) // never fails: see its documentation
	hash, salt := []byte(rand.Text() + rand.Text())[:32], []byte(rand.Text() + rand.Text())[:32]
	begin := time.Now()
	now := begin.UTC().Truncate(time.Microsecond)
	t := kit.Token{
		ID: base64.RawURLEncoding.EncodeToString(id), Type: "doctor", SecretHash: hash, Salt: salt,
		CreatedAt: now, ExpiresAt: now.Add(time.Minute), Version: 1,
	}
	if err := store.Create(ctx, t); err != nil {
		return 0, fmt.Errorf("writing: %w", err)
	}
	read, err := store.ByID(ctx, t.ID)
	if err == nil && (string(read.SecretHash) != string(hash) || !read.ExpiresAt.Equal(t.ExpiresAt)) {
		err = errors.New("what was read is not what was written")
	}
	if err != nil {
		return 0, errors.Join(fmt.Errorf("reading: %w", err), store.Delete(ctx, t.ID, t.Version))
	}
	if err := store.Delete(ctx, t.ID, t.Version); err != nil {
		return 0, fmt.Errorf("deleting: %w", err)
	}
	if _, err := store.ByID(ctx, t.ID); !errors.Is(err, kit.ErrNotFound) {
		return 0, errors.Join(errors.New("what was deleted is still there"), err)
	}
	return time.Since(begin) / 4, nil
}

// checkAccounts looks for administrators, and for accounts that nobody can log in to.
func (x *examination) checkAccounts(ctx context.Context) (found []finding) {
	if x.svc == nil {
		return nil
	}
	users, err := x.svc.Users(ctx, "", 1000)
	if err != nil {
		fix := "see the lines above"
		if errors.Is(err, kit.ErrNewerRecord) {
			fix = "run the newer version that has written it"
		}
		return []finding{problem(fix, "the accounts cannot be read: %v", err)}
	}
	lost := map[string]int{}
	for _, u := range users {
		for _, name := range u.Factors {
			if name == "totp" && x.settings.opts.DataKeys == nil {
				lost[name]++
			}
		}
	}
	if n := lost["totp"]; n > 0 {
		found = append(found, problem("set MYAUTH_DATA_KEY to the key of the server that they enrolled at", "MYAUTH_DATA_KEY is not set, so %d of the first %d accounts cannot log in: they have an authenticator app", n, len(users)))
	}
	admins, err := x.svc.Administrators(ctx)
	if err != nil {
		return append(found, problem("see the lines above", "the administrators cannot be read: %v", err))
	}
	return append(found, x.checkAdministrators(ctx, admins)...)
}

func (x *examination) checkAdministrators(ctx context.Context, admins []kit.User) (found []finding) {
	first := x.settings.admin.email
	if len(admins) > 0 {
		alone := 0
		for _, u := range admins {
			if len(u.Factors) == 0 {
				alone++
			}
		}
		if alone > 0 && x.settings.opts.DataKeys != nil {
			found = append(found, warning("let them set up a second factor", "%d of %d administrators have no second factor", alone, len(admins)))
		} else {
			found = append(found, fine("%d with the role admin", len(admins)))
		}
		if first != "" && !slices.ContainsFunc(admins, func(u kit.User) bool { return kit.EmailKey(u.Email) == kit.EmailKey(first) }) {
			found = append(found, warning("unset it", "MYAUTH_ADMIN_EMAIL has no effect, because there is an administrator, and another one"))
		}
		return found
	}
	if first == "" {
		return append(found, warning("server users create ADDRESS --role admin", "there is no administrator"))
	}
	u, err := x.svc.UserByEmail(ctx, first)
	switch {
	case errors.Is(err, kit.ErrUserNotFound):
		return append(found, warning("register it, or: server users create ADDRESS --role admin", "there is no administrator, and the address of MYAUTH_ADMIN_EMAIL has no account"))
	case err != nil:
		return append(found, problem("see the lines above", "the account of MYAUTH_ADMIN_EMAIL cannot be read: %v", err))
	case !u.Verified:
		return append(found, warning("open the link in the mail", "there is no administrator: the address of MYAUTH_ADMIN_EMAIL is not verified yet"))
	case !u.Active:
		return append(found, warning("server users enable "+u.ID, "there is no administrator: the account of MYAUTH_ADMIN_EMAIL is disabled"))
	}
	return append(found, warning("log in with that account", "there is no administrator: the account of MYAUTH_ADMIN_EMAIL becomes one at its next login"))
}

// checkDisk looks at the space for SQLite files, which grow by their -wal files too.
func (x *examination) checkDisk(context.Context) (found []finding) {
	seen := ""
	for _, store := range []storeURL{x.settings.store, x.settings.tokenStore} {
		dir := filepath.Dir(absolute(store.rest))
		if store.scheme != "sqlite" || dir == seen {
			continue
		}
		if _, err := os.Stat(dir); err != nil {
			continue // it will be made
		}
		seen = dir
		if free, err := freeSpace(dir); err == nil { // otherwise this system does not tell
			found = append(found, checkFree(dir, free))
		}
	}
	return found
}

func checkFree(dir string, free uint64) finding {
	const enough, little = 1 << 30, 100 << 20
	switch {
	case free < little:
		return problem("make space: without it nobody logs in", "%s has %d MiB left", dir, free>>20)
	case free < enough:
		return warning("make space", "%s has %d MiB left", dir, free>>20)
	}
	return fine("%s has %d GiB left", dir, free>>30)
}
