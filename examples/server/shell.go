package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"myauth.internal/kit"
)

// shell is what a command works with.
type shell struct {
	surroundings
	command  command
	settings settings
	problem  error // of the settings
	logger   *slog.Logger
	json     bool
	yes      bool

	transaction func(context.Context, func(kit.Stores) error) error // of the opened stores; nil: there are none
}

// record prints one record: with --json as a line of JSON, otherwise by plain.
func (sh *shell) record(v any, plain func(io.Writer) error) error {
	if !sh.json {
		return plain(sh.stdout)
	}
	enc := json.NewEncoder(sh.stdout)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// confirm lets the person at the terminal type a word, before what cannot be undone. what says
// what that is, as a sentence.
func (sh *shell) confirm(ctx context.Context, what, word string) error {
	if sh.yes {
		return nil
	}
	if !isTerminal(sh.stdin) {
		return wrongUsage("%s There is no terminal to ask: repeat it with --yes", what)
	}
	fmt.Fprintf(sh.stderr, "%s Type %s to go on: ", what, word)
	typed, err := sh.readLine(ctx)
	if err != nil {
		return err
	}
	if typed != word {
		return errors.New("that is something else: nothing was changed")
	}
	return nil
}

// readLine reads a line of standard input, without its end; an empty one if there is none. It does not
// wait for one after a signal.
func (sh *shell) readLine(ctx context.Context) (string, error) {
	type answer struct {
		line string
		err  error
	}
	answers := make(chan answer, 1)
	go func() { // until the line or the end of the process
		line, err := bufio.NewReader(io.LimitReader(sh.stdin, 4<<10)).ReadString('\n')
		if errors.Is(err, io.EOF) {
			err = nil
		}
		answers <- answer{strings.TrimRight(line, "\r\n"), err}
	}()
	select {
	case a := <-answers:
		return a.line, a.err
	case <-ctx.Done():
		return "", errors.New("stopped: nothing was changed")
	}
}

// isTerminal reports whether a person sits at the other end of a file. The null device, which is
// a device of characters too, has nobody.
func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}

// progress is the line that says how far long work has come: on a terminal always the same
// line, elsewhere one line in half a minute.
type progress struct {
	w        io.Writer
	terminal bool
	last     time.Time
	shown    bool
}

func (sh *shell) progress() *progress {
	return &progress{w: sh.stderr, terminal: isTerminal(sh.stderr), last: time.Now()}
}

// say shows the line if it is time for one.
func (p *progress) say(now time.Time, format string, args ...any) {
	every := 30 * time.Second
	if p.terminal {
		every = 200 * time.Millisecond
	}
	if now.Sub(p.last) < every {
		return
	}
	p.last, p.shown = now, true
	if p.terminal {
		fmt.Fprint(p.w, "\r\x1b[K"+fmt.Sprintf(format, args...))
	} else {
		fmt.Fprintf(p.w, format+"\n", args...)
	}
}

// end takes the line away, for what is written next.
func (p *progress) end() {
	if p.terminal && p.shown {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
	p.shown = false
}

// over opens the stores and a Service with the features of the server, and closes them after do:
// each mail that do has queued gets an attempt. The events of do name the shell as their actor.
func (sh *shell) over(ctx context.Context, do func(context.Context, *kit.Service, kit.Stores) error) (err error) {
	s := &sh.settings
	if err := sh.checkLasting(); err != nil {
		return err
	}
	keys, _, err := openKeys(s)
	if err != nil {
		return err
	}
	store, err := openStores(ctx, s, sh.logger)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.closeInTime(sh.logger)) }()
	svc, err := serviceOver(s, store, keys, publicURLOf(s), sh.logger, sh.stderr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sh.closeService(ctx, svc)) }()
	sh.transaction = store.transaction
	return do(ctx, svc, store.Stores)
}

// closeService waits for queued mails, as long as a server does that stops. A second call does
// nothing.
func (sh *shell) closeService(ctx context.Context, svc *kit.Service) error {
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin-closeWithin)
	defer cancel()
	return svc.Close(stop)
}

// checkLasting refuses stores in which the command would find and leave nothing.
func (sh *shell) checkLasting() error {
	s := &sh.settings
	if err := sh.checkStore("MYAUTH_STORE", s.store); err != nil || s.tokenStore == s.store {
		return err
	}
	return sh.checkStore("MYAUTH_TOKEN_STORE", s.tokenStore)
}

func (sh *shell) checkStore(name string, store storeURL) error {
	switch {
	case store.scheme == "memory":
		return sh.settings.bad(name, errors.New("memory: is each process's own: a command needs a store that lasts, the server's"))
	case store.scheme == "sqlite" && !sh.command.creates && !exists(store.rest):
		path, err := filepath.Abs(store.rest)
		if err != nil {
			path = store.rest
		}
		return sh.settings.bad(name, fmt.Errorf("there is no file %q: run the command in the directory of the server, or write an absolute path", path))
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, os.ErrNotExist)
}

// publicURLOf is where links in mails lead. Without MYAUTH_PUBLIC_URL it is what a server with
// the same MYAUTH_ADDR chooses, unless its port is 0.
func publicURLOf(s *settings) string {
	if s.opts.PublicURL != "" {
		return s.opts.PublicURL
	}
	host, port, err := net.SplitHostPort(s.addr)
	if err != nil {
		return "http://localhost" // never: setAddr has checked it
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && (ip.IsUnspecified() || ip.IsLoopback()) {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port)
}
