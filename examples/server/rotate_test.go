package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/memstore"
)

// keyFile is the file of a signing key, and what an operator writes into it.
type keyFile struct {
	*testing.T
	algorithm string
	path      string
}

func newKeyFile(t *testing.T, algorithm string) *keyFile {
	t.Helper()
	f := &keyFile{t, algorithm, filepath.Join(t.TempDir(), "key")}
	f.write()
	return f
}

// settings are the lines that name the file.
func (f *keyFile) settings() []string {
	if f.algorithm == "ES256" {
		return []string{"MYAUTH_JWT_ALGORITHM=ES256", "MYAUTH_JWT_PRIVATE_KEY_FILE=" + f.path}
	}
	return []string{"MYAUTH_JWT_ALGORITHM=" + f.algorithm, "MYAUTH_JWT_SECRET_FILE=" + f.path}
}

// write writes a new key, and returns what the file has now.
func (f *keyFile) write() (content string) {
	f.Helper()
	content = rand.Text() + rand.Text() + "\n"
	if f.algorithm == "ES256" {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			f.Fatal(err)
		}
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			f.Fatal(err)
		}
		content = string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	}
	f.put(content)
	return content
}

func (f *keyFile) put(content string) {
	f.Helper()
	if err := os.WriteFile(f.path, []byte(content), 0o600); err != nil {
		f.Fatal(err)
	}
}

// rotating is a Service whose signing key is rotated, in a synctest bubble.
type rotating struct {
	*testing.T
	keys   *accesstoken.Keyring
	svc    *kit.Service
	hangup chan os.Signal
	log    *lockedLog
	mails  chan kit.Mail
}

// Send is of kit.Mailer.
func (r *rotating) Send(_ context.Context, m kit.Mail) error {
	r.mails <- m
	return nil
}

// lockedLog is a log that is read while others write.
type lockedLog struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lockedLog) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(line)
}

// take returns what was logged since the last call.
func (l *lockedLog) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.text.Reset()
	return l.text.String()
}

