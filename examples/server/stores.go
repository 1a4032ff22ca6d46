package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/memstore"
	"myauth.internal/kit/throttle"
	"myauth.internal/kit/throttle/shared"
)

// storeURL is what MYAUTH_STORE and MYAUTH_TOKEN_STORE name, not opened yet. It
// may hold a password: it is never printed.
type storeURL struct {
	scheme string
	rest   string // a path for sqlite, nothing for memory, the whole URL of a server
}

// setStore is the one place that knows how stores are named.
func setStore(field *storeURL, v string) error {
	scheme, rest, _ := strings.Cut(v, ":")
	switch {
	case scheme == "sqlite" && strings.HasPrefix(rest, "//") && !strings.HasPrefix(rest, "///"):
		return errors.New("sqlite takes a path and no host: write sqlite:myauth.db, or sqlite:/var/lib/myauth/myauth.db")
	case scheme == "sqlite" && (rest == "" || rest == ":memory:"):
		return errors.New("sqlite needs the path of a file: write for example sqlite:myauth.db (or memory: to keep nothing)")
	case scheme == "memory" && rest != "":
		return errors.New("write memory: and nothing after it")
	}
	kind, ok := storeKinds[scheme]
	switch {
	case !ok || v == "memory":
		return errors.New("not a store: write memory:, sqlite:PATH, postgres://…, mongodb://… or redis://…")
	case kind.open == nil:
		return fmt.Errorf("this server was built without %s: choose another store, or build it without -tags %s", scheme, kind.without)
	case kind.example == "":
		*field = storeURL{scheme, rest}
		return nil
	}
	// A list of hosts is no URL to package net/url; the drivers look closer.
	rest, ok = strings.CutPrefix(rest, "//")
	if !ok || rest == "" {
		return fmt.Errorf("not a URL: write for example %s", kind.example)
	}
	rest, _, _ = strings.Cut(rest, "?")
	if _, database, _ := strings.Cut(rest, "/"); kind.needsDatabase && database == "" {
		return fmt.Errorf("the name of the database is missing: write for example %s", kind.example)
	}
	*field = storeURL{scheme, v}
	return nil
}

// storeKind is a kind of store.
type storeKind struct {
	example       string // the URL of a server; empty: it has none
	needsDatabase bool
	open          openStore
	without       string // the build tag that leaves the kind out, with a driver and what that links
}

// openStore is nil for a kind that was left out.
type openStore func(ctx context.Context, url string, logger *slog.Logger) (stores, error)

// storeKinds are the kinds by scheme.
var storeKinds = map[string]storeKind{
	"memory":      {"", false, openMemory, ""},
	"sqlite":      {"", false, openSQLite, "nosqlite"},
	"postgres":    {"postgres://app:secret@localhost/app", false, openPostgres, "nopostgres"},
	"postgresql":  {"postgres://app:secret@localhost/app", false, openPostgres, "nopostgres"},
	"mongodb":     {"mongodb://app:secret@localhost/app", true, openMongo, "nomongo"},
	"mongodb+srv": {"mongodb+srv://app:secret@cluster.example.com/app", true, openMongo, "nomongo"},
	"redis":       {"redis://:secret@localhost:6379/0", false, openRedis, "noredis"},
	"rediss":      {"rediss://:secret@redis.example.com:6379/0", false, openRedis, "noredis"},
}

// leftOut are the build tags by which kinds are not there.
func leftOut() (tags []string) {
	for _, kind := range storeKinds {
		if kind.open == nil {
			tags = append(tags, kind.without)
		}
	}
	slices.Sort(tags)
	return slices.Compact(tags)
}

// stores are the opened stores; close releases what they hold.
type stores struct {
	kit.Stores
	buckets throttle.Buckets // where instances that share the tokens count together; nil: in memory
	close   func() error
	// transaction runs a function in a transaction of the users' database; nil: it has none.
	transaction func(context.Context, func(kit.Stores) error) error
}

// overTokens are stores whose instances count together among the tokens.
func overTokens(s kit.Stores, close func() error) stores {
	return stores{Stores: s, buckets: shared.New(s.Tokens), close: close}
}

// closeInTime closes the stores, but does not wait for one whose server does not
// answer: what was acknowledged is there all the same.
func (s stores) closeInTime(logger *slog.Logger) error {
	closed := make(chan error, 1)
	go func() { closed <- s.close() }()
	select {
	case err := <-closed:
		return err
	case <-time.After(closeWithin):
		logger.Warn("the store was not closed in time")
		return nil
	}
}

// openStores opens the store, and that of the tokens if it is another. When the second
// cannot be opened the first is closed again.
func openStores(ctx context.Context, s *settings, logger *slog.Logger) (stores, error) {
	all, err := s.store.open(ctx, logger)
	if err != nil {
		return stores{}, s.bad("MYAUTH_STORE", err)
	}
	if s.tokenStore == s.store {
		return all, nil
	}
	other, err := s.tokenStore.open(ctx, logger)
	if err != nil {
		if err := all.closeInTime(logger); err != nil {
			logger.Warn("the store of users was not closed", "err", err)
		}
		return stores{}, s.bad("MYAUTH_TOKEN_STORE", err)
	}
	closeUsers := all.close
	all.Tokens, all.buckets = other.Tokens, other.buckets
	all.close = func() error { return errors.Join(other.close(), closeUsers()) }
	return all, nil
}

func (u storeURL) open(ctx context.Context, logger *slog.Logger) (stores, error) {
	return storeKinds[u.scheme].open(ctx, u.rest, logger)
}

func openMemory(context.Context, string, *slog.Logger) (stores, error) {
	m := memstore.New()
	return stores{Stores: m.Stores(), close: m.Close}, nil
}
