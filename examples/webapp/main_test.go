package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/memstore"
	"myauth.internal/kit/seal"
	"myauth.internal/mailx"
)

func environment(vars ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(vars); i += 2 {
			if vars[i] == name {
				return vars[i+1]
			}
		}
		return ""
	}
}

func TestSettings(t *testing.T) {
	for name, c := range map[string]struct {
		vars []string
		err  string // what it names; empty: none
	}{
		"none":                {nil, ""},
		"everybody":           {[]string{"MYAUTH_ADDR", ":8080"}, "MYAUTH_SMTP_URL"},
		"everybody, relay":    {[]string{"MYAUTH_ADDR", "0.0.0.0:8080", "MYAUTH_SMTP_URL", "smtps://relay"}, "MYAUTH_PUBLIC_URL"},
		"everybody, complete": {[]string{"MYAUTH_ADDR", ":1", "MYAUTH_SMTP_URL", "smtps://relay", "MYAUTH_PUBLIC_URL", "https://notes.example"}, ""},
		"everybody, mailbox":  {[]string{"MYAUTH_ADDR", ":1", "MYAUTH_MAILBOX", "on", "MYAUTH_PUBLIC_URL", "https://notes.example/"}, ""},
		"behind a proxy":      {[]string{"MYAUTH_PUBLIC_URL", "https://notes.example"}, "MYAUTH_SMTP_URL"},
		"proxy, relay":        {[]string{"MYAUTH_PUBLIC_URL", "https://notes.example", "MYAUTH_SMTP_URL", "smtps://relay"}, ""},
		"proxy, localhost":    {[]string{"MYAUTH_PUBLIC_URL", "https://localhost:8443"}, ""},
		"http elsewhere":      {[]string{"MYAUTH_PUBLIC_URL", "http://notes.example"}, "MYAUTH_PUBLIC_URL"},
		"a path":              {[]string{"MYAUTH_PUBLIC_URL", "https://notes.example/app"}, "MYAUTH_PUBLIC_URL"},
		"another store":       {[]string{"MYAUTH_STORE", "postgres://x"}, "MYAUTH_STORE"},
	} {
		s, err := parseSettings(environment(c.vars...))
		if c.err == "" && (err != nil || s.database == "") || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
			t.Errorf("%s: %v, want %q", name, err, c.err)
		}
	}
	var help bytes.Buffer
	printHelp(&help)
	for _, setting := range settingsTable {
		if !strings.Contains(help.String(), setting.name) {
			t.Errorf("-h does not have %s", setting.name)
		}
	}
	for _, url := range []string{"ftp://relay", "smtp://a:secret@relay/x"} {
		if _, _, err := (&settings{smtpURL: url, mailFrom: "a@b.example"}).mailer(); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", url, err)
		}
	}
	if m, box, err := (&settings{smtpURL: "smtp://relay", mailFrom: "a@b.example"}).mailer(); m == nil || box != nil || err != nil {
		t.Error("with a relay there is a mailbox, or no mailer:", err)
	}
}

// TestKeysStay: with other keys no second factor could be read after a restart.
func TestKeysStay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	_, sealing, err := openKeys(path)
	if err != nil {
		t.Fatal(err)
	}
	sealed := sealing.Seal([]byte("secret"))
	_, sealing, err = openKeys(path)
	if err != nil {
		t.Fatal(err)
	}
	if text, _, err := sealing.Open(sealed); string(text) != "secret" {
		t.Errorf("%q, %v", text, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info, err)
	}
	if err := os.WriteFile(path, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := openKeys(path); err == nil {
		t.Error("keys that are too short were taken")
	}
}

// TestOnlyTheOwnerReads: SQLite writes accounts and notes into a second file first.
func TestOnlyTheOwnerReads(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a + b & c.db")
	for range 2 { // the second time the database is there, and the other file is new
		db, err := openDatabase(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := openNotes(t.Context(), db); err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec("INSERT INTO notes (user_id, text, created_at) VALUES ('1', 'secret', 0)"); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{path, path + "-wal"} {
			if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
				t.Error(name, info.Mode(), err)
			}
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRun starts the program, opens a page, and stops it.
func TestRun(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	said, stderr := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		store := "sqlite:" + filepath.Join(t.TempDir(), "app.db")
		err := run(ctx, environment("MYAUTH_ADDR", "127.0.0.1:0", "MYAUTH_STORE", store), stderr)
		stderr.Close()
		ended <- err
	}()
	var url, mailbox string
	for lines := bufio.NewScanner(said); mailbox == "" && lines.Scan(); {
		if found, ok := strings.CutPrefix(lines.Text(), "open "); ok {
			url = found
		}
		_, mailbox, _ = strings.Cut(lines.Text(), "they are at ")
	}
	if !strings.HasPrefix(url, "http://localhost:") || !strings.HasPrefix(mailbox, url+"/mailbox") {
		t.Fatalf("open %q, mailbox %q", url, mailbox)
	}
	go io.Copy(io.Discard, said)
	answer, err := http.Get(url + "/mailbox")
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Error(answer.Status)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := run(t.Context(), environment("MYAUTH_STORE", "memory:"), io.Discard); err == nil {
		t.Error("a bad setting was taken")
	}
}

func TestMailboxKeepsTheLast(t *testing.T) {
	box, err := newMailbox(&mailx.Options{ProductName: productName})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	for i := range keptMails + 5 {
		m := kit.Mail{Kind: kit.MailPasswordReset, To: "a@b.example", Link: "https://x.example/reset-password?token=t", Token: "t", Now: now.Add(time.Duration(i) * time.Hour), ValidUntil: now.Add(1000 * time.Hour)}
		if err := box.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	mails := box.latest()
	if len(mails) != keptMails || !mails[0].At.After(mails[1].At) {
		t.Error(len(mails), mails[0].At, mails[1].At)
	}
	if m := mails[0]; m.To != "a@b.example" || m.Subject != "Reset your password for Notebook" || m.Link == "" || !strings.HasPrefix(m.Text, "Hello") || strings.Contains(m.Text, "\n  ") || strings.Contains(m.Text, "---") {
		t.Errorf("%+v", m)
	}
	if err := box.Send(t.Context(), kit.Mail{Kind: "unknown", To: "a@b.example"}); err == nil {
		t.Error("a mail without a text was taken")
	}
}

// TestWithoutPasskeys: an address has none, and no page speaks of them.
func TestWithoutPasskeys(t *testing.T) {
	keys, err1 := accesstoken.HMAC(randomBytes(32))
	dataKeys, err2 := seal.NewKeyring(randomBytes(seal.KeySize))
	a, err3 := newApp(config{
		stores: memstore.New().Stores(), keys: keys, notes: &notes{}, publicURL: "https://192.0.2.1", options: kit.Options{DataKeys: dataKeys},
	})
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	defer a.svc.Close(t.Context())
	got := httptest.NewRecorder()
	a.ServeHTTP(got, httptest.NewRequestWithContext(t.Context(), "GET", "/sign-in", nil))
	for _, word := range []string{"asskey", "webauthn", "<script", "mailbox", "Continue with"} {
		if strings.Contains(got.Body.String(), word) {
			t.Errorf("the sign-in page has %q:\n%s", word, got.Body)
		}
	}
}
