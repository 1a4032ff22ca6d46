// Command webapp is a small complete web application with accounts: a notebook. Run it, open the
// address that it prints, and sign up; its mails are at /mailbox. README.md beside this file has
// a tour, and says what to copy.
//
// main.go is the way from the settings to a running server. app.go lists the pages, render.go
// writes them, and each other file is a group of them: signup.go, confirm.go, password.go,
// signin.go, factors.go, passkeys.go, providers.go, account.go, mailbox.go, and notes.go, the
// application itself.
package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	_ "github.com/ncruces/go-sqlite3/driver" // the database/sql driver "sqlite3"

	"myauth.internal/drivers/sqlite"
	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/seal"
	"myauth.internal/mailx"
)

func main() {
	if len(os.Args) > 1 {
		printHelp(os.Stdout)
		if arg := strings.TrimLeft(os.Args[1], "-"); arg != "h" && arg != "help" {
			os.Exit(2)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Getenv, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run serves until ctx is done. It says on stderr where.
func run(ctx context.Context, getenv func(string) string, stderr io.Writer) (err error) {
	s, err := parseSettings(getenv)
	if err != nil {
		return err
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", s.addr)
	if err != nil {
		return fmt.Errorf("MYAUTH_ADDR: %w", err)
	}
	defer func() { _ = l.Close() }() // closed already, unless something below fails
	s.listening(l.Addr().(*net.TCPAddr))

	db, err := openDatabase(s.database)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	store, err := sqlite.New(ctx, db, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	notes, err := openNotes(ctx, db)
	if err != nil {
		return err
	}
	signing, dataKeys, err := openKeys(s.database + ".keys")
	if err != nil {
		return err
	}
	c := config{
		stores: store.Stores(), keys: signing, notes: notes, publicURL: s.publicURL,
		adminEmail: s.adminEmail,
		options:    kit.Options{DataKeys: dataKeys},
	}
	if c.options.Mailer, c.mailbox, err = s.mailer(); err != nil {
		return err
	}
	if c.providers, err = newProviders(getenv); err != nil {
		return err
	}
	app, err := newApp(c)
	if err != nil {
		return err
	}
	fmt.Fprintln(stderr, "listening on http://"+l.Addr().String())
	fmt.Fprintln(stderr, "open", s.publicURL)
	if c.mailbox != nil {
		fmt.Fprintln(stderr, "mails are not sent: they are at", s.publicURL+"/mailbox, where everybody can read them who can open it")
	}
	return serve(ctx, l, app)
}

// serve answers on l until ctx is done. Then running requests end, and queued mails are sent.
func serve(ctx context.Context, l net.Listener, app *app) error {
	server := &http.Server{
		Handler: app, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
		WriteTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10,
	}
	purging, stopPurging := context.WithCancel(ctx)
	purged := make(chan struct{})
	go func() {
		defer close(purged)
		_ = app.svc.PurgeEvery(purging, time.Hour) // it logs what goes wrong
	}()
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	var err error
	select {
	case <-ctx.Done():
		slog.Info("stopping")
	case err = <-failed:
	}
	stopPurging()
	<-purged
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return errors.Join(err, server.Shutdown(stopping), app.svc.Close(stopping))
}

// openDatabase opens the SQLite file, which holds the accounts and the notes. Only its owner may
// read it, and the file -wal beside it, in which SQLite first writes everything: modeof sees to that.
func openDatabase(path string) (*sql.DB, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("MYAUTH_STORE: %w", err)
	}
	if err := file.Close(); err != nil {
		return nil, err
	}
	return sql.Open("sqlite3", "file:"+filepath.ToSlash(path)+
		"?modeof="+strings.ReplaceAll(url.QueryEscape(path), "+", "%20")+"&_pragma=busy_timeout(5000)&_pragma=journal_mode(wal)&_pragma=synchronous(full)")
}

// openKeys reads the secrets of this installation, and makes them at the first start: one signs
// access tokens, the other seals the secrets of second factors. In production both come from where
// your other secrets are.
func openKeys(path string) (*accesstoken.Keyring, *seal.Keyring, error) {
	const half = seal.KeySize
	secrets, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		secrets = randomBytes(2 * half)
		err = os.WriteFile(path, secrets, 0o600)
	}
	if err != nil {
		return nil, nil, err
	}
	if len(secrets) != 2*half {
		return nil, nil, fmt.Errorf("%s must have %d random bytes: remove it, and a new one is made; then nobody has a second factor that works", path, 2*half)
	}
	signing, err1 := accesstoken.HMAC(secrets[:half])
	sealing, err2 := seal.NewKeyring(secrets[half:])
	return signing, sealing, errors.Join(err1, err2)
}

// mailer returns what sends the mails: an SMTP relay if there is one, or else the mailbox.
func (s *settings) mailer() (kit.Mailer, *mailbox, error) {
	opts := &mailx.Options{From: s.mailFrom, ProductName: productName}
	if s.smtpURL == "" {
		box, err := newMailbox(opts)
		return box, box, err
	}
	relay, err := mailx.ParseURL(s.smtpURL)
	if err != nil {
		return nil, nil, fmt.Errorf("MYAUTH_SMTP_URL: %w", err)
	}
	m, err := mailx.New(relay, opts)
	return m, nil, err
}
