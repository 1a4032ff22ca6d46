package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"myauth.internal/conformance/servers"
)

// diagnosis is what the doctor says.
type diagnosis struct {
	t      testing.TB
	status int
	lines  []finding
	text   string
}

// ask runs the doctor with --json.
func (c commander) ask() diagnosis {
	c.t.Helper()
	o := c.run("", "doctor", "--json")
	d := diagnosis{t: c.t, status: o.status, text: o.out + o.err}
	if o.err != "" {
		c.t.Errorf("the doctor writes to standard error: %s", o.err)
	}
	bad := false
	for line := range strings.Lines(o.out) {
		var f finding
		if err := json.Unmarshal([]byte(line), &f); err != nil || f.Message == "" || f.Check == "" {
			c.t.Fatalf("%q: %v", line, err)
		}
		if f.Status != "ok" && f.Fix == "" && !strings.HasPrefix(f.Message, "MYAUTH_") { // the error of a setting says it
			c.t.Errorf("it does not say what to do: %s", line)
		}
		bad = bad || f.Status == "problem"
		d.lines = append(d.lines, f)
	}
	if bad != (o.status == 1) || !bad && o.status != 0 {
		c.t.Errorf("exit status %d with\n%s", o.status, o.out)
	}
	return d
}

// says wants a line of a check with a status and some words in its message.
func (d diagnosis) says(status, check, words string) {
	d.t.Helper()
	for _, f := range d.lines {
		if f.Status == status && f.Check == check && strings.Contains(f.Message, words) {
			return
		}
	}
	d.t.Errorf("no line %s %s %q in\n%s", status, check, words, d.text)
}

// TestDoctorOfAHealthyServer: beside a server that runs, on each kind of store, nothing is a problem,
// and the stores are left as they were.
func TestDoctorOfAHealthyServer(t *testing.T) {
	for name, url := range map[string]func(t testing.TB) string{
		"sqlite": func(testing.TB) string { return "sqlite:auth.db" }, "postgres": servers.Postgres, "mongo": database, "redis": servers.Redis,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, settings := t.TempDir(), []string{"MYAUTH_JWT_SECRET=" + testSecret, "MYAUTH_DATA_KEY=" + testDataKey, "MYAUTH_STORE=" + url(t), "MYAUTH_BCRYPT_COST=10"}
			p := startServer(t, dir, settings...)
			c := commander{t, dir, append(settings, "MYAUTH_PUBLIC_URL="+strings.Replace(p.url, "127.0.0.1", "localhost", 1))}
			d := c.ask()
			d.says("ok", "settings", "nothing is wrong or risky")
			d.says("ok", "keys", "HS256")
			d.says("ok", "stores", "credentials, in MYAUTH_STORE: writing, reading and deleting work")
			d.says("ok", "stores", "tokens, in MYAUTH_STORE: writing, reading and deleting work")
			d.says("ok", "url", "answers")
			d.says("warning", "mail", "MYAUTH_SMTP_URL")
			if name != "sqlite" {
				return // others have administrators there
			}
			d.says("ok", "disk", "left")
			d.says("ok", "files", "only their owner")
			file := filepath.Join(dir, "auth.db")
			err := os.Chmod(file, 0o604)
			open := c.ask()
			if open.says("warning", "files", "may read"); err != nil || strings.Count(open.text, "may read") != 1 {
				t.Errorf("of one file, %v:\n%s", err, open.text)
			}
			if err := os.Chmod(file, 0o600); err != nil {
				t.Fatal(err)
			}
			d.says("warning", "accounts", "there is no administrator")
			first := commander{t, dir, append(c.env, "MYAUTH_ADMIN=on", "MYAUTH_ADMIN_EMAIL=eve@example.com")}
			first.ask().says("warning", "accounts", "the address of MYAUTH_ADMIN_EMAIL has no account")
			p.do(201, "POST", "/auth/register", "", `{"email":"eve@example.com","username":"Eve","password":"Correct-Horse-7"}`)
			first.ask().says("warning", "accounts", "is not verified yet")
			c.want(0, "users", "delete", "eve@example.com", "--yes")
			c.want(0, "users", "create", "eve@example.com")
			first.ask().says("warning", "accounts", "becomes one at its next login")
			c.want(0, "users", "disable", "eve@example.com")
			first.ask().says("warning", "accounts", "the account of MYAUTH_ADMIN_EMAIL is disabled")
			c.want(0, "users", "delete", "eve@example.com", "--yes")
			c.want(0, "users", "create", "ada@example.com", "--role", "admin")
			c.ask().says("warning", "accounts", "1 of 1 administrators have no second factor")
			c.env = append(c.env, "MYAUTH_ADMIN=on", "MYAUTH_ADMIN_EMAIL=bob@example.com")
			c.ask().says("warning", "accounts", "MYAUTH_ADMIN_EMAIL has no effect")
			db := pool(t, "sqlite3", "file:"+filepath.Join(dir, "auth.db"))
			var rows int
			if err := db.QueryRow("SELECT count(*) FROM tokens WHERE token_type = 'doctor'").Scan(&rows); err != nil || rows != 0 {
				t.Errorf("%d records of the doctor are left: %v", rows, err)
			}
			if o := c.want(0, "doctor"); !strings.Contains(o.out, "ok       keys        HS256") || !strings.Contains(o.out, ". To do: ") {
				t.Errorf("in plain lines:\n%s", o.out)
			}

			// What is wrong in the store.
			id := fmt.Sprint(c.user("users", "show", "ada@example.com")["id"])
			enrol(c, id)
			c.env = append(c.env, "MYAUTH_DATA_KEY=")
			c.ask().says("problem", "accounts", "1 of the first 1 accounts cannot log in")
			if _, err := db.Exec("UPDATE users SET form = form + 100"); err != nil {
				t.Fatal(err)
			}
			c.ask().says("problem", "accounts", "cannot be read")
		})
	}
}

