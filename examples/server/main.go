// Command server is MyAuth's reference server: the whole /auth API on one store,
// set up by environment variables alone. Run it with -h for a list of them.
//
// It is also an example of the wiring. main.go is the way from the settings to a
// running server, settings.go the variables, stores.go, keys.go, mail.go, passkeys.go and
// providers.go what they choose, serve.go the server's life, and rotate.go that of its signing key.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"myauth.internal/kit"
	"myauth.internal/kit/throttle"
)

// The exit statuses beside 0. A setting that is wrong in itself is told from a
// start that failed because of something else: a file, a port.
const (
	exitFailed     = 1
	exitBadSetting = 2
)

func main() {
	os.Exit(run(os.Args[1:], os.LookupEnv, os.Environ(), os.Stdout, os.Stderr))
}

// run is main with its surroundings as arguments. It returns the exit status.
func run(args []string, lookup func(string) (string, bool), environ []string, stdout, stderr io.Writer) int {
	// From the very start, so that no signal leaves things half done.
	ctx, cancel := untilSignal()
	defer cancel()
	// The reader of the log may end first, as tee does after Ctrl-C. Requests go on.
	signal.Ignore(syscall.SIGPIPE)

	if len(args) > 0 {
		switch args[0] {
		case "-h", "-help", "--help":
			printHelp(stdout)
			return 0
		}
		fmt.Fprintf(stderr, "unknown argument %s: settings come from the environment, and -h lists them\n", shown(args[0]))
		return exitBadSetting
	}
	s, err := parseSettings(lookup)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return exitBadSetting
	}
	hangup := make(chan os.Signal, 1)
	if s.keyInFile() || !fromTerminal() {
		signal.Notify(hangup, syscall.SIGHUP)
		defer signal.Stop(hangup)
	}
	logger := newLogger(stderr, s.logFormat)
	for _, name := range unknownSettings(environ, s.rows()) {
		if strings.HasPrefix(name, providerPrefix) {
			fmt.Fprintln(stderr, s.bad(name, errStray))
			return exitBadSetting
		}
		logger.Warn("unknown setting, without effect: -h lists those that there are", "name", name)
	}
	if err := start(ctx, hangup, &s, logger, stderr); err != nil {
		fmt.Fprintln(stderr, err)
		return exitFailed
	}
	return 0
}

// untilSignal returns a context that ends with the first SIGTERM or SIGINT. From
// then on nothing handles them, so a second one ends the process at once.
func untilSignal() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	go func() {
		select {
		case <-signals:
		case <-ctx.Done():
		}
		signal.Stop(signals) // before anybody learns of the first
		cancel()
	}()
	return ctx, cancel
}

// start opens what the settings name and serves until ctx is done. After each signal of hangup
// it reads the file of the signing key anew.
func start(ctx context.Context, hangup <-chan os.Signal, s *settings, logger *slog.Logger, stderr io.Writer) (err error) {
	keys, ephemeral, err := openKeys(s)
	if err != nil {
		return err
	}
	if ephemeral {
		logger.Warn("MYAUTH_JWT_SECRET is not set: a random one is used, and access tokens and the links of verification mails die at restart")
	}
	// The listener comes before the rest, because links in mails need its port and
	// a second server must not get as far as the store.
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", s.addr)
	if err != nil {
		return unlessStopped(ctx, logger, s.bad("MYAUTH_ADDR", listenProblem(err)))
	}
	defer func() { _ = l.Close() }() // closed already, unless something below fails
	store, err := openStores(ctx, s, logger)
	if err != nil {
		return unlessStopped(ctx, logger, err)
	}
	defer func() { err = errors.Join(err, store.closeInTime(logger)) }()

	opts := s.opts
	opts.Logger = logger
	if opts.PublicURL == "" {
		opts.PublicURL = linkURL(l.Addr())
		if err := s.checkPublicURL(opts.PublicURL); err != nil {
			return err
		}
	}
	if opts.Mailer, err = newMailer(s, logger, stderr); err != nil {
		return err
	}
	if !opts.InsecureUnlimited {
		opts.Limiter = throttle.New(&throttle.Options{Shared: store.buckets, Logger: logger})
	}
	passkeys, err := newPasskeys(s, opts.PublicURL, logger)
	if err != nil {
		return err
	}
	providers, err := newProviders(s, opts.PublicURL)
	if err != nil {
		return err
	}
	opts.Features = slices.Concat(opts.Features, passkeys, providers)
	svc, err := kit.New(store.Stores, keys, &opts)
	if err != nil {
		return err
	}
	api := s.api
	api.Logger = logger
	handler, err := newHandler(svc, api, opts.PublicURL)
	if err != nil {
		return err
	}
	stopRotating, err := startRotating(ctx, hangup, s, keys, svc.KeyLifetime(), logger)
	if err != nil {
		return err
	}
	defer stopRotating()
	return serve(ctx, l, svc, handler, logger, stderr)
}

// unlessStopped is err, and nil once a signal has come: an error of a start that a
// signal cut short says nothing about a setting.
func unlessStopped(ctx context.Context, logger *slog.Logger, err error) error {
	if ctx.Err() == nil {
		return err
	}
	logger.Info("stopping")
	return nil
}

// listenProblem is the cause of a failed Listen, with what to do about it.
func listenProblem(err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%w: stop the other program, or choose another port (0 picks a free one)", err)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("%w: choose a port from 1024 up", err)
	default:
		return err
	}
}

func newLogger(w io.Writer, format string) *slog.Logger {
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, nil))
	}
	return slog.New(slog.NewTextHandler(w, nil))
}

// printHelp lists the settings.
func printHelp(w io.Writer) {
	io.WriteString(w, "The MyAuth reference server: POST /auth/register and the rest of the API.\n\n"+
		"Settings come from the environment; one that is set but empty counts as not set.\n\n")
	printRows(w, settingsTable)
	io.WriteString(w, "\nEach NAME in MYAUTH_PROVIDERS has variables of its own, with NAME in capitals:\n\n")
	printRows(w, ofEachProvider())
	io.WriteString(w, "\nSIGTERM and SIGINT stop it in order, within 10 s; a second one at once.\n"+
		"SIGHUP reads the file of the signing key anew (MYAUTH_JWT_SECRET_FILE, MYAUTH_JWT_PRIVATE_KEY_FILE):\n"+
		"a new key is published, signs some minutes later, and the old one verifies until its last token is over.\n")
}

func printRows(w io.Writer, rows []setting) {
	for _, row := range rows {
		preset := row.preset
		if preset == "" {
			preset = row.otherwise
		}
		fmt.Fprintf(w, "  %s (default: %s)\n        %s\n", row.name, preset, row.meaning)
		if row.secret {
			fmt.Fprintf(w, "        %s is the path of a file that holds it\n", row.name+fileSuffix)
		}
	}
}
