package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"myauth.internal/kit/transfer"
)

// BenchmarkTransfer imports b.N accounts with hashes, imports them again, and exports them, as the commands do:
//
//	go test -run '^$' -bench Transfer -benchtime 100000x .
func BenchmarkTransfer(b *testing.B) {
	for name, url := range map[string]func(testing.TB) string{
		"sqlite": func(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "auth.db") }, "postgres": schema, "mongo": database, "redis": emptyRedis,
	} {
		b.Run(name, func(b *testing.B) {
			var u storeURL
			if err := setStore(&u, url(b)); err != nil {
				b.Fatal(err)
			}
			stores, err := u.open(b.Context(), slog.New(slog.DiscardHandler))
			if err != nil {
				b.Fatal(err)
			}
			defer stores.close()
			svc := transferService(b, stores.Stores)
			file, err := os.Create(filepath.Join(b.TempDir(), "in.jsonl"))
			if err != nil {
				b.Fatal(err)
			}
			for i := range b.N {
				fmt.Fprintf(file, `{"email":"user%d@example.com","password_hash":%q,"is_verified":true,"created_at":"2021-05-01T08:00:00Z"}`+"\n", i, transferHash)
			}
			timed := func(what string, do func() error) {
				if _, err := file.Seek(0, io.SeekStart); err != nil {
					b.Fatal(err)
				}
				begun := b.Elapsed()
				if err := do(); err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(b.N)/(b.Elapsed()-begun).Seconds(), what+"/s")
			}
			importAll := func() error {
				result, err := transfer.Import(b.Context(), svc, file, &transfer.ImportOptions{Transaction: stores.transaction})
				if err == nil && result.Created+result.Existing != b.N {
					err = fmt.Errorf("got %+v", result)
				}
				return err
			}
			b.ResetTimer()
			timed("imported", importAll)
			timed("again", importAll)
			timed("exported", func() error {
				done, err := transfer.Export(b.Context(), svc, io.Discard, nil)
				if err == nil && done.Users != b.N {
					err = fmt.Errorf("got %+v", done)
				}
				return err
			})
		})
	}
}
