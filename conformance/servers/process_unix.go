//go:build unix

package servers

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// supervisor runs a command until it ends, or until the pipe at descriptor 3 closes
// with the process that holds its other end. Then the directory goes.
const supervisor = `
dir=$1 signal=$2
shift 2
"$@" 3<&- </dev/null >"$dir/log" 2>&1 &
server=$!
(cat <&3 >/dev/null; kill -s "$signal" "$server") 2>/dev/null &
watcher=$!
exec 3<&-
wait "$server"
kill "$watcher" 2>/dev/null
rm -rf "$dir"
`

// program is how a server is started.
type program struct {
	dir     string   // its own, removed at its end
	signal  string   // what ends it at once
	command []string // with absolute path
	as      *syscall.Credential
	ready   func() error // nil once it answers
}

// startTimeout is how long a server may take until it answers.
const startTimeout = 30 * time.Second

// start runs p until this process ends, and returns once it is ready.
func (p program) start() error {
	hold, held, err := os.Pipe()
	if err != nil {
		return err
	}
	defer hold.Close()
	cmd := exec.Command("/bin/sh", append([]string{"-c", supervisor, "supervisor", p.dir, p.signal}, p.command...)...)
	cmd.Dir = p.dir
	cmd.ExtraFiles = []*os.File{hold}
	// A group of its own: what the terminal sends to this process is not for it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: p.as}
	if err := cmd.Start(); err != nil {
		return errors.Join(err, held.Close())
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // that it ended is all that matters
		close(ended)
	}()
	holding.Lock()
	holding.pipes = append(holding.pipes, held)
	holding.Unlock()
	log := filepath.Join(p.dir, "log")
	timeout := time.NewTimer(startTimeout)
	defer timeout.Stop()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	var text []byte
	for {
		err := p.ready()
		if err == nil {
			return nil
		}
		if now, readErr := os.ReadFile(log); readErr == nil {
			text = now
		}
		select {
		case <-again.C:
		case <-ended:
			return fmt.Errorf("%s ended: %s", filepath.Base(p.command[0]), tail(text))
		case <-timeout.C:
			return errors.Join(fmt.Errorf("%s does not answer: %w: %s", filepath.Base(p.command[0]), err, tail(text)), held.Close())
		}
	}
}

// holding keeps the pipes, so that none is collected and thereby closed.
var holding struct {
	sync.Mutex
	pipes []*os.File
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
		err = os.Chown(dir, int(as.Uid), int(as.Gid))
	}
	return dir, err
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

// find returns the absolute path of a program.
func find(name string, dirs ...string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return filepath.Abs(path)
	}
	for _, pattern := range dirs {
		matches, err := filepath.Glob(filepath.Join(pattern, name))
		if err == nil && len(matches) > 0 {
			return matches[len(matches)-1], nil
		}
	}
	return "", fmt.Errorf("the program %s is not installed", name)
}

// freePorts returns ports that nobody listens on at this moment. Somebody may take
// one before the server does, so starts are tried more than once.
func freePorts(n int) ([]string, error) {
	var ports []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
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
