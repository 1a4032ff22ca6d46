// Command server is MyAuth's reference server: the whole /auth API on one store,
// set up by environment variables alone. Run it with -h for a list of them.
//
// It is also an example of the wiring. main.go is the way from the settings to a
// running server, settings.go the variables, stores.go, keys.go, mail.go, passkeys.go and
// providers.go what they choose, serve.go the server's life, rotate.go that of its signing key, and processors.go where it hashes.
// Commands work on the same stores: commands.go finds them and shell.go opens what they need.
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
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/throttle"
)

// The exit statuses beside 0. A setting that is wrong in itself is told from a
// start that failed because of something else: a file, a port.
const (
	exitFailed     = 1
	exitBadSetting = 2
)

func main() {
	hashOnEveryProcessor(os.Getenv("GOMAXPROCS"))
	os.Exit(run(os.Args[1:], surroundings{os.LookupEnv, os.Environ(), os.Stdin, os.Stdout, os.Stderr}))
}

// run is main with its surroundings as arguments. It returns the exit status.
func run(args []string, around surroundings) int {
	// From the very start, so that no signal leaves things half done.
	ctx, cancel := untilSignal()
	defer cancel()
	// The reader of the log may end first, as tee does after Ctrl-C. Requests go on.
	signal.Ignore(syscall.SIGPIPE)

	if len(args) > 0 {
		return runCommand(ctx, args, around)
	}
	s, logger, err := loadSettings(around)
	if err != nil {
		fmt.Fprintln(around.stderr, err)
		return exitBadSetting
	}
	hangup := make(chan os.Signal, 1)
	if s.keyInFile() || !fromTerminal() {
		signal.Notify(hangup, syscall.SIGHUP)
		defer signal.Stop(hangup)
	}
	if err := start(ctx, hangup, &s, logger, around.stderr); err != nil {
		fmt.Fprintln(around.stderr, err)
		return exitFailed
	}
	return 0
}

// loadSettings returns the settings and a logger of their form. It warns of settings that do not
// exist.
func loadSettings(around surroundings) (settings, *slog.Logger, error) {
	s, err := parseSettings(around.lookup)
	logger := newLogger(around.stderr, s.logFormat)
	if err != nil {
		return s, logger, err
	}
	for _, name := range unknownSettings(around.environ, s.rows()) {
		if strings.HasPrefix(name, providerPrefix) {
			return s, logger, s.bad(name, errStray)
		}
		logger.Warn("unknown setting, without effect: -h lists those that there are", "name", name)
	}
	return s, logger, nil
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
	monitoring, err := listenForMetrics(ctx, s)
	if err != nil {
		return unlessStopped(ctx, logger, err)
	}
	defer monitoring.close()
	store, err := openStores(ctx, s, logger)
	if err != nil {
		return unlessStopped(ctx, logger, err)
	}
	defer func() { err = errors.Join(err, store.closeInTime(logger)) }()

	publicURL := s.opts.PublicURL
	if publicURL == "" {
		publicURL = linkURL(l.Addr())
		if err := s.checkPublicURL(publicURL); err != nil {
			return err
		}
	}
	svc, err := serviceOver(s, store, keys, publicURL, logger, stderr, monitoring.features()...)
	if err != nil {
		return err
	}
	api := s.api
	api.Logger = logger
	handler, err := newHandler(svc, api, publicURL)
	if err != nil {
		return err
	}
	stopRotating, err := startRotating(ctx, hangup, s, keys, svc.KeyLifetime(), logger)
	if err != nil {
		return err
	}
	defer stopRotating()
	monitoring.serve(logger)
	return serve(ctx, l, svc, handler, logger, stderr)
}

// serviceOver returns the Service of the settings over opened stores, with more features than they say.
func serviceOver(s *settings, store stores, keys *accesstoken.Keyring, publicURL string, logger *slog.Logger, stderr io.Writer, more ...kit.Feature) (_ *kit.Service, err error) {
	opts := s.opts
	opts.Logger, opts.PublicURL = logger, publicURL
	if opts.Mailer, err = newMailer(s, logger, stderr); err != nil {
		return nil, err
	}
	if !opts.InsecureUnlimited {
		opts.Limiter = throttle.New(&throttle.Options{Shared: store.buckets, Logger: logger})
	}
	passkeys, err := newPasskeys(s, publicURL, logger)
	if err != nil {
		return nil, err
	}
	providers, err := newProviders(s, publicURL)
	if err != nil {
		return nil, err
	}
	opts.Features = slices.Concat(opts.Features, passkeys, providers, s.admin.features(), more)
	return kit.New(store.Stores, keys, &opts)
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
