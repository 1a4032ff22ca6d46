package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	goredis "github.com/redis/go-redis/v9"

	"myauth.internal/conformance/servers"
	"myauth.internal/kit"
)

// TestImportKilled kills an import with SIGKILL at random moments, over and over, and then runs it to
// its end: the store then has exactly the accounts of the file. There are 3 kills for each store; for more:
//
//	MYAUTH_TEST_CRASH_ROUNDS=1000 go test -run TestImportKilled -timeout 3h .
func TestImportKilled(t *testing.T) {
	rounds := 3
	if s := os.Getenv("MYAUTH_TEST_CRASH_ROUNDS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			t.Fatalf("MYAUTH_TEST_CRASH_ROUNDS is %q: write a number of rounds", s)
		}
		rounds = n
	}
	for name, c := range map[string]struct {
		url   func(t testing.TB) string
		lines int
	}{
		"sqlite":   {func(testing.TB) string { return "sqlite:auth.db" }, 2000},
		"postgres": {schema, 2000},
		"mongo":    {database, 300}, // FerretDB is slow
		"redis":    {emptyRedis, 2000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const seed = 2026
			dir, rng := t.TempDir(), rand.New(rand.NewPCG(seed, uint64(len(name))))
			url := c.url(t)
			env := []string{"MYAUTH_STORE=" + url, "MYAUTH_JWT_SECRET=" + testSecret}
			lines := linesToKill(c.lines)
			file := filepath.Join(dir, "in.jsonl")
			if err := os.WriteFile(file, []byte(strings.Join(lines, "")), 0o600); err != nil {
				t.Fatal(err)
			}
			users := openUsers(t, dir, url)
			for round := range rounds {
				part := len(lines)/rounds + 1
				p := transferProcess(t, dir, env, "import", file)
				waitForUser(t, users, p, min(round*part+rng.IntN(part), len(lines)-1))
				_ = p.cmd.Process.Kill() // an error: it has ended
				<-p.done
			}
			last := transferProcess(t, dir, env, "import", file)
			if status := last.status(); status != 0 {
				t.Fatalf("the last import: status %d", status)
			}
			t.Logf("after %d kills: %s", rounds, strings.TrimSpace(last.out.String()))
			export := transferProcess(t, dir, env, "export", filepath.Join(dir, "out.jsonl"))
			if status := export.status(); status != 0 {
				t.Fatalf("export: status %d", status)
			}
			got, err := os.ReadFile(filepath.Join(dir, "out.jsonl"))
			if err != nil || !bytes.Equal(got, []byte(strings.Join(lines, ""))) {
				t.Errorf("the store has %d lines, and not those of the file, %v; the seed is %d", bytes.Count(got, []byte("\n")), err, seed)
			}
		})
	}
}

// linesToKill are accounts by ID, as an export writes them, some with credentials.
func linesToKill(n int) (lines []string) {
	const hash = "AQIDBAUGBwgBAgMEBQYHCAECAwQFBgcIAQIDBAUGBwg="
	for i := range n {
		credentials, role := "", ""
		if i%5 == 0 {
			for j := range 3 {
				credentials += fmt.Sprintf(`,{"id":"%022d","type":"passkey","hash":%q,"salt":%q,"version":%d,"created_at":"2021-05-01T08:00:00Z","expires_at":"9999-12-31T00:00:00Z"}`, 3*i+j, hash, hash, i+1)
			}
			credentials = `,"credentials":[` + credentials[1:] + `]`
		}
		if i%70 == 1 {
			role = `"roles":["admin"],`
		}
		lines = append(lines, fmt.Sprintf(`{"myauth":1,"id":"%06d","email":"user%d@example.com","username":"u",%s"user_settings":{},"is_verified":true,"is_active":true,"session_epoch":0,"credential_epoch":0,"created_at":"2021-05-01T08:00:00Z","updated_at":"2021-05-01T08:00:00Z"%s}`+"\n", i, i, role, credentials))
	}
	return lines
}

func transferProcess(t *testing.T, dir string, env []string, args ...string) *process {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := serverCommand(dir, exe, args...)
	cmd.Env = append(cmd.Env, env...)
	return startProcess(t, cmd, nil)
}

// openUsers opens the users that the process imports.
func openUsers(t *testing.T, dir, url string) kit.UserStore {
	t.Helper()
	var u storeURL
	if err := setStore(&u, strings.Replace(url, "sqlite:", "sqlite:"+dir+"/", 1)); err != nil {
		t.Fatal(err)
	}
	s, err := u.open(t.Context(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.close() })
	return s.Users
}

// waitForUser waits until an import has stored one account, or has ended.
func waitForUser(t *testing.T, users kit.UserStore, p *process, n int) {
	t.Helper()
	for {
		select {
		case <-p.done:
			return
		default:
		}
		_, err := users.ByID(t.Context(), fmt.Sprintf("%06d", n))
		if err == nil {
			return
		} else if !errors.Is(err, kit.ErrNotFound) && !errors.Is(err, kit.ErrUnavailable) {
			t.Fatal(err)
		}
	}
}

// emptyRedis is a database of the server that no other test uses.
func emptyRedis(t testing.TB) string {
	t.Helper()
	options, err := goredis.ParseURL(servers.Redis(t))
	if err != nil {
		t.Fatal(err)
	}
	options.DB = 9
	client := goredis.NewClient(options)
	empty := func() {
		if err := client.FlushDB(context.Background()).Err(); err != nil {
			t.Error(err)
		}
	}
	empty()
	t.Cleanup(func() { empty(); client.Close() })
	auth := ""
	if options.Password != "" {
		auth = options.Username + ":" + options.Password + "@"
	}
	return "redis://" + auth + options.Addr + "/9"
}
