package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"myauth.internal/drivers/mongo"
	"myauth.internal/drivers/postgres"
	"myauth.internal/drivers/redis"
	"myauth.internal/drivers/sqlite"
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

// setStore is the one place that knows the schemes, and open the one place that
// knows the drivers.
func setStore(field *storeURL, v string) error {
	const write = "write memory:, sqlite:PATH, postgres://…, mongodb://… or redis://…"
	scheme, rest, _ := strings.Cut(v, ":")
	switch {
	case scheme == "sqlite" && strings.HasPrefix(rest, "//") && !strings.HasPrefix(rest, "///"):
		return errors.New("sqlite takes a path and no host: write sqlite:myauth.db, or sqlite:/var/lib/myauth/myauth.db")
	case scheme == "sqlite" && (rest == "" || rest == ":memory:"):
		return errors.New("sqlite needs the path of a file: write for example sqlite:myauth.db (or memory: to keep nothing)")
	case scheme == "sqlite", v == "memory:":
		*field = storeURL{scheme, rest}
		return nil
	case scheme == "memory":
		return errors.New("write memory: and nothing after it")
	}
	server, ok := serverKinds[scheme]
	if !ok {
		return errors.New("not a store: " + write)
	}
	// A list of hosts is no URL to package net/url; the drivers look closer.
	rest, ok = strings.CutPrefix(rest, "//")
	if !ok || rest == "" {
		return fmt.Errorf("not a URL: write for example %s", server.example)
	}
	rest, _, _ = strings.Cut(rest, "?")
	if _, database, _ := strings.Cut(rest, "/"); server.needsDatabase && database == "" {
		return fmt.Errorf("the name of the database is missing: write for example %s", server.example)
	}
	*field = storeURL{scheme, v}
	return nil
}

// server is a kind of store that is reached by a URL.
type server struct {
	example       string
	needsDatabase bool
	open          func(ctx context.Context, url string, logger *slog.Logger) (stores, error)
}

var serverKinds = map[string]server{
	"postgres":    {"postgres://app:secret@localhost/app", false, openPostgres},
	"postgresql":  {"postgres://app:secret@localhost/app", false, openPostgres},
	"mongodb":     {"mongodb://app:secret@localhost/app", true, openMongo},
	"mongodb+srv": {"mongodb+srv://app:secret@cluster.example.com/app", true, openMongo},
	"redis":       {"redis://:secret@localhost:6379/0", false, openRedis},
	"rediss":      {"rediss://:secret@redis.example.com:6379/0", false, openRedis},
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
	switch u.scheme {
	case "sqlite":
		db, err := sqlite.Open(ctx, u.rest, nil)
		if err != nil {
			return stores{}, err
		}
		// One process has the file, so it counts in memory: each guess of a stranger would be a
		// durable write otherwise.
		return stores{Stores: db.Stores(), close: db.Close, transaction: db.Transaction}, nil
	case "memory":
		m := memstore.New()
		return stores{Stores: m.Stores(), close: m.Close}, nil
	default:
		return serverKinds[u.scheme].open(ctx, u.rest, logger)
	}
}

func openPostgres(ctx context.Context, url string, _ *slog.Logger) (stores, error) {
	db, err := postgres.Open(ctx, url, nil)
	if err != nil {
		return stores{}, err
	}
	all := overTokens(db.Stores(), db.Close)
	all.transaction = db.Transaction
	return all, nil
}

func openMongo(ctx context.Context, uri string, _ *slog.Logger) (stores, error) {
	db, err := mongo.Open(ctx, uri, nil)
	if err != nil {
		return stores{}, err
	}
	return overTokens(db.Stores(), db.Close), nil
}

// quiet keeps go-redis from writing to standard error in a form of its own; what it
// has to say is in the errors.
type quiet struct{}

// Printf is what go-redis logs by.
func (quiet) Printf(context.Context, string, ...any) {}

func openRedis(ctx context.Context, url string, logger *slog.Logger) (stores, error) {
	goredis.SetLogger(quiet{}) // of the whole process, which is this program's to set
	db, err := redis.Open(ctx, url, &redis.Options{Logger: logger})
	if err != nil {
		return stores{}, err
	}
	return stores{Stores: db.Stores(), buckets: db.Buckets(), close: db.Close}, nil
}
