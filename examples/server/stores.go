package main

import (
	"errors"
	"fmt"
	"strings"

	"myauth.internal/drivers/sqlite"
	"myauth.internal/kit"
	"myauth.internal/kit/memstore"
)

// storeURL is what MYAUTH_STORE and MYAUTH_TOKEN_STORE name, not opened yet. It
// may hold a password: it is never printed.
type storeURL struct {
	scheme string
	rest   string // a path for sqlite, nothing for memory
}

// setStore is the one place that knows the schemes, and open the one place that
// knows the drivers.
func setStore(field *storeURL, v string) error {
	const write = "write memory: or sqlite:PATH"
	scheme, rest, _ := strings.Cut(v, ":")
	switch {
	case scheme == "sqlite" && strings.HasPrefix(rest, "//") && !strings.HasPrefix(rest, "///"):
		return errors.New("sqlite takes a path and no host: write sqlite:myauth.db, or sqlite:/var/lib/myauth/myauth.db")
	case scheme == "sqlite" && (rest == "" || rest == ":memory:"):
		return errors.New("sqlite needs the path of a file: write for example sqlite:myauth.db (or memory: to keep nothing)")
	case scheme == "sqlite":
	case v == "memory:":
	case scheme == "memory":
		return errors.New("write memory: and nothing after it")
	case scheme == "postgres" || scheme == "postgresql":
		return errors.New("postgres:// is not built yet: " + write)
	case scheme == "mongodb" || scheme == "mongodb+srv":
		return errors.New("mongodb:// is not built yet: " + write)
	case scheme == "redis" || scheme == "rediss":
		return errors.New("redis:// is not built yet: " + write)
	default:
		return errors.New("not a store: " + write)
	}
	*field = storeURL{scheme, rest}
	return nil
}

// stores are the opened stores; close releases what they hold.
type stores struct {
	users  kit.UserStore
	tokens kit.TokenStore
	close  func() error
}

// openStores opens both stores, or the one that is both.
func openStores(s *settings) (stores, error) {
	users, err := s.store.open()
	if err != nil {
		return stores{}, &settingError{"MYAUTH_STORE", err}
	}
	if s.tokenStore == s.store {
		return users, nil
	}
	tokens, err := s.tokenStore.open()
	if err != nil {
		return stores{}, errors.Join(&settingError{"MYAUTH_TOKEN_STORE", err}, users.close())
	}
	return stores{
		users:  users.users,
		tokens: tokens.tokens,
		close:  func() error { return errors.Join(tokens.close(), users.close()) },
	}, nil
}

func (u storeURL) open() (stores, error) {
	switch u.scheme {
	case "sqlite":
		db, err := sqlite.Open(u.rest, nil)
		if err != nil {
			return stores{}, err
		}
		return stores{db.Users(), db.Tokens(), db.Close}, nil
	case "memory":
		m := memstore.New()
		return stores{m.Users(), m.Tokens(), m.Close}, nil
	default:
		return stores{}, fmt.Errorf("no driver for %s", u.scheme)
	}
}