func startRotatingTest(t *testing.T, env func(string) (string, bool)) *rotating {
	t.Helper()
	s, err := parseSettings(env)
	if err != nil {
		t.Fatal(err)
	}
	keys, _, err := openKeys(&s)
	if err != nil {
		t.Fatal(err)
	}
	r := &rotating{T: t, keys: keys, hangup: make(chan os.Signal, 1), log: new(lockedLog), mails: make(chan kit.Mail, 10)}
	logger := slog.New(slog.NewTextHandler(r.log, nil))
	store := memstore.New()
	r.svc, err = kit.New(store.Stores(), keys, &kit.Options{
		BcryptCost: 4, InsecureFastHash: true, Logger: logger, Mailer: r, PublicURL: "http://x", RefreshGrace: -1,
		SessionMaxAge: -1, OnEvent: func(context.Context, kit.Event) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.svc.Register(t.Context(), kit.Registration{Email: "ada@example.com", Username: "Ada", Password: goodPassword}); err != nil {
		t.Fatal(err)
	}
	stop, err := startRotating(t.Context(), r.hangup, &s, keys, r.svc.KeyLifetime(), logger)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		if err := r.svc.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return r
}

// hup sends SIGHUP and returns what is logged of it.
func (r *rotating) hup() string {
	r.Helper()
	return r.logged(func() { r.hangup <- syscall.SIGHUP })
}

// logged returns what is logged after do.
func (r *rotating) logged(do func()) string {
	r.Helper()
	synctest.Wait()
	r.log.take()
	do()
	synctest.Wait()
	return r.log.take()
}

func (r *rotating) login() kit.TokenPair {
	r.Helper()
	tokens, err := r.svc.Login(r.Context(), "ada@example.com", goodPassword)
	if err != nil {
		r.Fatal(err)
	}
	return tokens
}

func (r *rotating) accepts(token kit.Secret) bool {
	_, _, err := r.svc.Authenticate(r.Context(), string(token))
	return err == nil
}

// published are the ids in the key set.
func published(t testing.TB, jwks string) (ids []string) {
	t.Helper()
	var set struct{ Keys []struct{ Kid string } }
	if err := json.Unmarshal([]byte(jwks), &set); err != nil {
		t.Fatal(err)
	}
	for _, key := range set.Keys {
		ids = append(ids, key.Kid)
	}
	return ids
}

func oneLine(t *testing.T, log, want, level string) {
	t.Helper()
	if strings.Count(log, "\n") != 1 || !strings.Contains(log, want) || !strings.Contains(log, "level="+level) {
		t.Errorf("it logged, and not one line at %s that says %q:\n%s", level, want, log)
	}
}

// TestHangupRotatesTheKey follows a key from its publication to the end of the one before it.
func TestHangupRotatesTheKey(t *testing.T) {
	for _, algorithm := range []string{"ES256", "HS256"} {
		t.Run(algorithm, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				file := newKeyFile(t, algorithm)
				r := startRotatingTest(t, env(file.settings()...))
				old := r.keys.IDs()[0]
				check := func(signing string, others ...string) {
					t.Helper()
					ids := r.keys.IDs()
					header, _ := jwtParts(t, string(r.login().AccessToken))
					if header["kid"] != signing || !slices.Equal(ids, append([]string{signing}, others...)) {
						t.Errorf("signed with %s, the keys are %v, want %s and %v", header["kid"], ids, signing, others)
					}
					set := published(t, string(r.svc.JWKS()))
					if algorithm == "ES256" && !slices.Equal(set, ids) || algorithm == "HS256" && len(set) > 0 {
						t.Errorf("published: %v", set)
					}
				}
				first := r.login()

				oneLine(t, r.hup(), "same key", "INFO")
				check(old)
				file.write()
				oneLine(t, r.hup(), "another key", "INFO")
				next := r.keys.IDs()[1]
				check(old, next)
				time.Sleep(publishFor - 2*time.Second)
				synctest.Wait()
				last := r.login()
				if err := r.svc.RequestEmailVerification(t.Context(), "ada@example.com"); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Second)
				check(old, next)

				oneLine(t, r.logged(func() { time.Sleep(time.Second) }), "keys of tokens have changed", "INFO")
				check(next, old)
				if !r.accepts(first.AccessToken) || !r.accepts(last.AccessToken) || !r.accepts(r.login().AccessToken) {
					t.Error("a token is refused")
				}
				renewed, err := r.svc.Refresh(t.Context(), string(last.RefreshToken))
				if err != nil || !r.accepts(renewed.AccessToken) {
					t.Errorf("the session of before: %v", err)
				}
				oneLine(t, r.hup(), "same key", "INFO")

				time.Sleep(24*time.Hour - 5*time.Second) // the lifetime of the link
				<-r.mails                                // of the registration
				link := <-r.mails
				if err := r.svc.VerifyEmail(t.Context(), string(link.Token)); err != nil {
					t.Errorf("the link of a mail of before: %v", err)
				}
				time.Sleep(publishFor)
				check(next, old)
				oneLine(t, r.logged(func() { time.Sleep(10 * time.Second) }), "keys of tokens have changed", "INFO")
				check(next)
				if log := r.logged(func() { time.Sleep(1000 * time.Hour) }); log != "" {
					t.Errorf("it goes on: %s", log)
				}
			})
		})
	}
}

