package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestServesWithDefaults is `go run ./examples/server` on a fresh machine: no
// setting beside the port and the cost that tests have.
func TestServesWithDefaults(t *testing.T) {
	dir := t.TempDir()
	p := startServer(t, dir)
	if !strings.HasPrefix(p.url, "http://127.0.0.1:") || strings.HasSuffix(p.url, ":0") {
		t.Errorf("it listens on %s", p.url)
	}
	p.waitFor(`level=WARN .*MYAUTH_JWT_SECRET is not set`)

	user := p.do(201, "POST", "/auth/register", "", registration)
	if user.field(t, "email") != "ada@example.com" {
		t.Errorf("registered %s", user.body)
	}
	p.do(401, "POST", "/auth/login", "", strings.Replace(credentials, "-7", "-8", 1))
	tokens := p.do(200, "POST", "/auth/login", "", credentials)
	me := p.do(200, "GET", "/auth/me", tokens.field(t, "access_token"), "")
	if me.field(t, "id") != user.field(t, "id") {
		t.Errorf("me is %s, registered was %s", me.body, user.body)
	}
	p.do(200, "POST", "/auth/refresh", "", fmt.Sprintf(`{"refresh_token":%q}`, tokens.field(t, "refresh_token")))
	p.do(200, "GET", "/auth/openapi.json", "", "")
	p.do(200, "GET", "/auth/.well-known/jwks.json", "", "")
	p.do(404, "GET", "/auth/nothing", "", "")

	link := p.waitFor(regexp.QuoteMeta(strings.Replace(p.url, "127.0.0.1", "localhost", 1)) + `/verify-email\?token=(\S+)`)
	p.do(204, "POST", "/auth/verify-email", "", fmt.Sprintf(`{"token":%q}`, link[1]))

	checkMode(t, filepath.Join(dir, "myauth.db"), 0o600)
	p.stop()
	if p.out.Len() > 0 {
		t.Errorf("standard output: %q", p.out.String())
	}
	if strings.Contains(p.stderr(), goodPassword) {
		t.Error("the log has the password")
	}
}

func checkMode(t *testing.T, path string, want os.FileMode) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != want {
		t.Errorf("%s has mode %v, want %v", path, info.Mode().Perm(), want)
	}
}

func TestSQLiteFileIsMadeWithItsDirectory(t *testing.T) {
	dir := t.TempDir()
	p := startServer(t, dir, "MYAUTH_STORE=sqlite:data/of the/server.db")
	p.do(200, "GET", "/readyz", "", "")
	checkMode(t, filepath.Join(dir, "data/of the/server.db"), 0o600)
	p.stop()
}

func TestRestartKeepsUsersAndSessions(t *testing.T) {
	dir := t.TempDir()
	secret := "MYAUTH_JWT_SECRET=" + testSecret
	p := startServer(t, dir, secret)
	p.do(201, "POST", "/auth/register", "", registration)
	tokens := p.do(200, "POST", "/auth/login", "", credentials)
	p.stop()

	p = startServer(t, dir, secret)
	p.do(200, "GET", "/auth/me", tokens.field(t, "access_token"), "")
	p.do(409, "POST", "/auth/register", "", registration)
	p.do(200, "POST", "/auth/refresh", "", fmt.Sprintf(`{"refresh_token":%q}`, tokens.field(t, "refresh_token")))
	if strings.Contains(p.stderr(), "MYAUTH_JWT_SECRET") {
		t.Error("it warns of a random secret")
	}
	p.stop()

	// Without the secret the access token is dead, as the warning says.
	p = startServer(t, dir)
	p.do(401, "GET", "/auth/me", tokens.field(t, "access_token"), "")
	p.do(200, "POST", "/auth/login", "", credentials)
	p.stop()
}

func TestTokensInAnotherStore(t *testing.T) {
	dir := t.TempDir()
	start := func() *process { return startServer(t, dir, "MYAUTH_TOKEN_STORE=memory:") }
	p := start()
	p.do(201, "POST", "/auth/register", "", registration)
	tokens := p.do(200, "POST", "/auth/login", "", credentials)
	p.stop()

	p = start()
	p.do(401, "POST", "/auth/refresh", "", fmt.Sprintf(`{"refresh_token":%q}`, tokens.field(t, "refresh_token")))
	p.do(200, "POST", "/auth/login", "", credentials)
	p.stop()
}

func TestMemoryStoreLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	p := startServer(t, dir, "MYAUTH_STORE=memory:")
	p.do(201, "POST", "/auth/register", "", registration)
	p.do(200, "POST", "/auth/login", "", credentials)
	p.stop()
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left: %v %v", left, err)
	}
}

