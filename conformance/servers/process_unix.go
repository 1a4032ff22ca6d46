//go:build unix

package servers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
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
trap : PIPE # nobody may read any more what it says
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
			r.err = fmt.Errorf("%s: %w: %s", r.name, err, tail(log.Bytes()))
		}
	}()
	return r, nil
}

// start runs p until this process ends, and returns once it is ready.
func (p program) start() (*running, error) {
	r, err := p.launch()
	if err != nil {
		return nil, err
	}
	timeout := time.NewTimer(startTimeout)
	defer timeout.Stop()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		err := p.ready()
		select {
		case <-r.ended:
			return nil, errors.Join(fmt.Errorf("%s ended", r.name), r.err, r.hold.Close())
		default:
		}
		if err == nil {
			holding.Lock()
			defer holding.Unlock()
			holding.programs = append(holding.programs, r)
			return r, nil
		}
		select {
		case <-again.C:
		case <-r.ended:
		case <-timeout.C:
			closed := r.hold.Close()
			<-r.ended // with the log
			return nil, errors.Join(fmt.Errorf("%s does not answer within %v: %w", r.name, startTimeout, err), r.err, closed)
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
		return errors.Join(fmt.Errorf("%s did not end within %v: %w", r.name, rounded(time.Since(begin)), ctx.Err()), r.err, closed)
	}
}

// rounded is how a time is told.
func rounded(d time.Duration) time.Duration { return d.Round(100 * time.Millisecond) }

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

func tail(log []byte) string {
	return strings.TrimSpace(string(log[max(0, len(log)-1000):]))
}

// tempDir makes the directory of a server, owned by whom it runs as.
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

// writeFile makes a file for whom a server runs as, and nobody else.
func writeFile(name, text string, as *syscall.Credential) error {
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil || as == nil {
		return err
	}
	return os.Chown(name, int(as.Uid), int(as.Gid))
}

// unprivileged returns whom to run as, where that must not be root.
func unprivileged(names ...string) (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil //nolint:nilnil // as whoever this is
	}
	for _, name := range names {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			return nil, err
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			return nil, err
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, fmt.Errorf("this is root, and none of the users %q exists", names)
}

// find returns the absolute path of a program: the one in PATH, or that of the
// highest version in the directories that the patterns match.
func find(name string, dirs ...string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return filepath.Abs(path)
	}
	var found []string
	for _, pattern := range dirs {
		if matches, err := filepath.Glob(filepath.Join(pattern, name)); err == nil {
			found = append(found, matches...)
		}
	}
	if len(found) == 0 {
		return "", fmt.Errorf("the program %s is not installed", name)
	}
	return slices.MaxFunc(found, func(a, b string) int { return slices.Compare(versionIn(a), versionIn(b)) }), nil
}

// beside returns the path of a program that belongs to another one: 9.6's initdb and
// 16's postgres are no pair. One may be a link to where both of them are.
func beside(path, name string) (string, error) {
	dirs := []string{filepath.Dir(path)}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		dirs = append(dirs, filepath.Dir(real))
	}
	for _, dir := range dirs {
		if found, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return found, nil
		}
	}
	return "", fmt.Errorf("there is a %s, but no %s beside it", path, name)
}

// versionIn returns the numbers in a path: 9.6 is less than 15.
func versionIn(path string) []int {
	var numbers []int
	for _, digits := range strings.FieldsFunc(path, func(r rune) bool { return r < '0' || r > '9' }) {
		if n, err := strconv.Atoi(digits); err == nil {
			numbers = append(numbers, n)
		}
	}
	return numbers
}

// loopback is where all servers listen.
const loopback = "127.0.0.1"

// freePorts returns ports that nobody listens on at this moment. Somebody may take
// one before the server does, so starts are tried more than once.
func freePorts(n int) ([]string, error) {
	var ports []string
	for range n {
		l, err := net.Listen("tcp", net.JoinHostPort(loopback, "0"))
		if err != nil {
			return nil, err
		}
		defer l.Close()
		_, port, err := net.SplitHostPort(l.Addr().String())
		if err != nil {
			return nil, err
		}
		ports = append(ports, port)
	}
	return ports, nil
}

// attempts is how often a start is tried with new ports.
const attempts = 3

// starter starts a server on a port and returns its URL.
type starter func(port string) (url string, err error)

// onFreePort starts a server on some port.
func onFreePort(start starter) (url string, err error) {
	return retry(func() (string, error) {
		ports, err := freePorts(1)
		if err != nil {
			return "", err
		}
		return start(ports[0])
	})
}

// retry tries a start until it succeeds.
func retry[T any](start func() (T, error)) (T, error) {
	var errs []error
	for range attempts {
		value, err := start()
		if err == nil {
			return value, nil
		}
		errs = append(errs, err)
	}
	var none T
	return none, errors.Join(errs...)
}
