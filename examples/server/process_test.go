package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The tests of this package run the server as a process of its own: the test
// binary starts itself once more, and is then nothing but main.

const (
	asServer       = "MYAUTH_TEST_AS_SERVER"
	shellCommand   = "shell"                        // value of asServer: a command, and no server
	checksWithin   = "MYAUTH_TEST_CHECK_WITHIN"     // instead of checkWithin
	publishKeysFor = "MYAUTH_TEST_PUBLISH_KEYS_FOR" // instead of publishFor
)

func TestMain(m *testing.M) {
	if os.Getenv(asServer) == shellCommand {
		if d, err := time.ParseDuration(os.Getenv(checksWithin)); err == nil {
			checkWithin = d
		}
		main() // its standard input is its own
	}
	if os.Getenv(asServer) != "" {
		// Standard input is a pipe from the test. When the test dies, however it
		// does, the pipe ends and so does this process.
		go func() {
			io.Copy(io.Discard, os.Stdin)
			os.Exit(99)
		}()
		if d, err := time.ParseDuration(os.Getenv(publishKeysFor)); err == nil {
			publishFor = d
		}
		main()
	}
	os.Exit(m.Run())
}

// patience is what a test waits for something that should come at once.
const patience = 30 * time.Second

// process is a running server.
type process struct {
	t    testing.TB
	cmd  *exec.Cmd
	dir  string // its working directory
	url  string // what it says it listens on
	tee  io.Writer
	out  bytes.Buffer // its standard output
	done chan struct{}
	// stderrPipe is where the lines come from.
	stderrPipe io.Closer

	mu      sync.Mutex
	lines   []string // its standard error
	changed chan struct{}
}

// launch starts a server in dir with the given settings and nothing else in its
// environment that could be one. It is killed when the test ends.
func launch(t testing.TB, dir string, tee io.Writer, env ...string) *process {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := serverCommand(dir, exe)
	cmd.Env = append(cmd.Env, env...)
	return startProcess(t, cmd, tee)
}

// serverCommand is a command that runs this test's executable as a server.
func serverCommand(dir, name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(cmd.Env, asServer+"=1", "GORACE=atexit_sleep_ms=0", "MYAUTH_ADDR=127.0.0.1:0", "MYAUTH_BCRYPT_COST=4", "MYAUTH_INSECURE_FAST_HASH=1")
	return cmd
}

// startProcess starts cmd, with the environment of the test but for the settings of a
// server and what cmd has of its own. It is killed when the test ends.
func startProcess(t testing.TB, cmd *exec.Cmd, tee io.Writer) *process {
	t.Helper()
	p := &process{t: t, cmd: cmd, dir: cmd.Dir, tee: tee, done: make(chan struct{}), changed: make(chan struct{})}
	own := cmd.Env
	cmd.Env = nil
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, "MYAUTH_") {
			cmd.Env = append(cmd.Env, entry)
		}
	}
	cmd.Env = append(cmd.Env, own...)
	p.cmd.Stdout = &p.out
	if _, err := p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.stderrPipe = stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		<-p.done
		if t.Failed() {
			t.Logf("the server said:\n%s", p.stderr())
		}
	})
	go p.read(stderr)
	return p
}

// startServer is launch, and waits until the server answers.
func startServer(t testing.TB, dir string, env ...string) *process {
	t.Helper()
	p := launch(t, dir, nil, env...)
	p.url = p.waitFor(`^listening on (http://\S+)$`)[1]
	return p
}

// read takes the server's standard error in, line by line, and at its end the
// exit status.
func (p *process) read(stderr io.Reader) {
	scanner := bufio.NewScanner(stderr)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		if p.tee != nil {
			io.WriteString(p.tee, scanner.Text()+"\n")
		}
		p.mu.Lock()
		p.lines = append(p.lines, scanner.Text())
		close(p.changed)
		p.changed = make(chan struct{})
		p.mu.Unlock()
	}
	p.cmd.Wait()
	close(p.done)
}

func (p *process) stderr() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.lines, "\n")
}

// waitFor waits until the server's standard error matches pattern (^ and $ are
// those of a line) and returns the last match with its groups.
func (p *process) waitFor(pattern string) []string {
	p.t.Helper()
	return p.waitForNew(pattern, 0)
}

// waitForNew is waitFor for the match after the first n.
func (p *process) waitForNew(pattern string, n int) []string {
	p.t.Helper()
	re := regexp.MustCompile("(?m)" + pattern)
	timeout := time.After(patience)
	for {
		p.mu.Lock()
		changed, text := p.changed, strings.Join(p.lines, "\n")
		p.mu.Unlock()
		if all := re.FindAllStringSubmatch(text, -1); len(all) > n {
			return all[len(all)-1]
		}
		select {
		case <-changed:
		case <-p.done:
			if all := re.FindAllStringSubmatch(p.stderr(), -1); len(all) > n {
				return all[len(all)-1]
			}
			p.t.Fatalf("the server ended without saying %q (status %d):\n%s", pattern, p.cmd.ProcessState.ExitCode(), p.stderr())
		case <-timeout:
			p.t.Fatalf("the server does not say %q:\n%s", pattern, text)
		}
	}
}

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// status waits for the end and returns the exit status.
func (p *process) status() int {
	p.t.Helper()
	select {
	case <-p.done:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		p.t.Fatal("the server does not end")
		return -1
	}
}

// stop ends the server as an operator does.
func (p *process) stop() {
	p.t.Helper()
	p.signal(syscall.SIGTERM)
	if status := p.status(); status != 0 {
		p.t.Errorf("exit status %d after SIGTERM", status)
	}
}

// answer is what the server said to a request.
type answer struct {
	status int
	header http.Header
	body   string
}

// object is the answer's body.
func (a answer) object(t testing.TB) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(a.body), &m); err != nil {
		t.Fatalf("%v: %q", err, a.body)
	}
	return m
}

func (a answer) field(t testing.TB, name string) string {
	t.Helper()
	s, ok := a.object(t)[name].(string)
	if !ok {
		t.Fatalf("no %s in %s", name, a.body)
	}
	return s
}

// do sends a request and fails the test unless the status is want. A body that is
// not empty is sent as JSON; a token is sent as the Bearer.
func (p *process) do(want int, method, path, token, body string) answer {
	p.t.Helper()
	req, err := http.NewRequest(method, p.url+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	client := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	if res.StatusCode != want {
		p.t.Fatalf("%s %s: status %d, want %d: %s", method, path, res.StatusCode, want, text)
	}
	return answer{res.StatusCode, res.Header, string(text)}
}

const (
	goodPassword = "Correct-Horse-7"
	registration = `{"email":"ada@example.com","username":"Ada","password":"` + goodPassword + `"}`
	credentials  = `{"email":"ada@example.com","password":"` + goodPassword + `"}`
)
