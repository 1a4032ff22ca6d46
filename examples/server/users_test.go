package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"myauth.internal/conformance/servers"
	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
)

// TestShellOnEveryStore does what an administrator does, beside a running server and over each
// kind of store, and sees what becomes of the account at the server.
func TestShellOnEveryStore(t *testing.T) {
	for name, url := range map[string]func(t testing.TB) string{
		"sqlite": func(testing.TB) string { return "sqlite:auth.db" }, "postgres": servers.Postgres, "mongo": database, "redis": servers.Redis,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, env := t.TempDir(), []string{"MYAUTH_JWT_SECRET=" + testSecret, "MYAUTH_STORE=" + url(t), "MYAUTH_DATA_KEY=" + testDataKey, "MYAUTH_REGISTRATION=closed"}
			c := commander{t, dir, env}
			// The servers are shared with other tests. An empty store has no administrator.
			unique := strings.ToLower(rand.Text())
			email := unique + "-ada@example.com"
			create := c.run("Correct-Horse-7\n", "users", "create", strings.ToUpper(email[:3])+email[3:], "--role", "admin", "--role=editor", "--username", "Ada", "--password-stdin")
			if create.status != 0 || !strings.Contains(create.err, "event=user_registered") || !strings.Contains(create.err, "actor_id=shell") {
				t.Fatalf("the first administrator: %+v", create)
			}
			if again := c.run("Correct-Horse-7\n", "users", "create", email, "--password-stdin"); again.status != 1 || !strings.Contains(again.err, "has an account already") {
				t.Errorf("the same address again: %+v", again)
			}
			p := startServer(t, dir, env...)
			p.do(403, "POST", "/auth/register", "", registration) // which is closed, but not for the shell
			login := func(want int) answer {
				t.Helper()
				return p.do(want, "POST", "/auth/login", "", fmt.Sprintf(`{"email":%q,"password":"Correct-Horse-7"}`, email))
			}
			pair := login(200)
			u := c.user("users", "show", email)
			id, _ := u["id"].(string)
			if u["username"] != "Ada" || fmt.Sprint(u["roles"]) != "[admin editor]" || u["is_verified"] != true || u["has_password"] != true || fmt.Sprint(u["factors"]) != "[]" || len(u["sessions"].([]any)) != 1 {
				t.Errorf("show: %v", u)
			}
			if other := c.user("users", "show", id); fmt.Sprint(other) != fmt.Sprint(u) {
				t.Errorf("by ID: %v", other)
			}
			if o := c.want(0, "users", "show", email); !strings.Contains(o.out, "roles           admin, editor\n") || !strings.Contains(o.out, "sessions        1\n") {
				t.Errorf("show: %s", o.out)
			}

			second := unique + "-bob@example.com"
			if o := c.run("Correct-Horse-7\n", "users", "create", second, "--role", "admin", "--password-stdin"); o.status != 0 {
				t.Fatalf("%+v", o)
			}
			if name == "sqlite" || name == "postgres" {
				changeAnAccount(c, id, email, pair, login, p)
			}

			// The list, by address and by role.
			if o := c.want(0, "users", "list", "--email-prefix", unique, "--json"); strings.Count(o.out, "\n") != 2 || !strings.HasPrefix(o.out, `{"id":"`+id) {
				t.Errorf("list: %s", o.out)
			}
			c.want(0, "users", "role", "set", second)
			if o := c.want(0, "users", "list", "--email-prefix", strings.ToUpper(unique), "--role", "admin", "--json"); strings.Count(o.out, "\n") != 1 || !strings.Contains(o.out, id) {
				t.Errorf("list of administrators: %s", o.out)
			}
			if o := c.want(0, "users", "list"); !strings.Contains(o.out, id) || !strings.Contains(o.out, second) {
				t.Errorf("list of all: %s", o.out)
			}
			if o := c.want(0, "users", "list", "--email-prefix", unique+"-_"); o.out != "" {
				t.Errorf("a prefix has wildcards: %s", o.out)
			}

			// Deleted.
			c.want(0, "users", "role", "remove", second, "admin")
			c.want(0, "users", "delete", second, "--yes")
			if name == "sqlite" { // the others may have administrators of other tests
				for _, args := range [][]string{{"role", "remove", email, "admin"}, {"disable", email}, {"delete", email, "--yes"}} {
					if o := c.want(1, append([]string{"users"}, args...)...); !strings.Contains(o.err, "only active administrator") {
						t.Errorf("%v of the last administrator: %+v", args, o)
					}
				}
			}
			c.want(3, "users", "show", second)
			c.want(3, "users", "delete", second, "--yes")
			c.want(3, "users", "disable", "01a22d12-e7d0-7d4d-ad4f-4ef02f744ff2")
			p.stop()
		})
	}
}