// TestHangupWithABrokenFile: it says so in one line, without the secret, and the keys stay; also
// in the middle of a rotation, which goes on.
func TestHangupWithABrokenFile(t *testing.T) {
	for _, row := range []struct {
		name, algorithm string
		spoil           func(*keyFile)
		want            string
	}{
		{"gone", "ES256", func(f *keyFile) { os.Remove(f.path) }, "no such file"},
		{"gone", "HS256", func(f *keyFile) { os.Remove(f.path) }, "no such file"},
		{"empty", "ES256", func(f *keyFile) { f.put("") }, "PEM"},
		{"empty", "HS256", func(f *keyFile) { f.put("\n") }, "is empty"},
		{"cut", "ES256", func(f *keyFile) { c := f.write(); f.put(c[:len(c)/2]) }, "PEM"},
		{"cut", "HS256", func(f *keyFile) { f.put("s3cret") }, "at least 32"},
		{"another kind", "ES256", func(f *keyFile) { (&keyFile{f.T, "HS256", f.path}).write() }, "PEM"},
		{"another kind", "HS256", func(f *keyFile) { (&keyFile{f.T, "ES256", f.path}).write() }, "PEM"},
		{"a directory", "HS256", func(f *keyFile) { os.Remove(f.path); os.Mkdir(f.path, 0o700) }, "directory"},
	} {
		t.Run(row.name+"/"+row.algorithm, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				file := newKeyFile(t, row.algorithm)
				r := startRotatingTest(t, env(file.settings()...))
				file.write()
				r.hup()
				before := r.keys.IDs()
				row.spoil(file)
				content, _ := os.ReadFile(file.path)
				log := r.hup()
				oneLine(t, log, row.want, "ERROR")
				if !strings.Contains(log, "MYAUTH_JWT_") || len(content) > 3 && strings.Contains(log, strings.TrimSpace(string(content))) {
					t.Errorf("it logged %s", log)
				}
				if ids := r.keys.IDs(); !slices.Equal(ids, before) || len(ids) != 2 {
					t.Errorf("the keys are %v, and were %v", ids, before)
				}
				time.Sleep(publishFor)
				synctest.Wait()
				if ids := r.keys.IDs(); ids[0] != before[1] {
					t.Errorf("the rotation did not go on: %v, and were %v", ids, before)
				}
			})
		})
	}
}

// TestHangupsInARow: two keys after each other, and the way back.
func TestHangupsInARow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := newKeyFile(t, "HS256")
		r := startRotatingTest(t, env(file.settings()...))
		first, err := os.ReadFile(file.path)
		if err != nil {
			t.Fatal(err)
		}
		a := r.keys.IDs()[0]
		check := func(want ...string) {
			t.Helper()
			ids := r.keys.IDs()
			slices.Sort(ids[1:])
			slices.Sort(want[1:])
			if !slices.Equal(ids, want) {
				t.Errorf("the keys are %v, want %v", ids, want)
			}
		}
		file.write()
		r.hup()
		b := r.keys.IDs()[1]
		time.Sleep(publishFor / 2)
		oneLine(t, r.hup(), "same key", "INFO") // which does not begin anew
		time.Sleep(publishFor/2 - 1)
		check(a, b)
		file.write()
		oneLine(t, r.hup(), "another key", "INFO")
		c := slices.DeleteFunc(r.keys.IDs(), func(id string) bool { return id == a || id == b })[0]
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		check(a, b, c)
		tokens := r.login()
		time.Sleep(publishFor)
		synctest.Wait()
		check(c, a, b)
		file.put(string(first))
		oneLine(t, r.hup(), "another key", "INFO")
		check(c, a, b)
		time.Sleep(publishFor)
		synctest.Wait()
		check(a, b, c)
		if !r.accepts(tokens.AccessToken) {
			t.Error("a token is refused")
		}
		file.write()
		r.hup()
		file.put(string(first))
		oneLine(t, r.hup(), "key again that signs", "INFO")
		time.Sleep(48 * time.Hour)
		synctest.Wait()
		check(a)
	})
}

// TestHangupWithoutAFile changes nothing.
func TestHangupWithoutAFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := startRotatingTest(t, env("MYAUTH_JWT_SECRET="+testSecret))
		before := r.keys.IDs()
		oneLine(t, r.hup(), "in no file", "INFO")
		if ids := r.keys.IDs(); !slices.Equal(ids, before) {
			t.Errorf("the keys are %v, and were %v", ids, before)
		}
	})
}

