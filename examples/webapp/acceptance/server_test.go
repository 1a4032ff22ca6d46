package acceptance

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	_ "github.com/ncruces/go-sqlite3/driver" // the database/sql driver "sqlite3"
)

// scratch is a directory for the whole run.
var scratch string

func TestMain(m *testing.M) {
	var err error
	if scratch, err = os.MkdirTemp("", "webapp"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	status := m.Run()
	closeChromium()
	if err := os.RemoveAll(scratch); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(status)
}

// program builds the application, and returns its path.
var program = sync.OnceValues(func() (string, error) {
	path := filepath.Join(scratch, "notebook")
	build := exec.Command("go", "build", "-o", path, ".")
	build.Dir, build.Env = "..", append(os.Environ(), "GOWORK=off", "CGO_ENABLED=0")
	if text, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, text)
	}
	return path, nil
})

// server is the program, running.
type server struct {
	t       *testing.T
	url     string
	env     []string
	process *exec.Cmd
	db      *sql.DB // its file, opened once more
	*mails          // nil: it has its own mailbox
}

// start starts the program with mails by SMTP. Settings are NAME=value.
func start(t *testing.T, settings ...string) *server {
	t.Helper()
	relay := startRelay(t)
	s := startWithMailbox(t, append(settings, "MYAUTH_SMTP_URL=smtp://"+relay.address+"?tls=none")...)
	s.mails = relay
	return s
}

func startWithMailbox(t *testing.T, settings ...string) *server {
	t.Helper()
	file := filepath.Join(t.TempDir(), "notebook.db")
	s := &server{t: t, env: append([]string{"MYAUTH_STORE=sqlite:" + file}, settings...)}
	s.run("127.0.0.1:0")
	t.Cleanup(s.stop)
	var err error
	if s.db, err = sql.Open("sqlite3", "file:"+file+"?_pragma=busy_timeout(10000)"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.db.Close() })
	return s
}

// run starts the process, and waits until it says that it listens.
func (s *server) run(address string) {
	s.t.Helper()
	path, err := program()
	if err != nil {
		s.t.Fatal(err)
	}
	s.process = exec.CommandContext(context.WithoutCancel(s.t.Context()), path)
	s.process.Env = append([]string{"MYAUTH_ADDR=" + address}, s.env...)
	output, err := s.process.StderrPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.process.Start(); err != nil {
		s.t.Fatal(err)
	}
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		fmt.Fprintln(s.t.Output(), lines.Text())
		if url, ok := strings.CutPrefix(lines.Text(), "open "); ok {
			s.url = url
			break
		}
	}
	if s.url == "" {
		s.t.Fatal("the program does not start")
	}
	log := s.t.Output()
	go func() { // until the process ends, which stop waits for
		for lines.Scan() {
			fmt.Fprintln(log, lines.Text())
		}
	}()
}

// stop ends the process as an administrator does.
func (s *server) stop() {
	if s.process == nil {
		return
	}
	_ = s.process.Process.Signal(syscall.SIGTERM)
	if err := s.process.Wait(); err != nil {
		s.t.Errorf("the program ended with %v", err)
	}
	s.process = nil
}

// restart is a new process on the same file and port.
func (s *server) restart() {
	s.t.Helper()
	s.stop()
	s.run(strings.Replace(strings.TrimPrefix(s.url, "http://"), "localhost", "127.0.0.1", 1))
}

// exec changes the database behind the program's back.
func (s *server) exec(statement string, args ...any) {
	s.t.Helper()
	result, err := s.db.ExecContext(context.WithoutCancel(s.t.Context()), statement, args...)
	if err != nil {
		s.t.Fatal(err)
	}
	if n, err := result.RowsAffected(); strings.HasPrefix(statement, "UPDATE") && (n == 0 || err != nil) {
		s.t.Fatalf("%s: %d rows, %v", statement, n, err)
	}
}

// status asks for a page as a program would.
func (s *server) status(path string) int {
	s.t.Helper()
	answer, err := http.Get(s.url + path)
	if err != nil {
		s.t.Fatal(err)
	}
	answer.Body.Close()
	return answer.StatusCode
}