// changeAnAccount does to an account of an administrator, who is not the only one, what can be undone.
func changeAnAccount(c commander, id, email string, pair answer, login func(int) answer, p *process) {
	c.t.Helper()
	// Roles.
	if o := c.want(0, "users", "role", "add", email, "author", "editor"); !strings.Contains(o.out, "has now: admin, editor, author\n") || strings.Count(o.err, "event=roles_changed") != 1 {
		c.t.Errorf("role add: %+v", o)
	}
	if u := c.user("users", "role", "remove", email, "editor"); fmt.Sprint(u["roles"]) != "[admin author]" {
		c.t.Errorf("role remove: %v", u)
	}
	if u := c.user("users", "role", "set", id, "admin"); fmt.Sprint(u["roles"]) != "[admin]" {
		c.t.Errorf("role set: %v", u)
	}
	if o := c.want(2, "users", "role", "add", email, "editor", strings.Repeat("x", 65)); !strings.Contains(o.out, "has now: ") || !strings.Contains(o.err, "at most 64 characters") {
		c.t.Errorf("a bad role: %+v", o)
	}

	// Disabled, enabled, logged out.
	if o := c.want(0, "users", "disable", email); !strings.Contains(o.err, "event=user_deactivated") {
		c.t.Errorf("disable: %+v", o)
	}
	login(403)
	p.do(403, "POST", "/auth/refresh", "", fmt.Sprintf(`{"refresh_token":%q}`, pair.field(c.t, "refresh_token")))
	if u := c.user("users", "enable", email); u["is_active"] != true {
		c.t.Errorf("enable: %v", u)
	}
	pair = login(200)
	c.want(0, "users", "end-sessions", email)
	p.do(401, "GET", "/auth/me", pair.field(c.t, "access_token"), "")

	// A factor that is lost.
	enrol(c, id)
	login(403)
	if o := c.want(2, "users", "reset-factors", email); !strings.Contains(o.err, "--yes") {
		c.t.Errorf("reset-factors without a terminal: %+v", o)
	}
	login(403)
	if o := c.want(0, "users", "reset-factors", email, "--yes"); !strings.Contains(o.out, "has no second factor") || !strings.Contains(o.err, "event=factors_reset") {
		c.t.Errorf("reset-factors: %+v", o)
	}
	login(200)
}

