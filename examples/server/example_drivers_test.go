package main

import (
	"context"
	"database/sql"
	"net/http"

	"myauth.internal/drivers/mongo"
	"myauth.internal/drivers/postgres"
	"myauth.internal/drivers/redis"
	"myauth.internal/drivers/sqlite"
	"myauth.internal/httpx"
	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
)

// What the drivers' README files show: see TestDocumentsShowCompiledGo. It is compiled
// and not run.
var _ = []func(context.Context, *accesstoken.Keyring) error{withSQLite, withPostgres, withOwnPool, withMongo, withRedis}

func handOver(svc *kit.Service) error {
	auth, err := httpx.New(svc, nil)
	if err != nil {
		return err
	}
	return http.ListenAndServe("", auth)
}

func withSQLite(ctx context.Context, keys *accesstoken.Keyring) error {
	store, err := sqlite.Open(ctx, "auth.db", nil) // or sqlite.New(ctx, db, nil): your own *sql.DB, left open by Close
	if err != nil {
		return err
	}
	defer store.Close()
	svc, err := kit.New(store.Stores(), keys, nil)
	if err != nil {
		return err
	}
	return handOver(svc)
}

func withPostgres(ctx context.Context, keys *accesstoken.Keyring) error {
	store, err := postgres.Open(ctx, "postgres://app:secret@db.example.com/app", nil)
	if err != nil {
		return err
	}
	defer store.Close()
	svc, err := kit.New(store.Stores(), keys, nil)
	if err != nil {
		return err
	}
	return handOver(svc)
}

func withMongo(ctx context.Context, keys *accesstoken.Keyring) error {
	store, err := mongo.Open(ctx, "mongodb://app:secret@db.example.com/app?tls=true", nil)
	if err != nil {
		return err
	}
	defer store.Close()
	svc, err := kit.New(store.Stores(), keys, nil)
	if err != nil {
		return err
	}
	return handOver(svc)
}

func withRedis(ctx context.Context, keys *accesstoken.Keyring) error {
	store, err := redis.Open(ctx, "rediss://:secret@redis.example.com:6379/0", nil)
	if err != nil {
		return err
	}
	defer store.Close()
	svc, err := kit.New(store.Stores(), keys, nil)
	if err != nil {
		return err
	}
	return handOver(svc)
}

func withOwnPool(ctx context.Context, keys *accesstoken.Keyring) error {
	const dataSource = ""
	connector, err := postgres.NewConnector(dataSource, nil)
	if err != nil {
		return err
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(16)
	db.SetMaxIdleConns(16)                                                  // the default keeps two, and each new one prepares the statements again
	store, err := postgres.New(ctx, db, &postgres.Options{Prefix: "auth_"}) // Close leaves db open
	if err != nil {
		return err
	}
	svc, err := kit.New(store.Stores(), keys, nil)
	if err != nil {
		return err
	}
	return handOver(svc)
}
