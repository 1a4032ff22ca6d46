//go:build unix

package servers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// supervisor runs two commands, one after the other, until they end or until the pipe
// at descriptor 3 closes with the process that holds its other end. Then the directory
// goes, however much of it there is by then. What failed says so on standard error.
//
// Its arguments are the directory, the signal that ends the second command, the first
// command in the shell's own quoting (":" for none), and the words of the second.
const supervisor = `
dir=$1 signal=$2 setup=$3
shift 3
trap : PIPE # its output may have no reader any more
held() {
	stop=$1
	shift
	"$@" 3<&- </dev/null >>"$dir/log" 2>&1 &
	child=$!
	# Again and again: a program that has just begun may not listen to it yet.
	(cat <&3; while kill -s "$stop" "$child"; do sleep 1; done) >/dev/null 2>&1 &
	watcher=$!
	wait "$child" 2>/dev/null
	status=$?
	kill "$watcher" 2>/dev/null
	return "$status"
}
eval "held TERM $setup" && held "$signal" "$@"
status=$?
tail -c 1000 "$dir/log" >&2 2>/dev/null
# A child of what was ended may still write for a moment.
for again in 1 2 3 4 5 6 7 8 9 10; do
	rm -rf "$dir" 2>/dev/null && break
	sleep 1
done
exit "$status"
`

// program is how a server is started.
type program struct {
	dir     string   // its own, removed at its end
	setup   []string // a command that has to succeed before; it may be absent
	signal  string   // what ends the command at once
	command []string // with absolute path
	env     []string // of both; nil for that of this process
	as      *syscall.Credential
	ready   func() error // nil once it answers, and it is this one: another may have the port
}

// startTimeout is how long a server may take until it answers.
const startTimeout = 30 * time.Second

// running is a program under its supervisor.
type running struct {
	name  string
	hold  *os.File      // when it closes, the program and its directory go
	ended chan struct{} // closed at the end, after which err is set
	err   error
}

// launch runs p until this process ends.
func (p program) launch() (*running, error) {
	watched, hold, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer watched.Close()
	cmd := exec.Command("/bin/sh", append([]string{"-c", supervisor, "supervisor", p.dir, p.signal, quoted(p.setup)}, p.command...)...)
	cmd.Dir = p.dir
	cmd.Env = p.env
	cmd.ExtraFiles = []*os.File{watched}
	// A group of its own: what the terminal sends to this process is not for it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: p.as}
	var log bytes.Buffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, hold.Close())
	}
	r := &running{name: filepath.Base(p.command[0]), hold: hold, ended: make(chan struct{})}
	go func() {
		defer close(r.ended)
		if err := cmd.Wait(); err != nil {
			r.err = fmt.Errorf("%s: %w: %s", r.name, err, bytes.TrimSpace(log.Bytes())) // the end of its own log
		}
	}()
	return r, nil
}

// start runs p until this process ends, and returns once it is ready. When it fails, the
// directory is gone too.
func (p program) start() (*running, error) {
	r, err := p.launch()
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(p.dir))
	}
	if err := poll(r.ended, p.ready); err != nil {
		closed := r.hold.Close()
		<-r.ended // with the log
		return nil, errors.Join(fmt.Errorf("%s %w", r.name, err), r.err, closed, os.RemoveAll(p.dir))
	}
	holding.Lock()
	defer holding.Unlock()
	holding.programs = append(holding.programs, r)
	return r, nil
}

// poll calls ready until it succeeds, the program has ended or startTimeout is over.
func poll(ended <-chan struct{}, ready func() error) error {
	timeout := time.NewTimer(startTimeout)
	defer timeout.Stop()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		err := ready()
		select {
		case <-ended:
			return errors.New("ended")
		default:
		}
		if err == nil {
			return nil
		}
		select {
		case <-again.C:
		case <-ended:
		case <-timeout.C:
			return fmt.Errorf("does not answer within %v: %w", startTimeout, err)
		}
	}
}

// stop ends what was started, and returns once it is gone.
func (r *running) stop() error {
	holding.Lock()
	holding.programs = slices.DeleteFunc(holding.programs, func(other *running) bool { return other == r })
	holding.Unlock()
	err := r.hold.Close()
	<-r.ended // with an error, as it was killed
	return err
}

// run waits until p has ended by itself, or ends it when ctx is done.
func (p program) run(ctx context.Context) error {
	begin := time.Now()
	r, err := p.launch()
	if err != nil {
		return err
	}
	select {
	case <-r.ended:
		return errors.Join(r.err, r.hold.Close())
	case <-ctx.Done():
		closed := r.hold.Close()
		<-r.ended
		return errors.Join(fmt.Errorf("%s did not end within %v: %w", r.name, time.Since(begin).Round(time.Second/10), ctx.Err()), r.err, closed)
	}
}

// quoted writes a command so that a shell reads the same words.
func quoted(command []string) string {
	if len(command) == 0 {
		return ":"
	}
	words := make([]string, len(command))
	for i, word := range command {
		words[i] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	return strings.Join(words, " ")
}

// holding keeps what runs, so that no pipe is collected and thereby closed.
var holding struct {
	sync.Mutex
	programs []*running
}

// tempDir makes the directory of a server that runs as that user.
func tempDir(name string, as *syscall.Credential) (string, error) {
	dir, err := os.MkdirTemp("", "myauth-test-"+name+"-")
	if err != nil {
		return "", err
	}
	if as != nil {
		if err := os.Chown(dir, int(as.Uid), int(as.Gid)); err != nil {
			return "", errors.Join(err, os.Remove(dir))
		}
	}
	return dir, nil
}

// writeFile makes a file that only that user can read.
func writeFile(name, text string, as *syscall.Credential) error {
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil || as == nil {
		return err
	}
	return os.Chown(name, int(as.Uid), int(as.Gid))
}