// enrol gives an account a second factor whose record is not there, as after a loss.
func enrol(c commander, id string) {
	t := c.t
	t.Helper()
	s, err := parseSettings(env(c.env...))
	if err != nil {
		t.Fatal(err)
	}
	if s.store.scheme == "sqlite" {
		s.store.rest = c.dir + "/" + s.store.rest
	}
	store, err := s.store.open(t.Context(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer store.close()
	u, err := store.Users.ByID(t.Context(), id)
	if err == nil {
		u.Factors = []string{"totp"}
		err = store.Users.Update(t.Context(), u)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestCreateMailsALink: without a password the owner gets a link, which sets it at the server.
func TestCreateMailsALink(t *testing.T) {
	dir := t.TempDir()
	p := startServer(t, dir)
	c := commander{t, dir, []string{"MYAUTH_PUBLIC_URL=" + p.url}}
	o := c.want(0, "users", "create", "ada@example.com")
	_, link, found := strings.Cut(o.err, "/reset-password?token=")
	if !found || !strings.Contains(o.out, "the link in the mail above") {
		t.Fatalf("%+v", o)
	}
	token, _, _ := strings.Cut(link, "\n")
	p.do(204, "POST", "/auth/password-reset", "", fmt.Sprintf(`{"token":%q,"new_password":"Correct-Horse-7"}`, token))
	p.do(200, "POST", "/auth/login", "", `{"email":"ada@example.com","password":"Correct-Horse-7"}`)
	p.stop()

	// The relay is down: the account is there, and it says what to do.
	c.env = append(c.env, "MYAUTH_SMTP_URL=smtp://"+freeAddress(t)+"?tls=none")
	if o := c.want(1, "users", "create", "bob@example.com"); !strings.Contains(o.out, "is created") || !strings.Contains(o.err, "was not sent, so ask for another one on the page "+p.url+"/reset-password") {
		t.Errorf("without a relay: %+v", o)
	}
	c.want(0, "users", "show", "bob@example.com")

	// Nobody knows where the link would lead.
	c.env = []string{"MYAUTH_ADDR=127.0.0.1:0"}
	if o := c.want(2, "users", "create", "eve@example.com"); !strings.Contains(o.err, "MYAUTH_PUBLIC_URL") {
		t.Errorf("without a public URL: %+v", o)
	}
	c.want(3, "users", "show", "eve@example.com")
	for _, bad := range []struct{ password, address, want string }{
		{"short\n", "eve@example.com", "password: use at least"}, {"", "eve@example.com", "no password"}, {"\n", "eve@example.com", "no password"},
		{"Correct-Horse-7\n", "eve", "email: must"}, {strings.Repeat("Aa1!", 50), "eve@example.com", "password: use at most"},
	} {
		if o := c.run(bad.password, "users", "create", bad.address, "--password-stdin"); o.status == 0 || !strings.Contains(o.err, bad.want) || strings.Contains(o.err, "Correct-Horse") {
			t.Errorf("%+v: %+v", bad, o)
		}
	}
}

// TestListIsHarmless: what people call themselves cannot move what else is on a terminal.
func TestListIsHarmless(t *testing.T) {
	dir := t.TempDir()
	c := commander{t, dir, nil}
	c.want(0, "users", "create", "ada@example.com", "--username", "Ada\u202eevil\u200b", "--role", "a\x1b[2Jb")
	for _, command := range [][]string{{"users", "list"}, {"users", "show", "ada@example.com"}, {"users", "role", "add", "ada@example.com", "x"}} {
		if o := c.want(0, command...); strings.ContainsAny(o.out, "\u202e\u200b\x1b") {
			t.Errorf("%v: %q", command, o.out)
		}
	}
	c.want(0, "users", "create", "somebody-with-a-long-address@example.com", "--username", "Bob")
	lines := strings.Split(c.want(0, "users", "list").out, "\n")
	if len(lines) != 4 || strings.Index(lines[0], "NAME") != strings.Index(lines[2], "Bob") || strings.Index(lines[0], "STATE") != strings.Index(lines[2], "active") {
		t.Errorf("the columns are not aligned:\n%s", strings.Join(lines, "\n"))
	}
}

// TestListPages: each account is listed once, over the end of a page too, by ID and by address.
func TestListPages(t *testing.T) {
	dir := t.TempDir()
	const n = 2*listPage + 1
	s := settings{store: storeURL{"sqlite", dir + "/myauth.db"}}
	store, err := s.store.open(t.Context(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := accesstoken.HMAC([]byte(testSecret))
	if err != nil {
		t.Fatal(err)
	}
	svc, err := kit.New(store.Stores, keys, &kit.Options{InsecureUnlimited: true, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if _, err := svc.Import(t.Context(), kit.User{Email: fmt.Sprintf("User-%d@example.com", i), Username: "U", Active: true}); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.close(); err != nil {
		t.Fatal(err)
	}
	// Ctrl-C after the first page.
	ctx, signal := context.WithCancel(t.Context())
	lookup := env("MYAUTH_STORE=sqlite:" + dir + "/myauth.db")
	var errOut bytes.Buffer
	if status := runCommand(ctx, []string{"users", "list"}, surroundings{lookup, nil, nil, onWrite(signal), &errOut}); status != 1 || errOut.String() != fmt.Sprintf("server users list: stopped after %d accounts\n", listPage) {
		t.Errorf("after a signal: status %d, %s", status, errOut.String())
	}

	c := commander{t, dir, nil}
	for _, args := range [][]string{nil, {"--email-prefix", "user-"}, {"--json"}} {
		o := c.want(0, append([]string{"users", "list"}, args...)...)
		seen := map[string]bool{}
		for line := range strings.Lines(o.out) {
			if _, after, found := strings.Cut(line, "User-"); found {
				seen[after[:strings.Index(after, "@")]] = true
			}
		}
		if lines := strings.Count(o.out, "@example.com"); len(seen) != n || lines != n {
			t.Errorf("%v: %d accounts in %d lines, want %d", args, len(seen), lines, n)
		}
	}
}

// onWrite calls a function at each write.
type onWrite func()

func (f onWrite) Write(p []byte) (int, error) {
	f()
	return len(p), nil
}

// TestPurgeCommand: what has expired long ago goes, in several batches, and the rest stays.
func TestPurgeCommand(t *testing.T) {
	dir := t.TempDir()
	c := commander{t, dir, nil}
	c.want(0, "users", "create", "ada@example.com")
	db := pool(t, "sqlite3", "file:"+dir+"/myauth.db")
	if _, err := db.Exec(`INSERT INTO credentials SELECT printf('%022d', value), 'x', '', '', 0, zeroblob(32), NULL, NULL, NULL, 0, 0, 1, 0, 1, 1, form FROM users, (WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < 2500) SELECT value FROM n) LIMIT 2500`); err != nil {
		t.Fatal(err)
	}
	if o := c.want(0, "purge", "--json"); o.out != "{\"deleted\":2500}\n" {
		t.Errorf("%+v", o)
	}
	if o := c.want(0, "purge"); o.out != "0 expired records are deleted\n" {
		t.Errorf("again: %+v", o)
	}
}