// TestDoctorOfSettings: each risk is said, as a problem only where other machines reach the server.
func TestDoctorOfSettings(t *testing.T) {
	dir := t.TempDir()
	bind := freeAddress(t)
	for _, test := range []struct {
		settings []string
		status   string
		check    string
		words    string
	}{
		{[]string{"MYAUTH_TYPO=1"}, "warning", "settings", "there is no setting MYAUTH_TYPO"},
		{[]string{"MYAUTH_ADDR=nonsense", "MYAUTH_STORE=nonsense"}, "problem", "settings", "MYAUTH_ADDR: "},
		{[]string{"MYAUTH_ADDR=nonsense", "MYAUTH_STORE=nonsense"}, "problem", "settings", "MYAUTH_STORE: "},
		{[]string{"MYAUTH_JWT_SECRET=short"}, "problem", "settings", "MYAUTH_JWT_SECRET: "},
		{[]string{"MYAUTH_JWT_SECRET=" + strings.Repeat("changeme", 6)}, "problem", "settings", "repeats few characters"},
		{[]string{"MYAUTH_ADDR=0.0.0.0:1"}, "problem", "settings", "MYAUTH_PUBLIC_URL is not set"},
		{[]string{"MYAUTH_PUBLIC_URL=http://192.0.2.1"}, "problem", "settings", "in clear"},
		{[]string{"MYAUTH_PUBLIC_URL=http://192.0.2.1"}, "warning", "settings", "passkeys are off"},
		{[]string{"MYAUTH_PUBLIC_URL=https://localhost:1"}, "problem", "settings", "all clients count as one"},
		{[]string{"MYAUTH_COOKIES=on"}, "warning", "settings", "MYAUTH_COOKIES without https"},
		{[]string{"MYAUTH_METRICS_ADDR=:9000"}, "warning", "settings", "MYAUTH_METRICS_ADDR listens"},
		{[]string{"MYAUTH_THROTTLE=off"}, "warning", "settings", "MYAUTH_THROTTLE is off"},
		{[]string{"MYAUTH_THROTTLE=off", "MYAUTH_PUBLIC_URL=http://192.0.2.1"}, "problem", "settings", "MYAUTH_THROTTLE is off"},
		{[]string{"MYAUTH_BCRYPT_COST=4"}, "warning", "settings", "MYAUTH_BCRYPT_COST is 4"},
		{[]string{"MYAUTH_SESSION_MAX_AGE=0"}, "warning", "settings", "MYAUTH_SESSION_MAX_AGE is 0"},
		{nil, "warning", "settings", "MYAUTH_DATA_KEY is not set"},
		{[]string{"MYAUTH_STORE=memory:"}, "warning", "settings", "MYAUTH_STORE is memory"},
		{[]string{"MYAUTH_TRUSTED_PROXIES=8.0.0.0/7"}, "warning", "settings", "many addresses"},
		{[]string{"MYAUTH_SMTP_URL=smtp://192.0.2.1?tls=none"}, "warning", "settings", "in clear"},
		{nil, "warning", "stores", "there is no file " + filepath.Join(dir, "myauth.db")},
		{nil, "warning", "keys", "MYAUTH_JWT_SECRET is not set"},
		{[]string{"MYAUTH_JWT_ALGORITHM=ES256", "MYAUTH_JWT_PRIVATE_KEY_FILE=/none"}, "problem", "keys", "MYAUTH_JWT_PRIVATE_KEY_FILE: "},
		{[]string{"MYAUTH_STORE=postgres://app:hush-hush@" + bind + "/app"}, "problem", "stores", "refused"},
		{[]string{"MYAUTH_STORE=mongodb://app:hush-hush@" + bind + "/app"}, "problem", "stores", "MYAUTH_STORE: "},
		{[]string{"MYAUTH_STORE=redis://:hush-hush@" + bind + "/0"}, "problem", "stores", "refused"},
		{[]string{"MYAUTH_SMTP_URL=smtp://app:hush-hush@" + bind}, "problem", "mail", "refused"},
		{nil, "warning", "mail", "MYAUTH_SMTP_URL is not set"},
		{nil, "warning", "url", "nothing answers at http://localhost:"},
		{[]string{"MYAUTH_ADDR=127.0.0.1:0"}, "warning", "url", "not known before its start"},
		{[]string{"MYAUTH_PROVIDERS=acme", "MYAUTH_PROVIDER_ACME_ISSUER=http://" + bind, "MYAUTH_PROVIDER_ACME_CLIENT_ID=a", "MYAUTH_PROVIDER_ACME_ALLOW_PRIVATE=true", "MYAUTH_PROVIDER_ACME_CLIENT_SECRET=hush-hush"}, "problem", "providers", "acme: "},
	} {
		t.Run(test.check+" "+test.words, func(t *testing.T) {
			t.Parallel()
			c := commander{t, dir, append([]string{"MYAUTH_ADDR=" + bind, checksWithin + "=2s", "MYAUTH_BCRYPT_COST=10"}, test.settings...)}
			d := c.ask()
			d.says(test.status, test.check, test.words)
			if strings.Contains(d.text, "hush-hush") {
				t.Errorf("a password is printed:\n%s", d.text)
			}
		})
	}
	t.Cleanup(func() {
		if files, err := os.ReadDir(dir); err != nil || len(files) > 0 {
			t.Errorf("the doctor made %v: %v", files, err)
		}
	})
}