// TestStopDoesNotWaitForAFile: a file that cannot be read to its end, as of a file server that is
// away, holds the end up for a moment only.
func TestStopDoesNotWaitForAFile(t *testing.T) {
	file := newKeyFile(t, "HS256")
	s, err := parseSettings(env(file.settings()...))
	if err != nil {
		t.Fatal(err)
	}
	keys, _, err := openKeys(&s)
	if err != nil {
		t.Fatal(err)
	}
	os.Remove(file.path)
	if err := syscall.Mkfifo(file.path, 0o600); err != nil {
		t.Fatal(err)
	}
	hangup := make(chan os.Signal)
	stop, err := startRotating(t.Context(), hangup, &s, keys, time.Hour, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	hangup <- syscall.SIGHUP
	stop()
	w, err := os.OpenFile(file.path, os.O_WRONLY, 0) // waits for the reader, and ends it
	if err != nil {
		t.Fatal(err)
	}
	w.Close()
}

// TestHangupOfAProcess: over HTTP and with a signal of the system.
func TestHangupOfAProcess(t *testing.T) {
	file := newKeyFile(t, "ES256")
	p := startServer(t, t.TempDir(), append(file.settings(), publishKeysFor+"=2s")...)
	kids := func() []string {
		t.Helper()
		return published(t, p.do(200, "GET", "/auth/.well-known/jwks.json", "", "").body)
	}
	kid := func(token string) string {
		header, _ := jwtParts(t, token)
		return fmt.Sprint(header["kid"])
	}
	p.do(201, "POST", "/auth/register", "", registration)
	verify := p.waitFor(`verify-email\?token=(\S+)$`)[1]
	before := p.do(200, "POST", "/auth/login", "", credentials)
	old := kids()
	file.put("no key")
	p.signal(syscall.SIGHUP)
	p.waitFor("level=ERROR.* the keys stay as they are")
	file.write()
	p.signal(syscall.SIGHUP)
	p.waitFor("another key")
	both := kids()
	if len(old) != 1 || len(both) != 2 || both[0] != old[0] {
		t.Fatalf("published %v, and before %v", both, old)
	}
	p.waitFor("keys of tokens have changed")
	after := p.do(200, "POST", "/auth/login", "", credentials)
	if kid(before.field(t, "access_token")) != both[0] || kid(after.field(t, "access_token")) != both[1] {
		t.Errorf("signed with %s and then with %s, published %v", kid(before.field(t, "access_token")), kid(after.field(t, "access_token")), both)
	}
	if now := kids(); !slices.Equal(now, []string{both[1], both[0]}) {
		t.Errorf("published %v", now)
	}
	p.do(200, "GET", "/auth/me", before.field(t, "access_token"), "")
	p.do(200, "GET", "/auth/me", after.field(t, "access_token"), "")
	p.do(200, "POST", "/auth/refresh", "", `{"refresh_token":"`+before.field(t, "refresh_token")+`"}`)
	p.do(204, "POST", "/auth/verify-email", "", `{"token":"`+verify+`"}`)
	p.signal(syscall.SIGHUP)
	p.waitFor("same key as before")
	p.stop()
}

// TestHangupOfATerminal: without a file of a key, SIGHUP ends a server that was started from a
// terminal, which is closed then, and no other.
func TestHangupOfATerminal(t *testing.T) {
	needTool(t, "setsid", "util-linux")
	needTool(t, "script", "util-linux")
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	without := startProcess(t, serverCommand(dir, "setsid", exe), nil)
	without.waitFor("listening on")
	without.signal(syscall.SIGHUP)
	without.waitFor("in no file")
	without.stop()

	// A test run by nohup would hand on that the signal is ignored; one that is handled is not.
	handled := make(chan os.Signal, 1)
	signal.Notify(handled, syscall.SIGHUP)
	defer signal.Stop(handled)

	// The server has a terminal and this test's ends of its input and its standard error.
	stdin := filepath.Join(dir, "stdin")
	if err := syscall.Mkfifo(stdin, 0o600); err != nil {
		t.Fatal(err)
	}
	with := startProcess(t, serverCommand(dir, "script", "-qec", "echo pid $$ >/proc/$PPID/fd/2; exec "+exe+" <>"+stdin+" 2>/proc/$PPID/fd/2", "/dev/null"), nil)
	with.waitFor("listening on")
	pid, err := strconv.Atoi(with.waitFor(`^pid (\d+)$`)[1])
	if err != nil {
		t.Fatal(err)
	}
	if err := with.cmd.Process.Kill(); err != nil { // of the terminal
		t.Fatal(err)
	}
	select {
	case <-with.done: // the server has the last end of standard error
	case <-time.After(patience):
		t.Error("the server goes on")
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}