// TestSettingsOverHTTP starts a server for each row and looks for the effect of
// the settings from outside.
func TestSettingsOverHTTP(t *testing.T) {
	rows := []struct {
		name  string
		env   []string
		check func(*testing.T, *process)
	}{
		{"conceal", []string{"MYAUTH_CONCEAL_ACCOUNTS=1", "MYAUTH_REQUIRE_VERIFIED_EMAIL=1"}, func(t *testing.T, p *process) {
			a, b := p.do(202, "POST", "/auth/register", "", registration), p.do(202, "POST", "/auth/register", "", registration)
			if a.body != b.body {
				t.Errorf("%q and %q differ", a.body, b.body)
			}
		}},
		{"behind a proxy", []string{"MYAUTH_TRUSTED_PROXIES=127.0.0.0/8", "MYAUTH_PUBLIC_PREFIX=/api/auth", "MYAUTH_REALM=the shop"}, func(t *testing.T, p *process) {
			if a := p.do(201, "POST", "/auth/register", "", registration); a.header.Get("Location") != "/api/auth/me" {
				t.Errorf("Location: %s", a.header.Get("Location"))
			}
			if a := p.do(401, "GET", "/auth/me", "", ""); a.header.Get("WWW-Authenticate") != `Bearer realm="the shop"` {
				t.Errorf("WWW-Authenticate: %s", a.header.Get("WWW-Authenticate"))
			}
			request, err := http.NewRequestWithContext(t.Context(), "POST", p.url+"/auth/login", strings.NewReader(credentials))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Content-Type", "application/json")
			request.Header.Set("X-Forwarded-For", "203.0.113.9")
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			p.waitFor(`203\.0\.113\.9`)
		}},
		{"require verified email", []string{"MYAUTH_REQUIRE_VERIFIED_EMAIL=true"}, func(t *testing.T, p *process) {
			p.do(201, "POST", "/auth/register", "", registration)
			if code := p.do(403, "POST", "/auth/login", "", credentials).field(t, "code"); code != "email_not_verified" {
				t.Errorf("code %s", code)
			}
		}},
		{"lifetimes", []string{"MYAUTH_ACCESS_TOKEN_TTL=90s", "MYAUTH_REFRESH_TOKEN_TTL=2h", "MYAUTH_JWT_ISSUER=https://issuer.example", "MYAUTH_JWT_AUDIENCE=shop", "MYAUTH_JWT_ALGORITHM=HS384"}, func(t *testing.T, p *process) {
			p.do(201, "POST", "/auth/register", "", registration)
			tokens := p.do(200, "POST", "/auth/login", "", credentials)
			m := tokens.object(t)
			if m["expires_in"] != 90.0 || m["refresh_token_expires_in"] != 7200.0 {
				t.Errorf("lifetimes %v and %v", m["expires_in"], m["refresh_token_expires_in"])
			}
			header, claims := jwtParts(t, tokens.field(t, "access_token"))
			if header["alg"] != "HS384" || claims["iss"] != "https://issuer.example" || claims["aud"] != "shop" {
				t.Errorf("header %v, claims %v", header, claims)
			}
		}},
		{"session max age", []string{"MYAUTH_SESSION_MAX_AGE=1h"}, func(t *testing.T, p *process) {
			p.do(201, "POST", "/auth/register", "", registration)
			if got := p.do(200, "POST", "/auth/login", "", credentials).object(t)["refresh_token_expires_in"]; got != 3600.0 {
				t.Errorf("refresh_token_expires_in %v", got)
			}
		}},
		{"no grace", []string{"MYAUTH_REFRESH_GRACE=0"}, func(t *testing.T, p *process) {
			p.do(201, "POST", "/auth/register", "", registration)
			tokens := p.do(200, "POST", "/auth/login", "", credentials)
			refresh := fmt.Sprintf(`{"refresh_token":%q}`, tokens.field(t, "refresh_token"))
			p.do(200, "POST", "/auth/refresh", "", refresh)
			p.do(401, "POST", "/auth/refresh", "", refresh)
		}},
		{"cookies", []string{"MYAUTH_COOKIES=on"}, func(t *testing.T, p *process) {
			p.do(201, "POST", "/auth/register", "", registration)
			login := p.do(200, "POST", "/auth/login", "", credentials)
			body := login.object(t)
			for _, member := range []string{"access_token", "refresh_token", "device_token"} {
				if body[member] != nil {
					t.Errorf("the body has %s", member)
				}
			}
			if got := len(login.header.Values("Set-Cookie")); got != 3 {
				t.Errorf("%d cookies", got)
			}
			p.do(401, "POST", "/auth/refresh", "", "")
			p.do(204, "POST", "/auth/logout", "", "")
		}},
		{"administration", []string{"MYAUTH_ADMIN=on", "MYAUTH_ADMIN_EMAIL=ADA@example.com"}, func(t *testing.T, p *process) {
			id := p.do(201, "POST", "/auth/register", "", registration).field(t, "id")
			access := p.do(200, "POST", "/auth/login", "", credentials).field(t, "access_token")
			p.do(403, "GET", "/auth/admin/users", access, "")
			token := p.waitFor(`/verify-email\?token=([\w.-]+)`)[1]
			p.do(204, "POST", "/auth/verify-email", "", fmt.Sprintf(`{"token":%q}`, token))
			if users, _ := p.do(200, "GET", "/auth/admin/users", access, "").object(t)["users"].([]any); len(users) != 1 {
				t.Errorf("got %v", users)
			}
			p.do(200, "PATCH", "/auth/admin/users/"+id, access, `{"username":"Boss"}`)
			p.waitFor(`event=roles_changed user_id=` + id + ` actor_id=first_admin`)
			p.waitFor(`event=user_renamed user_id=` + id + ` actor_id=` + id)
			invitation := p.do(201, "POST", "/auth/admin/invitations", access, `{"email":"grace@example.com","roles":["editor"]}`).field(t, "id")
			p.waitFor(`event=invitation_made actor_id=` + id + ` target_id=` + invitation)
			link := p.waitFor(`(/accept-invitation\?token=)(myauth_in_[\w-]+)`)
			p.do(200, "GET", link[1]+link[2], "", "")
			p.do(201, "POST", "/auth/invitations/accept", "", fmt.Sprintf(`{"token":%q,"username":"Grace","password":"Compiler#1952"}`, link[2]))
			p.waitFor(`event=invitation_accepted user_id=\S+ target_id=` + invitation)
		}},
		{"registration by invitation", []string{"MYAUTH_ADMIN=on", "MYAUTH_REGISTRATION=invited"}, func(_ *testing.T, p *process) {
			p.do(403, "POST", "/auth/register", "", registration)
			p.do(401, "POST", "/auth/invitations/accept", "", `{"token":"x","username":"Grace","password":"Compiler#1952"}`)
		}},
		{"registration closed", []string{"MYAUTH_REGISTRATION=closed"}, func(_ *testing.T, p *process) {
			p.do(403, "POST", "/auth/register", "", registration)
			p.do(404, "POST", "/auth/invitations/accept", "", `{}`)
		}},
		{"policy", []string{"MYAUTH_PASSWORD_POLICY=length"}, func(_ *testing.T, p *process) {
			p.do(201, "POST", "/auth/register", "", `{"email":"a@example.com","username":"a","password":"mauve giraffe sofa"}`)
		}},
		{"strict policy", nil, func(_ *testing.T, p *process) {
			p.do(422, "POST", "/auth/register", "", `{"email":"a@example.com","username":"a","password":"mauve giraffe sofa"}`)
		}},
		{"links", []string{"MYAUTH_PUBLIC_URL=https://example.com/app/"}, func(_ *testing.T, p *process) {
			p.do(201, "POST", "/auth/register", "", registration)
			p.waitFor(`https://example\.com/app/verify-email\?token=`)
		}},
		{"below a path", []string{"MYAUTH_PREFIX=/app/auth", "MYAUTH_PUBLIC_URL=https://example.com/app"}, func(_ *testing.T, p *process) {
			p.do(404, "POST", "/auth/register", "", registration)
			p.do(201, "POST", "/app/auth/register", "", registration)
			link := p.waitFor(`https://example\.com(/app)(/verify-email\?token=\S+)`)
			p.do(200, "GET", link[1]+link[2], "", "") // from a proxy that leaves the path
			p.do(200, "GET", link[2], "", "")         // and from one that takes it off
		}},
		{"misspelled", []string{"MYAUTH_PUBLIC_ULR=https://s3cret.example"}, func(t *testing.T, p *process) {
			p.waitFor(`level=WARN .*MYAUTH_PUBLIC_ULR`)
			if strings.Contains(p.stderr(), "s3cret") {
				t.Error("its value is shown")
			}
		}},
		{"every interface", []string{"MYAUTH_ADDR=:0"}, func(t *testing.T, p *process) {
			_, port, err := net.SplitHostPort(strings.TrimPrefix(p.url, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			p.do(201, "POST", "/auth/register", "", registration)
			p.waitFor(`http://localhost:` + port + `/verify-email\?token=`)
		}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			p := startServer(t, t.TempDir(), append(row.env, "MYAUTH_STORE=memory:")...)
			row.check(t, p)
			p.stop()
		})
	}
}

func jwtParts(t *testing.T, token string) (header, claims map[string]any) {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("%d parts", len(parts))
	}
	for i, into := range []*map[string]any{&header, &claims} {
		text, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err == nil {
			err = json.Unmarshal(text, into)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return header, claims
}

// TestJSONLog: each line of the log is a JSON object. The line that says where it
// listens is for people and scripts, and the same in both formats.
func TestJSONLog(t *testing.T) {
	p := startServer(t, t.TempDir(), "MYAUTH_STORE=memory:", "MYAUTH_LOG_FORMAT=json")
	p.do(201, "POST", "/auth/register", "", registration)
	p.do(200, "POST", "/auth/login", "", credentials)
	p.waitFor(`verify-email\?token=`)
	p.stop()
	for _, line := range strings.Split(p.stderr(), "\n") {
		if line != "listening on "+p.url && !json.Valid([]byte(line)) {
			t.Errorf("not JSON: %s", line)
		}
	}
}

func TestHealth(t *testing.T) {
	p := startServer(t, t.TempDir())
	for _, path := range []string{"/healthz", "/readyz"} {
		a := p.do(200, "GET", path, "", "")
		if a.field(t, "status") != "ok" || a.header.Get("Cache-Control") != "no-store" || a.header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %v %s", path, a.header, a.body)
		}
		p.do(405, "POST", path, "", "{}")
	}
	p.do(404, "GET", "/auth/healthz", "", "")
	p.stop()
}

// TestBadSettingStopsTheStart runs a few of the rows of badSettings, and those
// that only show when something is opened, as an operator would meet them.
func TestBadSettingStopsTheStart(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "notes.txt"), []byte("s3cret, and no key and no database: "+strings.Repeat("x", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	rows := []struct {
		status int
		env    []string // the first one is to be named
		want   string
	}{
		{2, []string{"MYAUTH_ADDR=localhost"}, "HOST:PORT"},
		{2, []string{"MYAUTH_STORE=postgres:u:s3cret@db/auth"}, "not a URL"},
		{2, []string{"MYAUTH_STORE=mongodb://u:s3cret@db"}, "name of the database"},
		{1, []string{"MYAUTH_STORE=postgres://u:s3cret@127.0.0.1:1/auth?sslmode=disable"}, "refused"},
		{1, []string{"MYAUTH_STORE=mongodb://u:s3cret@127.0.0.1:1/auth?serverSelectionTimeoutMS=100"}, "refused"},
		{1, []string{"MYAUTH_TOKEN_STORE=redis://:s3cret@127.0.0.1:1"}, "refused"},
		{2, []string{"MYAUTH_JWT_SECRET=s3cret"}, "at least 32"},
		{2, []string{"MYAUTH_SMTP_URL=smtp://u:s3cret@mail.example:x"}, ""},
		{2, []string{"MYAUTH_BCRYPT_COST=4", "MYAUTH_INSECURE_FAST_HASH=false"}, "MYAUTH_INSECURE_FAST_HASH=1"},
		{1, []string{"MYAUTH_ADDR=" + taken.Addr().String()}, "in use"},
		{1, []string{"MYAUTH_STORE=sqlite:notes.txt/auth.db"}, ""},
		{1, []string{"MYAUTH_STORE=sqlite:notes.txt"}, ""},
		{1, []string{"MYAUTH_TOKEN_STORE=sqlite:" + dir}, ""},
		{1, []string{"MYAUTH_JWT_PRIVATE_KEY_FILE=absent.pem", "MYAUTH_JWT_ALGORITHM=RS256"}, "no such file"},
		{1, []string{"MYAUTH_JWT_PRIVATE_KEY_FILE=notes.txt", "MYAUTH_JWT_ALGORITHM=ES256"}, "notes.txt"},
	}
	for _, row := range rows {
		t.Run(row.env[0], func(t *testing.T) {
			p := launch(t, dir, nil, append([]string{"MYAUTH_JWT_SECRET="}, row.env...)...)
			if status := p.status(); status != row.status {
				t.Errorf("exit status %d, want %d", status, row.status)
			}
			var lines []string
			for _, line := range strings.Split(p.stderr(), "\n") {
				if !strings.Contains(line, "level=WARN") {
					lines = append(lines, line)
				}
			}
			name, _, _ := strings.Cut(row.env[0], "=")
			checkBadSetting(t, strings.Join(lines, "\n"), name, row.want)
			if p.out.Len() > 0 || strings.Contains(p.stderr(), "s3cret") {
				t.Errorf("stdout %q, stderr %q", p.out.String(), p.stderr())
			}
		})
	}
}

func TestArgumentsAreRefused(t *testing.T) {
	var out, errOut bytes.Buffer
	status := run([]string{"-port", "80"}, surroundings{env(), nil, nil, &out, &errOut})
	if status != exitBadSetting || out.Len() > 0 || strings.Count(errOut.String(), "\n") != 1 || !strings.Contains(errOut.String(), `"-port"`) {
		t.Errorf("status %d, stdout %q, stderr %q", status, out.String(), errOut.String())
	}
}