// TestDoctorOfSilence: a store and a relay that take connections and never answer end each check in
// its time.
func TestDoctorOfSilence(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() }) // until then its backlog holds the connections
	silent := l.Addr().String()
	for _, store := range []string{"postgres://app:hush-hush@" + silent + "/app?sslmode=disable", "mongodb://app:hush-hush@" + silent + "/app", "redis://:hush-hush@" + silent + "/0"} {
		t.Run(store[:5], func(t *testing.T) {
			t.Parallel()
			d := commander{t, t.TempDir(), []string{"MYAUTH_STORE=" + store, "MYAUTH_SMTP_URL=smtp://" + silent + "?tls=none", "MYAUTH_PUBLIC_URL=http://" + silent, checksWithin + "=1s"}}.ask()
			d.says("problem", "stores", "MYAUTH_STORE: ")
			d.says("problem", "mail", "mailx: ")
			d.says("problem", "url", "does not answer")
			if strings.Contains(d.text, "hush-hush") {
				t.Errorf("a password is printed:\n%s", d.text)
			}
		})
	}
}

// TestWithin: a check that does not know of its deadline is left alone, and a signal ends the wait.
func TestWithin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		stubborn := func(context.Context) []finding { <-release; return nil }
		begin := time.Now()
		if _, err := within(t.Context(), stubborn); err != errHangs || time.Since(begin) != checkWithin+closeWithin {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
		obedient := func(ctx context.Context) []finding { <-ctx.Done(); return []finding{fine("late")} }
		begin = time.Now()
		if found, err := within(t.Context(), obedient); err != nil || len(found) != 1 || time.Since(begin) != checkWithin {
			t.Errorf("%v %v after %v", found, err, time.Since(begin))
		}
		ctx, signal := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, signal)
		if _, err := within(ctx, stubborn); err != context.Canceled {
			t.Errorf("after a signal: %v", err)
		}
		close(release)
	})
}

// TestDoctorOfKeys: whether the server that answers has the key of these settings, how old it is, and
// who may read it.
func TestDoctorOfKeys(t *testing.T) {
	paths := []string{}
	for range 2 {
		der, err := x509.MarshalPKCS8PrivateKey(testKeys(t)["ES256"])
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, writePEM(t, "PRIVATE KEY", der))
	}
	key := func(path string) []string {
		return []string{"MYAUTH_JWT_ALGORITHM=ES256", "MYAUTH_JWT_PRIVATE_KEY_FILE=" + path}
	}
	dir := t.TempDir()
	p := startServer(t, dir, key(paths[0])...)
	ask := func(settings ...string) diagnosis {
		return commander{t, dir, append(settings, "MYAUTH_PUBLIC_URL="+p.url)}.ask()
	}
	d := ask(key(paths[0])...)
	d.says("ok", "url", "publishes the key that signs here")
	d.says("ok", "keys", "ES256 signs with the key in "+paths[0])
	ask(key(paths[1])...).says("problem", "url", "publishes other keys")
	ask("MYAUTH_JWT_SECRET="+testSecret).says("problem", "url", "publishes a key")

	old := time.Now().AddDate(-2, 0, 0)
	if err := os.Chtimes(paths[0], old, old); err != nil {
		t.Fatal(err)
	}
	ask(key(paths[0])...).says("warning", "keys", "days old")
	for mode, want := range map[os.FileMode]string{0o604: "warning", 0o602: "problem"} {
		if err := os.Chmod(paths[0], mode); err != nil {
			t.Fatal(err)
		}
		ask(key(paths[0])...).says(want, "files", "every user of this machine may")
	}
	p.stop()
}

// TestDoctorOfTheURL: what is not MyAuth, not trusted, elsewhere or of another time is said.
func TestDoctorOfTheURL(t *testing.T) {
	none := `{"keys":[]}`
	answers := func(body string, change func(http.ResponseWriter) int) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			status := 200
			if change != nil {
				status = change(w)
			}
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		})
	}
	secured := httptest.NewTLSServer(answers(none, nil))
	defer secured.Close()
	for want, handler := range map[string]http.Handler{
		"MyAuth is not there": answers("", func(http.ResponseWriter) int { return 404 }),
		"is not MyAuth":       answers("<html>", nil),
		"it redirects elsewhere": answers("", func(w http.ResponseWriter) int {
			w.Header().Set("Location", "https://elsewhere.example/")
			return 302
		}),
		"apart": answers(none, func(w http.ResponseWriter) int {
			w.Header().Set("Date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))
			return 200
		}),
		"links in mails lead there": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !strings.Contains(r.URL.Path, "jwks") {
				http.NotFound(w, r)
				return
			}
			fmt.Fprint(w, none)
		}),
		"cannot be trusted": nil,
	} {
		server := secured
		if handler != nil {
			server = httptest.NewServer(handler)
			defer server.Close()
		}
		d := commander{t, t.TempDir(), []string{"MYAUTH_PUBLIC_URL=" + server.URL}}.ask()
		d.says("problem", "url", want)
	}
	commander{t, t.TempDir(), []string{"MYAUTH_PUBLIC_URL=https://nowhere.invalid", checksWithin + "=3s"}}.ask().says("problem", "url", "nowhere.invalid")

	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	until := func(d time.Duration) *tls.ConnectionState {
		return &tls.ConnectionState{PeerCertificates: []*x509.Certificate{{NotAfter: now.Add(d)}}}
	}
	if found := checkCertificate(until(13*24*time.Hour), now); len(found) != 1 || found[0].Status != "warning" {
		t.Errorf("a certificate that ends soon: %v", found)
	}
	if found := checkCertificate(until(15*24*time.Hour), now); len(found) != 0 {
		t.Errorf("a certificate that lasts: %v", found)
	}
}

// TestCheckFree is the space that is left.
func TestCheckFree(t *testing.T) {
	for free, want := range map[uint64]string{99 << 20: "problem", 100 << 20: "warning", 1<<30 - 1: "warning", 1 << 30: "ok"} {
		if f := checkFree("/var", free); f.Status != want {
			t.Errorf("%d bytes: %v", free, f)
		}
	}
	if free, err := freeSpace(t.TempDir()); err == nil && free == 0 {
		t.Error("no space at all")
	}
}

// TestSecretsOfSettings: whatever quotes a setting, no password in it is shown.
func TestSecretsOfSettings(t *testing.T) {
	for value, secrets := range map[string][]string{
		"MYAUTH_STORE=postgres://app:hush%40hush@localhost/app":             {"hush%40hush", "hush@hush"},
		"MYAUTH_STORE=postgres://app:pa@ss/word@localhost/app?x=a@b":        {"pa@ss/word"},
		"MYAUTH_STORE=postgres://localhost/app?user=app&password=hush-hush": {"hush-hush"},
		"MYAUTH_SMTP_URL=smtp://app:hush-hush@localhost":                    {"hush-hush"},
		"MYAUTH_JWT_SECRET=" + testSecret:                                   {testSecret},
		"MYAUTH_DATA_KEY=" + testDataKey + "," + "T" + testDataKey[1:]:      {testDataKey},
	} {
		s, err := parseSettings(env(value))
		if err != nil {
			t.Fatalf("%s: %v", value, err)
		}
		x := &examination{shell: &shell{settings: s, surroundings: surroundings{lookup: env(value)}}}
		for _, secret := range secrets {
			if text := x.secretValues().Replace("it said: <" + secret + ">, of localhost"); text != "it said: <…>, of localhost" {
				t.Errorf("%s: %s", value, text)
			}
		}
	}
}
